package storage.cairn.replicamanager;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.Quantity;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeMembershipSpec.Stale;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.Cluster.VolumeState;
import storage.cairn.replicamanager.VolumePlan.Plan;

/** What is decided for volumes, from what is known of pools, disks and nodes. */
final class SweepTest {
    private static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    private static final long GIB = 1L << 30;
    private static final String ID = "6f1c2b1e-8a35-4c8e-9a63-5b0b2f6d7c11";
    private static final Rules RULES = Rules.DEFAULTS;

    private final Map<String, StoragePoolSpec> pools = new TreeMap<>();
    private final Map<String, DiskState> disks = new TreeMap<>();
    private final Map<String, NodeState> nodes = new TreeMap<>();
    private final Map<String, VolumeState> volumes = new TreeMap<>();

    SweepTest() {
        pools.put("fast", pool(Spread.NODE));
    }

    private static StoragePoolSpec pool(Spread spread) {
        return new StoragePoolSpec(null, 3, null, spread, 200, 75, 85);
    }

    private void node(int number, String zone, @Nullable Instant heardOf) {
        nodes.put("n" + number, new NodeState("n" + number, number, zone, "", heardOf, true, false, null));
    }

    private void disk(String id, int node, long usableGib, long usedGib) {
        disks.put(id, new DiskState(id, "fast", "n" + node, usableGib * GIB, usedGib * GIB, null, "", false));
    }

    /** So many nodes with one disk of 100 GiB each: n1 with d1 and so on. */
    private void cluster(int count) {
        for (int number = 1; number <= count; number++) {
            node(number, "z" + (number % 2), NOW);
            disk("d" + number, number, 100, 0);
        }
    }

    private static VolumeSpec spec(String size, int replicas, @Nullable String deleteRequest) {
        return new VolumeSpec(
                ID, new Quantity(size), "fast", replicas, null, null, null, null, deleteRequest, null, null);
    }

    private static VolumeMembershipSpec membership(
            List<String> inSync, List<Stale> outOfSync, VolumeMembershipSpec.@Nullable Owner owner) {
        return new VolumeMembershipSpec(
                "v",
                1,
                7,
                ID,
                owner,
                inSync,
                List.of(),
                outOfSync,
                2,
                10 * GIB,
                owner == null ? null : ID,
                false,
                false,
                false);
    }

    private void volume(VolumeSpec spec, @Nullable VolumeMembershipSpec membership, String... wanted) {
        volumes.put(
                "v", new VolumeState("v", 1, spec, membership, List.of(wanted), 0, null, true, false, Map.of(), ""));
    }

    private Cluster known() {
        return new Cluster(NOW, pools, disks, nodes, volumes);
    }

    private static <T> T there(Map<String, T> map, String key) {
        return Objects.requireNonNull(map.get(key), key);
    }

    private Plan plan() {
        return there(new Sweep(known(), RULES).plan(), "v");
    }

    private List<String> recorded() {
        assertThat(plan().actions()).hasSize(1).first().isInstanceOf(Action.Record.class);
        return ((Action.Record) plan().actions().getFirst()).first().inSync();
    }

    private List<String> wanted() {
        assertThat(plan().actions()).as(plan().trouble()).hasSize(1).first().isInstanceOf(Action.Want.class);
        return ((Action.Want) plan().actions().getFirst()).disks();
    }

    private VolumeStatus status() {
        Cluster cluster = known();
        VolumeState volume = there(volumes, "v");
        return new Projection(cluster, new Health(cluster, RULES)).status(volume, plan(), List.of());
    }

    @Test
    void aNewVolumeIsHeldBeforeItIsRecorded() {
        cluster(3);
        volumes.put(
                "v",
                new VolumeState("v", 1, spec("10Gi", 3, null), null, List.of(), 0, null, false, false, Map.of(), ""));
        assertThat(plan().actions()).containsExactly(new Action.Hold());
    }

