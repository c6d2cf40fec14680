package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.HostVolume;

/** Schedules that once broke a promise, played step by step. */
final class ScriptedSimTest {
    /**
     * A number that no replica holds, between two that all hold, is void after a takeover. When the replica then forgot
     * what it had been told as committed, the void counted as a change that it lacks, and the volume waited for ever.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void aReplicaIsNotBlamedForANumberThatNobodyHolds(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.create("v", 1, 0);
        DiskId disk = volume.inSync().getFirst();
        SimNode holder = script.nodeOf(disk);
        int owner = 3 - holder.number();
        script.done(owner, (engine, receiver) -> engine.serve("v", receiver));
        assertThat(script.write(owner, script.opened(owner, volume), 0, 7 << 16))
                .isEqualTo(Status.OK);
        script.node(owner).kill(false);
        long last = script.replica(volume, disk).highestWseq();
        script.apply(volume, disk, last + 1, 1, 8 << 16);
        script.apply(volume, disk, last + 3, 2, 9 << 16);
        script.until(() -> script.node(owner).up(), "the owner");

        script.run(10);
        HostVolume opened = script.opened(owner, volume);
        holder.kill(true);
        script.until(holder::up, "the holder");

        assertThat(script.write(owner, opened, 3, 10 << 16)).isEqualTo(Status.OK);
        assertThat(script.read(owner, opened, 0)).isEqualTo(7 << 16);
    }
}
