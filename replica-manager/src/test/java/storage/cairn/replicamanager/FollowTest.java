package storage.cairn.replicamanager;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Quantity;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.api.resource.VolumeSpec.Locality;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.Cluster.VolumeState;

/** A volume with replicas on n1 and n2, in a cluster of four nodes with a disk each. */
final class FollowTest {
    private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");
    private static final long GIB = 1L << 30;

    private final Stays stays = new Stays();
    private final Map<String, DiskState> disks = new TreeMap<>();
    private Locality locality = Locality.PREFERRED;
    private @Nullable String attachId = UUID.randomUUID().toString();
    private List<String> inSync = List.of("d1", "d2");
    private int replicas = 2;

    FollowTest() {
        for (int number = 1; number <= 4; number++) {
            disks.put("d" + number, disk(number, 0));
        }
    }

    private static DiskState disk(int number, long usedGib) {
        return new DiskState("d" + number, "fast", "n" + number, 100 * GIB, usedGib * GIB, null, "", false);
    }

    private Cluster cluster(Instant now, int owner) {
        Map<String, NodeState> nodes = new TreeMap<>();
        for (int number = 1; number <= 4; number++) {
            nodes.put("n" + number, new NodeState("n" + number, number, "", "", now, true, false, null));
        }
        VolumeSpec spec = new VolumeSpec(
                UUID.randomUUID().toString(),
                new Quantity("10Gi"),
                "fast",
                replicas,
                null,
                locality,
                null,
                null,
                null,
                null,
                null);
        VolumeMembershipSpec membership = new VolumeMembershipSpec(
                "v",
                1,
                7,
                UUID.randomUUID().toString(),
                new VolumeMembershipSpec.Owner(owner, UUID.randomUUID().toString()),
                inSync,
                List.of(),
                List.of(),
                1,
                10 * GIB,
                attachId,
                true,
                false,
                false);
        return new Cluster(
                now,
                Map.of("fast", new StoragePoolSpec(null, replicas, null, Spread.NODE, 200, 75, 85)),
                disks,
                nodes,
                Map.of("v", new VolumeState("v", 1, spec, membership, List.of(), 0, null, true, false, Map.of(), "")));
    }

    /** What is wanted of the volume after so many minutes, each of them looked at; empty: that it stays. */
    private List<String> after(int minutes, int owner) {
        List<String> wanted = List.of();
        for (int minute = 0; minute <= minutes; minute++) {
            wanted = at(minute, owner);
        }
        return wanted;
    }

    private List<String> at(int minute, int owner) {
        Cluster cluster = cluster(NOW.plus(Duration.ofMinutes(minute)), owner);
        Sweep sweep = new Sweep(cluster, Rules.DEFAULTS, stays.look(cluster));
        var plan = sweep.plan().get("v");
        sweep.followed().forEach(volume -> stays.moved(volume, cluster.now()));
        return plan != null && !plan.actions().isEmpty() && plan.actions().getFirst() instanceof Action.Want want
                ? want.disks()
                : List.of();
    }

    @Test
    void aPodThatSettledAwayFromItsDataGetsAReplica() {
        assertThat(after(9, 3)).isEmpty();
        assertThat(at(10, 3)).hasSize(2).contains("d3").containsAnyOf("d1", "d2");
    }

    @Test
    void aPodBesideItsDataGetsNone() {
        assertThat(after(60, 2)).isEmpty();
    }

    @Test
    void oneThatWandersIsNotRunAfter() {
        for (int minute = 0; minute < 60; minute++) {
            assertThat(at(minute, minute / 5 % 2 == 0 ? 3 : 4)).isEmpty();
        }
    }

    @Test
    void aNextMoveOfTheSameVolumeComesOnlyAnHourLater() {
        assertThat(after(10, 3)).contains("d3");
        inSync = List.of("d2", "d3");
        assertThat(at(11, 4)).isEmpty();
        assertThat(at(30, 4)).as("settled, but too soon").isEmpty();
        assertThat(at(71, 4)).contains("d4");
    }

    @Test
    void volumesWhosePlaceDoesNotMatterOrThatNobodyUsesStay() {
        locality = Locality.NONE;
        assertThat(after(30, 3)).isEmpty();
        locality = Locality.REQUIRED;
        attachId = null;
        assertThat(after(30, 3)).isEmpty();
    }

    @Test
    void aNodeWithoutRoomGetsNone() {
        disks.put("d3", disk(3, 90));
        assertThat(after(30, 3)).isEmpty();
    }

    @Test
    void aVolumeThatLacksACopyIsRebuiltFirst() {
        replicas = 3;
        assertThat(after(30, 3)).as("the third copy, and no move").hasSize(3).contains("d1", "d2");
    }

    @Test
    void balanceLeavesTheReplicaThatIsReadWhereItIs() {
        // What d2 promised is more than it has: balance wants it to give up what it may.
        disks.put("d2", new DiskState("d2", "fast", "n2", 8 * GIB, 0, null, "", false));
        assertThat(at(0, 2)).as("used on n2").isEmpty();
        assertThat(at(0, 1)).as("used on n1").hasSize(2).contains("d1").doesNotContain("d2");
    }
}