    @Test
    void aNewVolumeGetsTheLeastPromisedDisksOfDistinctNodes() {
        cluster(4);
        disk("d1b", 1, 100, 0);
        volumes.put(
                "other",
                new VolumeState(
                        "other",
                        1,
                        spec("10Gi", 1, null),
                        membership(List.of("d2"), List.of(), null),
                        List.of(),
                        0,
                        null,
                        true,
                        false,
                        Map.of(),
                        ""));
        volume(spec("10Gi", 3, null), null);
        assertThat(recorded()).hasSize(3).doesNotContain("d2");
        Set<String> places = new HashSet<>();
        recorded().forEach(disk -> places.add(there(disks, disk).node()));
        assertThat(places).hasSize(3);
    }

    @Test
    void aVolumeHalfOfWhoseReplicasAreNeededSaysSo() {
        cluster(5);
        for (int[] each : new int[][] {{1, 1}, {2, 1}, {3, 2}, {4, 2}, {5, 3}}) {
            volume(spec("10Gi", each[0], null), null);
            assertThat(((Action.Record) plan().actions().getFirst()).first().minInSync())
                    .isEqualTo(each[1]);
        }
    }

    @Test
    void tooFewNodesAreToldInWords() {
        cluster(2);
        volume(spec("10Gi", 3, null), null);
        assertThat(plan().trouble())
                .contains("3 replicas")
                .contains("in as many different nodes")
                .contains("in 2");
        assertThat(status().phase()).isEqualTo(VolumeStatus.Phase.CREATING);
    }

    @Test
    void spreadOverZonesIsKept() {
        cluster(4);
        pools.put("fast", pool(Spread.ZONE));
        volume(spec("10Gi", 2, null), null);
        assertThat(recorded().stream()
                        .map(disk -> there(nodes, there(disks, disk).node()).zone())
                        .collect(Collectors.toSet()))
                .hasSize(2);
        volume(spec("10Gi", 3, null), null);
        assertThat(plan().trouble()).contains("zones");
    }

    @Test
    void noMoreIsPromisedThanThePoolAllows() {
        cluster(3);
        volume(spec("201Gi", 3, null), null);
        assertThat(plan().trouble()).contains("has promised");
        volume(spec("200Gi", 3, null), null);
        assertThat(recorded()).hasSize(3);
    }

    /** Two volumes at once must not both get the last room. */
    @Test
    void whatOneVolumeGetsInASweepIsNotPromisedToAnother() {
        cluster(3);
        volume(spec("150Gi", 3, null), null);
        volumes.put(
                "w",
                new VolumeState("w", 1, spec("150Gi", 3, null), null, List.of(), 0, null, true, false, Map.of(), ""));
        Map<String, Plan> plans = new Sweep(known(), RULES).plan();
        assertThat(plans.values().stream().filter(plan -> plan.trouble().isEmpty()))
                .hasSize(1);
    }

    @Test
    void fullLeavingAwayAndUnschedulableDisksGetNothingNew() {
        cluster(6);
        disk("d1", 1, 100, 90);
        disks.put("d2", new DiskState("d2", "fast", "n2", 100 * GIB, 0, null, "", true));
        node(3, "z1", NOW.minusSeconds(100));
        nodes.put("n4", new NodeState("n4", 4, "", "", NOW, false, false, null));
        volume(spec("10Gi", 2, null), null);
        assertThat(recorded()).containsExactlyInAnyOrder("d5", "d6");
        volume(spec("10Gi", 3, null), null);
        assertThat(plan().trouble())
                .contains("is full")
                .contains("is being evacuated")
                .contains("is away");
    }

