package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.HostVolume;

/** A node that ends in good order: whoever needs it next finds it still there, and nobody waits for what is gone. */
final class OrderlyStopSimTest {
    private static final int OWNER = 2;

    private final List<String> problems = new ArrayList<>();
    private boolean ended;

    private void stop(Script script, int node) {
        script.world.ending();
        script.node(node).stop((grants, told, heldBytes) -> {
            problems.addAll(told);
            ended = true;
        });
    }

    private static void tookOverFromTheWholeSet(Script script, Configuration volume, long takeovers) {
        assertThat(script.world.logged("TookOver")).isEqualTo(takeovers);
        assertThat(script.world.logged("LetGo"))
                .as("the successor took the replica that left out while it served")
                .isEqualTo(1);
        assertThat(script.world.logged("TakenOut"))
                .as("nobody found the replica gone")
                .isZero();
        assertThat(script.inSync(volume, OWNER)).isFalse();
        assertThat(script.current(volume).inSync()).hasSize(2);
    }

    /** The host has lost the last owner and has not come to the new one, when that one is told to end. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void anOwnerWhoseHostIsStillOnItsWayIsSucceededAsIfTheHostWereThere(long seed) {
        Script script = new Script(seed, 3);
        Configuration volume = script.served(1, 1);
        assertThat(script.write(1, script.opened(1, volume), 0, 7 << 16)).isEqualTo(Status.OK);
        script.done(1, (engine, receiver) -> engine.move("v", OWNER, receiver));
        long before = script.world.logged("TookOver");

        stop(script, OWNER);
        script.until(() -> ended, "the end of node " + OWNER);

        assertThat(problems).isEmpty();
        tookOverFromTheWholeSet(script, volume, before + 1);
        int successor =
                java.util.Objects.requireNonNull(script.current(volume).owner()).node();
        assertThat(script.read(successor, script.opened(successor, volume), 0)).isEqualTo(7 << 16);
    }

    /** The host is faster than the request to the successor, and comes to the other node. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 2, 4, 6, 8, 12, 20})
    void theReplicaStaysForWhoeverTakesTheVolumeOver(long millis) {
        Script script = new Script(1, 3);
        Configuration volume = script.served(OWNER, 1);
        HostVolume opened = script.opened(OWNER, volume);
        assertThat(script.write(OWNER, opened, 0, 7 << 16)).isEqualTo(Status.OK);
        String export = "v/" + script.current(volume).attachId();
        List<Exports.Opened> answers = new ArrayList<>();

        stop(script, OWNER);
        script.runMillis(millis);
        for (int node : new int[] {1, 3}) {
            script.node(node)
                    .process()
                    .execute(() -> script.node(node).engine().open(export, (status, reason) -> {}, answers::add));
        }
        script.until(() -> ended, "the end of node " + OWNER);

        assertThat(script.world.logged("LetGo")).isEqualTo(1);
        assertThat(script.world.logged("TakenOut")).isZero();
        script.until(() -> answers.size() == 2, "the answers to the hosts");
    }

    @Test
    void aVolumeThatNobodyUsesIsOnlyReleased() {
        Script script = new Script(1, 3);
        Configuration volume = script.served(OWNER, 1);
        HostVolume opened = script.opened(OWNER, volume);
        script.node(OWNER).process().execute(opened::close);
        script.run(60);
        long before = script.world.logged("TookOver");

        stop(script, OWNER);
        script.until(() -> ended, "the end of node " + OWNER);

        assertThat(problems).isEmpty();
        assertThat(script.world.logged("TookOver")).isEqualTo(before);
        assertThat(script.current(volume).owner()).isNull();
        assertThat(script.current(volume).inSync()).hasSize(3);
    }
}
