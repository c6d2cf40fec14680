package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.HostVolume;
import storage.cairn.engine.replication.NodeView;

/** A replica that its volume left gives its space back, and never when it may be the only good one. */
final class DepartureSimTest {
    private static final long STAMP = 1 << 16;
    /** Two looks and what they lead to. */
    private static final long LONG_ENOUGH = 200;

    private static void want(Script script, Configuration volume, int... nodes) {
        List<DiskId> disks = Arrays.stream(nodes).mapToObj(script::disk).toList();
        for (SimNode node : script.world.nodes) {
            if (node.process() != null) {
                node.process().execute(() -> node.engine().want(volume.volume(), disks));
            }
        }
    }

    private static void moved(Script script, Configuration volume, int... nodes) {
        want(script, volume, nodes);
        List<DiskId> disks = Arrays.stream(nodes).mapToObj(script::disk).toList();
        script.until(
                () -> script.current(volume).inSync().size() == disks.size()
                        && script.current(volume).inSync().containsAll(disks)
                        && script.current(volume).replicas().size() == disks.size(),
                "the volume in place");
    }

    /** Whether a node has a replica; there is one volume. */
    private static boolean has(Script script, int node) {
        NodeView.DiskView own = script.node(node).engine().view().disks().getFirst();
        assertThat(own.disk()).isEqualTo(script.disk(node));
        return own.replicas() > 0;
    }

    /** A volume on nodes 1, 2 and 3 of so many, served by node 1, with one block written. */
    private static Configuration served(Script script) {
        Configuration volume = script.create("v", 3, 1, 1);
        script.done(1, (engine, receiver) -> engine.serve("v", receiver));
        moved(script, volume, 1, 2, 3);
        assertThat(script.write(1, script.opened(1, volume), 0, 7 * STAMP)).isEqualTo(Status.OK);
        return volume;
    }

    @Test
    void aReplicaThatItsVolumeLeftIsErasedAndMayComeBack() {
        Script script = new Script(21, 5);
        Configuration volume = served(script);
        moved(script, volume, 1, 4, 5);
        script.run(LONG_ENOUGH);
        assertThat(has(script, 2)).isFalse();
        assertThat(has(script, 3)).isFalse();
        assertThat(has(script, 4)).isTrue();

        moved(script, volume, 1, 2, 4);
        script.down(4);
        script.down(1);
        script.done(2, (engine, receiver) -> engine.serve("v", receiver));
        HostVolume later = script.opened(2, volume);
        assertThat(script.read(2, later, 0)).isEqualTo(7 * STAMP);
    }

    @Test
    void aReplicaThatWasReplacedWhileItWasAwayIsErasedOnItsReturn() {
        Script script = new Script(22, 4);
        Configuration volume = served(script);
        script.takenOut(volume, 3);
        moved(script, volume, 1, 2, 4);
        script.node(3).start();
        script.run(LONG_ENOUGH);
        assertThat(has(script, 3)).isFalse();
    }

    /** The store that is asked forgot that node 4 joined. */
    @Test
    void nothingIsErasedByAStoreThatWasRolledBack() {
        Script script = new Script(23, 4);
        Configuration volume = served(script);
        long before = script.current(volume).epoch();
        moved(script, volume, 1, 2, 4);
        script.world.ending();
        script.world.config.rollBack(
                volume.volume(), (int) (script.current(volume).epoch() - before));
        assertThat(script.current(volume).replicas()).doesNotContain(script.disk(4));
        script.run(LONG_ENOUGH);
        assertThat(has(script, 4)).isTrue();
    }

    /** Nobody can tell any more whether what the store has follows from what this replica holds. */
    @Test
    void aReplicaIsKeptWhenAllThatWereInSyncWithItAreGone() {
        Script script = new Script(24, 6);
        Configuration volume = served(script);
        script.takenOut(volume, 3);
        moved(script, volume, 4, 5, 6);
        script.node(3).start();
        script.run(LONG_ENOUGH);
        assertThat(has(script, 3)).isTrue();
        assertThat(has(script, 2)).isFalse();
    }
}