    @Test
    void aReplicaThatIsAwayIsReplacedAfterTheWindowAlone() {
        cluster(4);
        VolumeMembershipSpec degraded = membership(List.of("d1", "d2"), List.of(new Stale("d3", 9)), null);
        volume(spec("10Gi", 3, null), degraded);
        node(3, "", NOW.minus(Duration.ofMinutes(9)));
        assertThat(plan().actions()).isEmpty();
        assertThat(status().phase()).isEqualTo(VolumeStatus.Phase.DEGRADED);
        assertThat(status().reason())
                .contains("2 of 3 replicas are in sync")
                .contains("n3 was not heard of since " + NOW.minus(Duration.ofMinutes(9)))
                .contains("replaced at " + NOW.plusSeconds(60));
        node(3, "", NOW.minus(Duration.ofMinutes(11)));
        assertThat(wanted()).containsExactlyInAnyOrder("d1", "d2", "d4");
    }

    @Test
    void aNodeInMaintenanceKeepsItsReplicas() {
        cluster(4);
        volume(spec("10Gi", 3, null), membership(List.of("d1", "d2"), List.of(new Stale("d3", 9)), null));
        nodes.put(
                "n3", new NodeState("n3", 3, "", "", NOW.minus(Duration.ofHours(2)), true, false, NOW.plusSeconds(60)));
        assertThat(plan().actions()).isEmpty();
        assertThat(status().reason()).contains("maintenance");
    }

    @Test
    void aReplicaWithoutAPlaceToGoStaysAndTheReasonIsTold() {
        cluster(3);
        volume(spec("10Gi", 3, null), membership(List.of("d1", "d2"), List.of(new Stale("d3", 9)), null));
        node(3, "", NOW.minus(Duration.ofHours(1)));
        assertThat(plan().actions()).isEmpty();
        assertThat(plan().trouble()).contains("Add disks or nodes");
        assertThat(status().reason()).contains("Add disks or nodes");
    }

    @Test
    void replicasLeaveADiskThatIsEvacuated() {
        cluster(4);
        volume(spec("10Gi", 3, null), membership(List.of("d1", "d2", "d3"), List.of(), null));
        disks.put("d2", new DiskState("d2", "fast", "n2", 100 * GIB, 0, null, "", true));
        assertThat(wanted()).containsExactlyInAnyOrder("d1", "d3", "d4");
        assertThat(new Evacuations(known()).disks().get("d2"))
                .isEqualTo(new Evacuations.Progress(false, 1, "1 replicas are still to leave"));
    }

    @Test
    void anEvacuatedNodeIsDoneWhenNothingIsLeftAndNothingServed() {
        cluster(3);
        nodes.put("n3", new NodeState("n3", 3, "", "", NOW, true, true, null));
        volume(
                spec("10Gi", 2, null),
                membership(List.of("d1", "d2"), List.of(), new VolumeMembershipSpec.Owner(3, ID)));
        assertThat(there(new Evacuations(known()).nodes(), "n3").done()).isFalse();
        volume(spec("10Gi", 2, null), membership(List.of("d1", "d2"), List.of(), null));
        assertThat(there(new Evacuations(known()).nodes(), "n3").done()).isTrue();
    }

    @Test
    void moreReplicasAreAddedAndFewerTakenAway() {
        cluster(4);
        volume(spec("10Gi", 3, null), membership(List.of("d1", "d2"), List.of(), null));
        assertThat(wanted()).hasSize(3).contains("d1", "d2");
        volume(spec("10Gi", 2, null), membership(List.of("d1", "d2", "d3"), List.of(), null));
        assertThat(wanted()).hasSize(2);
    }

    @Test
    void theNodeThatIsPreferredGetsAReplicaThoughOthersHaveMoreRoom() {
        cluster(5);
        disk("d5", 5, 10, 0);
        VolumeSpec near = new VolumeSpec(ID, new Quantity("10Gi"), "fast", 3, null, null, null, null, null, "n5", null);
        volume(near, null);
        assertThat(recorded()).hasSize(3).contains("d5");
    }

