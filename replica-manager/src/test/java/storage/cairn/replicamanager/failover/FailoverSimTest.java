package storage.cairn.replicamanager.failover;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import storage.cairn.replicamanager.failover.Hands.Ending;
import storage.cairn.replicamanager.failover.Hands.Victim;

/** Failover on a virtual clock, for each kind of trouble. */
final class FailoverSimTest {
    @Test
    void aDeadNodeIsFencedThenTaintedThenItsPodsAreDeletedWithinSeconds() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.node(3).die();
        cluster.run(3_000);
        assertThat(cluster.done).isEmpty();
        cluster.run(7_000);
        assertThat(cluster.done).containsExactly("fence v3", "taint n3", "force p3 uid-3");
        cluster.run(60_000);
        assertThat(cluster.done).as("once").hasSize(3);
        assertThat(cluster.told.getFirst()).contains("n3 FailoverBegins", "cannot be reached by n1, n2");
    }

    @Test
    void nobodyIsSentToTheDeadNodesWebhookAndWhereThatFailsTheRestIsDone() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.node(3).die();
        cluster.run(10_000);
        assertThat(cluster.quiet).containsExactly("n3");
        SimulatedCluster other = new SimulatedCluster(3, false);
        other.broken.add("unready");
        other.node(3).die();
        other.run(10_000);
        assertThat(other.done).containsExactly("fence v3", "taint n3", "force p3 uid-3");
    }

    @Test
    void withoutWordOfOtherEnginesKubeletsLeaseAloneDecides() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.nodes.values().forEach(node -> node.reports = false);
        cluster.run(1_000);
        cluster.node(3).die();
        cluster.run(23_000);
        assertThat(cluster.done).containsExactly("fence v3", "taint n3", "force p3 uid-3");
    }

    @Test
    void aStepThatFailsIsTriedAgainAndNoLaterOneIsTakenBefore() {
        for (String step : List.of("confirm", "owned", "victims", "fence", "taint", "delete")) {
            SimulatedCluster cluster = new SimulatedCluster(3, false);
            cluster.broken.add(step);
            cluster.node(3).die();
            cluster.run(40_000);
            List<String> before = switch (step) {
                case "taint" -> List.of("fence v3");
                case "victims", "delete" -> List.of("fence v3", "taint n3");
                default -> List.of();
            };
            assertThat(cluster.done).as(step).isEqualTo(before);
            cluster.broken.clear();
            cluster.run(6_000);
            assertThat(cluster.done).as(step).containsExactly("fence v3", "taint n3", "force p3 uid-3");
        }
    }

    @Test
    void aNodeThatOnlyTheApiServerCannotReachGoesOnServing() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.node(3).apiReachable = false;
        cluster.run(120_000);
        assertThat(cluster.done).isEmpty();
        assertThat(cluster.told).anyMatch(text -> text.contains("FailoverHeld") && text.contains("reached by n1, n2"));
        cluster.node(3).apiReachable = true;
        cluster.run(20_000);
        assertThat(cluster.told.getLast()).contains("FailoverNotNeeded");
    }

    @Test
    void aMachineThatIsUpAgainWithoutItsEngineIsNotReached() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.node(3).kubelet = false;
        cluster.node(3).engine = false;
        cluster.run(60_000);
        assertThat(cluster.done).containsExactly("fence v3", "taint n3", "force p3 uid-3");
    }

    @Test
    void whenWeAreCutOffNothingIsDoneAndNothingAfterwards() {
        SimulatedCluster cluster = new SimulatedCluster(4, false);
        cluster.weAreCutOff = true;
        cluster.run(120_000);
        cluster.weAreCutOff = false;
        cluster.run(30_000);
        assertThat(cluster.done).isEmpty();
    }

    @Test
    void manyNodesAtOnceHoldEverything() {
        SimulatedCluster cluster = new SimulatedCluster(6, false);
        for (int number = 1; number <= 3; number++) {
            cluster.node(number).die();
        }
        cluster.run(60_000);
        assertThat(cluster.done).isEmpty();
        assertThat(cluster.told).anyMatch(text -> text.contains("3 of 6 nodes seem dead"));
        // One comes back: the two that are left are few enough.
        cluster.node(1).live();
        cluster.run(60_000);
        assertThat(cluster.done).contains("force p2 uid-2", "force p3 uid-3").doesNotContain("force p1 uid-1");
    }

    @Test
    void aLabelledNodeIsLeftAlone() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.node(3).optedOut = true;
        cluster.node(3).die();
        cluster.run(120_000);
        assertThat(cluster.done).isEmpty();
        assertThat(cluster.told).anyMatch(text -> text.contains("labelled to be left alone"));
    }

    @Test
    void inADryRunEverythingIsToldAndNothingDone() {
        SimulatedCluster cluster = new SimulatedCluster(3, true);
        cluster.node(3).die();
        cluster.run(120_000);
        assertThat(cluster.done).isEmpty();
        assertThat(cluster.told)
                .anyMatch(text -> text.contains("(dry run)"))
                .anyMatch(text -> text.contains("1 volumes would be fenced and 1 pods deleted"));
    }

    @Test
    void failoversBeginNoFasterThanTheirRate() {
        Limits limits = Limits.DEFAULTS;
        SimulatedCluster cluster = new SimulatedCluster(15, false);
        for (int number = 1; number <= 5; number++) {
            cluster.node(number).die();
        }
        cluster.run(40_000);
        assertThat(cluster.done.stream()
                        .filter(each -> each.startsWith("taint"))
                        .count())
                .isEqualTo(limits.nodesPerMinute());
        cluster.run(60_000);
        assertThat(cluster.done.stream()
                        .filter(each -> each.startsWith("taint"))
                        .count())
                .isEqualTo(5);
    }

    @Test
    void anEngineThatIsDeadForAMinuteOnALiveNodeIsAStorageFailureAndPodsEndInOrder() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.node(3).engine = false;
        cluster.run(45_000);
        assertThat(cluster.done).as("an engine is restarted sooner than that").isEmpty();
        cluster.run(30_000);
        assertThat(cluster.done).containsExactly("fence v3", "taint n3", "delete p3 uid-3");
        cluster.pods.put("p3", new Victim("default", "p3", "uid-3", Ending.OVERDUE));
        cluster.run(1_000);
        assertThat(cluster.done).endsWith("force p3 uid-3");
    }

    @Test
    void anEngineThatCrashesAndIsRestartedIsNoFailure() {
        for (int phase = 0; phase < 20; phase++) {
            SimulatedCluster cluster = new SimulatedCluster(3, false);
            cluster.run(phase * 500L);
            cluster.node(3).engine = false;
            cluster.run(40_000);
            cluster.node(3).engine = true;
            cluster.run(20_000);
            assertThat(cluster.done).as("crashed %d ms later", phase * 500).isEmpty();
        }
    }

    @Test
    void aMachineThatAnswersIsGivenMoreTimeWhenItOnlyRenewsLate() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.nodes.values().forEach(node -> node.reports = false);
        cluster.run(1_000);
        cluster.node(3).kubelet = false;
        cluster.node(3).engine = false;
        cluster.run(30_000);
        assertThat(cluster.done).isEmpty();
        cluster.run(25_000);
        assertThat(cluster.done).containsExactly("fence v3", "taint n3", "force p3 uid-3");
    }

    @Test
    void inMaintenanceADeadEngineIsNoFailure() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.node(3).maintenance = true;
        cluster.node(3).engine = false;
        cluster.run(300_000);
        assertThat(cluster.done).isEmpty();
    }

    @Test
    void aNodeThatReturnsHostsVolumesAgainOnlyOnceItIsClean() {
        SimulatedCluster cluster = new SimulatedCluster(3, false);
        cluster.node(3).die();
        cluster.run(20_000);
        cluster.node(3).live();
        cluster.run(60_000);
        assertThat(cluster.done).doesNotContain("untaint n3");
        assertThat(cluster.told.getLast()).contains("FailoverTaintStays");
        cluster.node(3).clean = true;
        cluster.run(1_000);
        assertThat(cluster.done).endsWith("untaint n3");
        assertThat(cluster.told.getLast()).contains("FailoverOver");
    }

    @Test
    void whateverHappensFencingComesBeforeTaintingAndThatBeforeDeletingAndNoLiveNodeIsTouched() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            SimulatedCluster cluster = new SimulatedCluster(3 + random.nextInt(5), false);
            boolean[] everSick = new boolean[cluster.nodes.size() + 1];
            for (int event = 0; event < 12; event++) {
                int number = 1 + random.nextInt(cluster.nodes.size());
                SimulatedCluster.SimulatedNode node = cluster.node(number);
                switch (random.nextInt(7)) {
                    case 0 -> node.die();
                    case 1 -> node.live();
                    case 2 -> node.apiReachable = !node.apiReachable;
                    case 3 -> node.engine = !node.engine;
                    case 4 -> cluster.weAreCutOff = !cluster.weAreCutOff;
                    case 5 ->
                        cluster.broken.add(List.of("fence", "taint", "delete").get(random.nextInt(3)));
                    default -> cluster.broken.clear();
                }
                everSick[number] |= !node.kubelet || !node.engine || !node.apiReachable;
                cluster.run(random.nextInt(40) * 500L);
                for (int each = 1; each < everSick.length; each++) {
                    int fenced = cluster.done.indexOf("fence v" + each);
                    int tainted = cluster.done.indexOf("taint n" + each);
                    int deleted = first(cluster.done, "p" + each + " uid-");
                    assertThat(everSick[each] || fenced + tainted + deleted == -3)
                            .as("seed %d: node %d was always well: %s", seed, each, cluster.done)
                            .isTrue();
                    assertThat(tainted < 0 || (fenced >= 0 && fenced < tainted))
                            .as("seed %d: %s", seed, cluster.done)
                            .isTrue();
                    assertThat(deleted < 0 || (tainted >= 0 && tainted < deleted))
                            .as("seed %d: %s", seed, cluster.done)
                            .isTrue();
                }
            }
        }
    }

    private static int first(List<String> done, String part) {
        for (int index = 0; index < done.size(); index++) {
            if (done.get(index).contains(part)) {
                return index;
            }
        }
        return -1;
    }
}
