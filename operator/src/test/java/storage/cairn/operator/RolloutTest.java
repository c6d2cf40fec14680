package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RolloutTest {
    private static final Instant LONG_AGO = Fixtures.NOW.minus(Duration.ofHours(1));

    private static Rollout.Step next(Fixtures there) {
        return new Rollout(there.observed(), "new", false).next();
    }

    private static String restarted(Rollout.Step step) {
        assertThat(step).isInstanceOf(Rollout.Step.Restart.class);
        return Rollout.nodeOf(((Rollout.Step.Restart) step).pod());
    }

    private static String waits(Rollout.Step step) {
        assertThat(step).isInstanceOf(Rollout.Step.Wait.class);
        return ((Rollout.Step.Wait) step).why();
    }

    private static Fixtures engines(String... revisions) {
        Fixtures there = new Fixtures();
        for (int i = 0; i < revisions.length; i++) {
            there.engine("node" + (i + 1), revisions[i], true, LONG_AGO);
        }
        return there;
    }

    @Test
    void nothingIsDoneWhenEveryEngineRunsWhatItShould() {
        assertThat(next(engines("new", "new", "new"))).isEqualTo(new Rollout.Step.Done());
        assertThat(next(new Fixtures())).isEqualTo(new Rollout.Step.Done());
    }

    @Test
    void oneAfterTheOtherIsRestarted() {
        assertThat(restarted(next(engines("old", "old", "old")))).isEqualTo("node1");
        assertThat(restarted(next(engines("new", "old", "old")))).isEqualTo("node2");
        assertThat(restarted(next(engines("new", "new", "old")))).isEqualTo("node3");
    }

    @Test
    void noOtherIsRestartedWhileOneStarts() {
        Fixtures there = new Fixtures()
                .engine("node1", "new", false, Fixtures.NOW.minusSeconds(20))
                .engine("node2", "old", true, LONG_AGO);
        assertThat(waits(next(there))).contains("node1 starts");
    }

    @Test
    void aCanaryThatDoesNotBecomeReadyStopsIt() {
        Fixtures there = new Fixtures().engine("node1", "new", false, LONG_AGO).engine("node2", "old", true, LONG_AGO);
        Rollout.Step step = next(there);
        assertThat(waits(step)).contains("kubectl logs -n cairn-system cairn-engine-node1");
        assertThat(((Rollout.Step.Wait) step).stuck()).isTrue();
    }

    @Test
    void theCanaryIsWatchedLongerThanTheOthers() {
        Fixtures there = new Fixtures()
                .engine("node1", "new", true, Fixtures.NOW.minusSeconds(10))
                .engine("node2", "old", true, LONG_AGO)
                .engine("node3", "old", true, LONG_AGO);
        assertThat(waits(next(there))).contains("watched for 30 s");
        there.pods.removeIf(pod -> Rollout.nodeOf(pod).equals("node2"));
        there.engine("node2", "new", true, LONG_AGO);
        assertThat(restarted(next(there))).isEqualTo("node3");
    }

    @Test
    void aVolumeThatLacksACopyHoldsItUntilSomebodySaysOtherwise() {
        Fixtures there = engines("new", "old").volume("data", 1, List.of("a"), List.of("b"));
        assertThat(waits(next(there))).contains("data").contains(Names.UPGRADE_ANYWAY);
        assertThat(restarted(new Rollout(there.observed(), "new", true).next())).isEqualTo("node2");
    }

    @Test
    void anOldEngineThatIsDownHoldsAnotherOnesRestartAndIsItselfRestartedFirst() {
        Fixtures there = new Fixtures().engine("node1", "old", true, LONG_AGO).engine("node2", "old", false, LONG_AGO);
        assertThat(restarted(next(there))).isEqualTo("node2");
        there.engine("node3", "new", true, LONG_AGO);
        assertThat(waits(next(there))).contains("node2 is not ready");
    }

    @Test
    void whileAnEngineHandsOverNothingElseHappens() {
        Fixtures there = engines("new", "old", "old");
        there.pods.getFirst().getMetadata().setDeletionTimestamp(Fixtures.NOW.toString());
        assertThat(waits(next(there))).contains("hands its volumes over");
    }
}