    @Test
    void aVolumeGrowsIfItsDisksHaveRoom() {
        cluster(3);
        VolumeMembershipSpec membership = membership(List.of("d1", "d2", "d3"), List.of(), null);
        volume(spec("20Gi", 3, null), membership);
        assertThat(plan().actions()).containsExactly(new Action.Grow(20 * GIB));
        volume(spec("201Gi", 3, null), membership);
        assertThat(plan().actions()).isEmpty();
        assertThat(plan().code()).isEqualTo(Placement.NO_SPACE);
        assertThat(status().conditions())
                .anyMatch(each ->
                        each.getType().equals("Grown") && each.getReason().equals("NoSpace"));
    }

    @Test
    void aWishIsNotRepeated() {
        cluster(4);
        node(3, "", NOW.minus(Duration.ofMinutes(11)));
        volume(
                spec("10Gi", 3, null),
                membership(List.of("d1", "d2"), List.of(new Stale("d3", 9), new Stale("d4", 0)), null),
                "d1",
                "d2",
                "d4");
        assertThat(plan().actions()).isEmpty();
    }

    @Test
    void aVolumeIsErasedOnRequestAfterItsWindowAlone() {
        cluster(3);
        VolumeMembershipSpec membership = membership(List.of("d1", "d2", "d3"), List.of(), null);
        volume(spec("10Gi", 3, ID), membership);
        assertThat(plan().actions()).containsExactly(new Action.DeleteAfter(NOW.plus(RULES.restoreWindow())));
        deleteAfter(membership, NOW.plusSeconds(1));
        assertThat(plan().actions()).isEmpty();
        assertThat(status().phase()).isEqualTo(VolumeStatus.Phase.DELETING);
        assertThat(status().reason()).contains("undelete");
        deleteAfter(membership, NOW);
        assertThat(plan().actions()).containsExactly(new Action.Bury(membership));
    }

    private void deleteAfter(VolumeMembershipSpec membership, Instant instant) {
        volumes.put(
                "v",
                new VolumeState(
                        "v", 1, spec("10Gi", 3, ID), membership, List.of(), 0, instant, true, false, Map.of(), ""));
    }

    @Test
    void aServedVolumeIsNotErased() {
        cluster(3);
        VolumeMembershipSpec served =
                membership(List.of("d1", "d2", "d3"), List.of(), new VolumeMembershipSpec.Owner(2, ID));
        deleteAfter(served, NOW);
        assertThat(plan().actions()).isEmpty();
        assertThat(plan().trouble()).contains("served on n2");
        node(2, "", NOW.minusSeconds(100));
        assertThat(plan().actions()).containsExactly(new Action.Bury(served));
    }

    @Test
    void aVolumeThatIsOnlyBroughtUpToDateIsErasedAllTheSame() {
        cluster(3);
        VolumeMembershipSpec healed = new VolumeMembershipSpec(
                "v",
                1,
                7,
                ID,
                new VolumeMembershipSpec.Owner(2, ID),
                List.of("d1", "d2"),
                List.of(new Stale("d3", 5)),
                List.of(),
                2,
                10 * GIB,
                null,
                false,
                false,
                false);
        deleteAfter(healed, NOW);
        assertThat(plan().actions()).containsExactly(new Action.Bury(healed));
    }

    @Test
    void takingTheRequestBackRestoresTheVolume() {
        cluster(3);
        volumes.put(
                "v",
                new VolumeState(
                        "v",
                        1,
                        spec("10Gi", 3, null),
                        membership(List.of("d1", "d2", "d3"), List.of(), null),
                        List.of(),
                        0,
                        NOW.plusSeconds(60),
                        true,
                        false,
                        Map.of(),
                        ""));
        assertThat(plan().actions()).containsExactly(new Action.DeleteAfter(null));
    }

