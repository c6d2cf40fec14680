package storage.cairn.replicamanager;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeMembershipSpec.Stale;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.Forced.Outcome;

/** A volume of which too few replicas are left comes back when somebody asks, and never by losing more than it must. */
final class ForcedTest {
    private static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    private static final String ID = "6f1c2b1e-8a35-4c8e-9a63-5b0b2f6d7c11";
    private static final VolumeMembershipSpec VOLUME = new VolumeMembershipSpec(
            "v",
            1,
            9,
            ID,
            new VolumeMembershipSpec.Owner(2, ID),
            List.of("d1", "d2"),
            List.of(),
            List.of(new Stale("d3", 50), new Stale("d4", 60), new Stale("d5", 0)),
            2,
            4096,
            ID,
            true,
            false,
            false);

    /** With these nodes heard of. */
    private static Health health(int... heard) {
        Map<String, DiskState> disks = new TreeMap<>();
        Map<String, NodeState> nodes = new TreeMap<>();
        for (int node = 1; node <= 5; node++) {
            int number = node;
            boolean there = Arrays.stream(heard).anyMatch(each -> each == number);
            Instant last = there ? NOW : NOW.minusSeconds(600);
            nodes.put("n" + node, new NodeState("n" + node, node, "", "", last, true, false, null));
            disks.put("d" + node, new DiskState("d" + node, "fast", "n" + node, 1L << 40, 0, null, "", false));
        }
        return new Health(new Cluster(NOW, Map.of(), disks, nodes, Map.of()), Rules.DEFAULTS);
    }

    private static VolumeMembershipSpec online(Outcome outcome) {
        assertThat(outcome).isInstanceOf(Outcome.Online.class);
        return ((Outcome.Online) outcome).next();
    }

    private static void refused(Outcome outcome, String why) {
        assertThat(outcome)
                .isInstanceOfSatisfying(
                        Outcome.Refused.class,
                        refused -> assertThat(refused.reason()).contains(why));
    }

    @Test
    void oneReplicaInSyncIsEnoughAndLosesNothing() {
        VolumeMembershipSpec next = online(Forced.force(VOLUME, "force-online:9", "", health(1, 3, 4)));
        assertThat(next.inSync()).containsExactly("d1");
        assertThat(next.minInSync()).isEqualTo(1);
        assertThat(next.epoch()).isEqualTo(10);
        assertThat(next.owner()).isNull();
        assertThat(next.outOfSync()).extracting(Stale::disk).containsExactlyInAnyOrder("d2", "d3", "d4", "d5");
        assertThat(next.outOfSync()).allMatch(each -> each.sinceSeq() == 0);
    }

    @Test
    void anOlderReplicaOnlyWhenTheLossIsAccepted() {
        refused(Forced.force(VOLUME, "force-online:9", "", health(3, 4, 5)), "--accept-loss");
        VolumeMembershipSpec next = online(Forced.force(VOLUME, "force-online:9:accept-loss", "", health(3, 4, 5)));
        assertThat(next.inSync()).containsExactly("d4");
        refused(Forced.force(VOLUME, "force-online:9:accept-loss", "", health(5)), "none of its replicas");
    }

    @Test
    void whoeverAsksMustHaveSeenWhatThereIsAndNobodyMayServeIt() {
        refused(Forced.force(VOLUME, "force-online:8", "", health(1)), "epoch '8'");
        refused(Forced.force(VOLUME, "force-online:", "", health(1)), "epoch ''");
        refused(Forced.force(VOLUME, "force-online:9", "n2", health(1)), "n2 serves it");
        refused(Forced.force(VOLUME, "force-online:9", "", health(1, 2)), "enough");
    }

    @Test
    void whatWasLoweredIsRaisedAgain() {
        VolumeMembershipSpec raised = Forced.protect(VOLUME, 2);
        assertThat(raised.minInSync()).isEqualTo(2);
        assertThat(raised.epoch()).isEqualTo(10);
        assertThat(raised.inSync()).isEqualTo(VOLUME.inSync());
        assertThat(raised.outOfSync()).isEqualTo(VOLUME.outOfSync());
    }
}