    @Test
    void aResourceThatIsDeletedWithoutARequestKeepsItsData() {
        cluster(3);
        volumes.put(
                "v",
                new VolumeState(
                        "v",
                        1,
                        spec("10Gi", 3, null),
                        membership(List.of("d1", "d2", "d3"), List.of(), null),
                        List.of(),
                        0,
                        null,
                        true,
                        true,
                        Map.of(),
                        ""));
        assertThat(plan().actions()).isEmpty();
        assertThat(status().reason()).contains("cairn volume delete v");
        assertThat(status().conditions()).anyMatch(each -> each.getType().equals("DeletionRefused"));
    }

    @Test
    void aTombstoneLetsTheResourceGo() {
        cluster(3);
        VolumeMembershipSpec dead = new VolumeMembershipSpec(
                "v", 1, 8, ID, null, List.of("d1"), List.of(), List.of(), 1, 10 * GIB, null, false, true, false);
        volume(spec("10Gi", 1, ID), dead);
        assertThat(plan().actions()).containsExactly(new Action.LetGo());
    }

    @Test
    void tooFewReachableReplicasAreUnavailable() {
        cluster(3);
        volume(spec("10Gi", 3, null), membership(List.of("d1", "d2", "d3"), List.of(), null));
        node(2, "", NOW.minusSeconds(100));
        node(3, "", NOW.minusSeconds(100));
        assertThat(status().phase()).isEqualTo(VolumeStatus.Phase.UNAVAILABLE);
        assertThat(status().reason()).contains("1 replicas in sync can be reached, 2 are needed");
    }

    @Test
    void aNewNodeGetsItsShareButNotAllAtOnce() {
        cluster(3);
        for (int i = 0; i < 10; i++) {
            volumes.put(
                    "v" + i,
                    new VolumeState(
                            "v" + i,
                            1,
                            spec("10Gi", 3, null),
                            membership(List.of("d1", "d2", "d3"), List.of(), null),
                            List.of(),
                            0,
                            null,
                            true,
                            false,
                            Map.of(),
                            ""));
        }
        assertThat(moves()).isEmpty();
        node(4, "", NOW);
        disk("d4", 4, 100, 0);
        assertThat(moves())
                .hasSize(RULES.moves())
                .allSatisfy(disks -> assertThat(disks).contains("d4").hasSize(3));
    }

    private void volumeOn(String name, String... disks) {
        volumes.put(
                name,
                new VolumeState(
                        name,
                        1,
                        spec("10Gi", disks.length, null),
                        membership(List.of(disks), List.of(), null),
                        List.of(),
                        0,
                        null,
                        true,
                        false,
                        Map.of(),
                        ""));
    }

    /** The plan while the volume is used on node 1. */
    private List<String> wantedWhileUsedOnNode1() {
        Map<String, Stays.Stay> stays = Map.of("v", new Stays.Stay(1, NOW, Instant.MIN));
        Plan plan = there(new Sweep(known(), RULES, stays).plan(), "v");
        assertThat(plan.actions()).hasSize(1).first().isInstanceOf(Action.Want.class);
        return ((Action.Want) plan.actions().getFirst()).disks();
    }

    @Test
    void aReplicaLeavesAFullDiskForAnEmptyOneOfItsNodeAlsoWhereItIsUsed() {
        cluster(2);
        disk("d1", 1, 100, 99);
        disk("d1b", 1, 200, 0);
        volume(spec("10Gi", 2, null), membership(List.of("d1", "d2"), List.of(), null));
        assertThat(wanted()).containsExactlyInAnyOrder("d1b", "d2");
        assertThat(wantedWhileUsedOnNode1()).containsExactlyInAnyOrder("d1b", "d2");
    }

    @Test
    void theReplicaThatIsReadWhereItIsLeavesAFullDiskForAnotherNodeIfItsOwnHasNoOther() {
        cluster(3);
        disk("d1", 1, 100, 99);
        volume(spec("10Gi", 2, null), membership(List.of("d1", "d2"), List.of(), null));
        assertThat(wantedWhileUsedOnNode1()).containsExactlyInAnyOrder("d2", "d3");
    }

    @Test
    void allReplicasOnFullDisksLeaveOneAfterTheOther() {
        cluster(2);
        disk("d1", 1, 100, 99);
        disk("d2", 2, 100, 99);
        disk("d1b", 1, 200, 0);
        disk("d2b", 2, 200, 0);
        volumeOn("v", "d1", "d2");
        List<String> first = wanted();
        assertThat(first).hasSize(2).containsAnyOf("d1b", "d2b").containsAnyOf("d1", "d2");
        volumeOn("v", first.toArray(String[]::new));
        assertThat(wanted()).containsExactlyInAnyOrder("d1b", "d2b");
    }

    @Test
    void leavingAFullDiskComesBeforeBalance() {
        cluster(3);
        for (int i = 0; i < 10; i++) {
            volumeOn("a" + i, "d1", "d2");
        }
        volumeOn("z", "d3");
        disk("d3", 3, 100, 90);
        node(4, "", NOW);
        disk("d4", 4, 100, 0);
        assertThat(moves()).contains(List.of("d4")).hasSize(RULES.moves());
    }

    @Test
    void oneReplicaAtATimeLeavesAFullDisk() {
        cluster(2);
        disk("d1", 1, 100, 99);
        for (int i = 0; i < 4; i++) {
            volumeOn("v" + i, "d1");
        }
        assertThat(moves()).containsExactly(List.of("d2"));
    }

    @Test
    void nothingMovesToADiskThatItWouldFill() {
        cluster(2);
        disk("d1", 1, 100, 99);
        disk("d2", 2, 100, 76);
        volumeOn("v", "d1");
        assertThat(plan().actions()).isEmpty();
        disk("d2", 2, 100, 70);
        assertThat(wanted()).containsExactly("d2");
    }

    /** What is promised of a disk says little of what lies on it: otherwise balance takes back what left a full disk. */
    @Test
    void balanceFillsNoDisk() {
        cluster(2);
        disk("d1", 1, 10, 8);
        disk("d2", 2, 100, 80);
        volumeOn("v", "d1");
        assertThat(plan().actions()).isEmpty();
    }

    @Test
    void balanceReachesANewDiskOfTheNodeWhereVolumesAreUsed() {
        cluster(2);
        for (int i = 0; i < 5; i++) {
            volumeOn(i == 0 ? "v" : "v" + i, "d1", "d2");
        }
        disk("d1b", 1, 100, 0);
        assertThat(wantedWhileUsedOnNode1()).containsExactlyInAnyOrder("d1b", "d2");
    }

    @Test
    void aVolumeOnAFullDiskSaysWhatToDo() {
        cluster(2);
        volumeOn("v", "d1", "d2");
        assertThat(condition("HasRoom").getStatus()).isEqualTo("True");
        disk("d1", 1, 100, 90);
        disk("d2", 2, 100, 90);
        assertThat(condition("HasRoom").getStatus()).isEqualTo("False");
        assertThat(condition("HasRoom").getReason()).isEqualTo("DiskFull");
        assertThat(condition("HasRoom").getMessage())
                .contains("disk d1 on n1")
                .contains("disk d2 on n2")
                .contains("Add disks to pool 'fast'");
        assertThat(status().phase()).isEqualTo(VolumeStatus.Phase.READY);
        disk("d1b", 1, 200, 0);
        assertThat(condition("HasRoom").getMessage()).contains("is being moved");
    }

    private Condition condition(String type) {
        return Objects.requireNonNull(status().conditions()).stream()
                .filter(each -> each.getType().equals(type))
                .findFirst()
                .orElseThrow();
    }

    private List<List<String>> moves() {
        List<List<String>> moves = new ArrayList<>();
        for (Plan plan : new Sweep(known(), RULES).plan().values()) {
            for (Action action : plan.actions()) {
                moves.add(((Action.Want) action).disks());
            }
        }
        return moves;
    }
}
