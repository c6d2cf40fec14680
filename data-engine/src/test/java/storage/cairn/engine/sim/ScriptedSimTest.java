package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.HostVolume;
import storage.cairn.engine.replication.VolumeAnswer;

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

    /** The store forgets that an owner began: the owner that is alive goes on with nothing and says why. */
    @Test
    void anOwnerThatFindsItsStoreRolledBackStopsAndLosesNothing() {
        Script script = new Script(1, 3);
        Configuration volume = script.create("v", 3, 0);
        script.done(1, (engine, receiver) -> engine.serve("v", receiver));
        script.done(1, (engine, receiver) -> engine.move("v", 2, receiver));
        HostVolume before = script.opened(2, volume);
        assertThat(script.write(2, before, 0, 7 << 16)).isEqualTo(Status.OK);
        Configuration newest = script.current(volume);

        script.world.config.rollBack(volume.volume(), 1);
        script.run(30);
        assertThat(script.world.logged("StoreRolledBack")).isPositive();
        for (int node = 1; node <= 3; node++) {
            assertThat(script.open(node, volume)).isNull();
        }

        script.world.config.restore(volume.volume(), newest);
        script.run(30);
        assertThat(script.read(1, script.opened(1, volume), 0)).isEqualTo(7 << 16);
    }

    /**
     * Each attempt to take a volume over raises its epoch by one. However often it is tried against a store that was
     * rolled back, the epoch must not climb past what the replicas have: then a replica that had been taken out would
     * count as in sync again.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void noAttemptToServeMakesAStoreThatWasRolledBackLookNew(int forgotten) {
        Script script = new Script(forgotten, 4);
        Configuration volume = script.create("v", 3, 0);
        script.done(1, (engine, receiver) -> engine.serve("v", receiver));
        int away = script.nodeOf(volume.inSync().getLast()).number();
        int owner = script.nodeOf(volume.inSync().getFirst()).number();
        script.done(1, (engine, receiver) -> engine.move("v", owner, receiver));
        HostVolume opened = script.opened(owner, volume);
        assertThat(script.write(owner, opened, 0, 7 << 16)).isEqualTo(Status.OK);
        script.world.ending();
        script.node(away).kill(true);
        assertThat(script.write(owner, opened, 0, 8 << 16)).isEqualTo(Status.OK);
        assertThat(script.current(volume).inSync()).hasSize(2);
        // What nobody has heard of, nobody can miss.
        script.run(1);
        script.node(owner).kill(false);
        Configuration newest = script.current(volume);
        int changes = Math.min(forgotten, (int) newest.epoch() - 1);

        script.world.config.rollBack(volume.volume(), changes);
        script.node(away).start();
        script.node(owner).start();
        script.run(20);
        for (int attempt = 0; attempt < 16; attempt++) {
            int node = 1 + attempt % 4;
            script.ask(node, (engine, receiver) -> engine.serve("v", receiver));
            HostVolume wrong = script.current(volume).attachId() == null ? null : script.open(node, volume);
            if (wrong != null) {
                assertThat(script.read(node, wrong, 0)).isEqualTo(8 << 16);
            }
        }
        assertThat(script.current(volume).epoch()).isLessThanOrEqualTo(newest.epoch());
        assertThat(script.world.logged("StoreRolledBack")).isPositive();
    }

    /** Replicas that let a new owner wait live: none of them is missed the moment when the wait is over. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void aTakeoverThatHadToWaitTakesNoReplicaOut(long seed) {
        Script script = new Script(seed, 4);
        Configuration volume = script.servedElsewhere(1);
        script.down(script.owner(volume));

        script.openedSoon(script.replicaNode(volume, 0), volume);

        assertThat(script.world.logged("GrantRevoked")).isPositive();
        assertThat(script.world.logged("TakenOut")).isZero();
        assertThat(script.current(volume).inSync()).hasSize(3);
    }

    /**
     * A replica's process that comes back within the epoch has forgotten which slots it had promised. Its owner once
     * counted on them, and a write that it admitted found no space there, again and again.
     */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void noWriteIsAdmittedOnThePromiseOfAProcessThatIsGone(int restartAfter) {
        Script script = new Script(1, 2, 1 << 10);
        Configuration one = script.create("one", 2, 2);
        Configuration other = script.create("other", 2, 2);
        script.done(1, (engine, receiver) -> engine.serve("one", receiver));
        script.done(1, (engine, receiver) -> engine.serve("other", receiver));
        HostVolume first = script.opened(1, one);
        HostVolume second = script.opened(1, other);
        boolean full = false;
        for (int block = 0; block < 256; block++) {
            if (block == 4 + restartAfter * 60) {
                script.node(2).kill(false);
                script.until(script.node(2)::up, "node 2");
            }
            full |= script.write(1, second, block, (1_000L + block) << 16) == Status.NO_SPACE;
            full |= script.write(1, first, block, (1L + block) << 16) == Status.NO_SPACE;
        }
        assertThat(full).isTrue();
        assertThat(script.write(1, first, 0, 5_000 << 16)).isEqualTo(Status.OK);
        assertThat(script.write(1, second, 0, 6_000 << 16)).isEqualTo(Status.OK);
    }

    /**
     * What was discarded is free after the next checkpoint only. Writes that came before it were refused, on a disk that
     * was half empty by then.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void whatWasDiscardedMayBeWrittenAtOnceThoughTheDiskWasFull(int owner) {
        Script script = new Script(1, 2, 1 << 13, StoreTarget.EXTENT);
        Configuration volume = script.create("v", 2, 2, 40);
        script.done(owner, (engine, receiver) -> engine.serve("v", receiver));
        HostVolume opened = script.opened(owner, volume);
        script.fill(owner, opened);
        long next = volume.sizeBytes() / BlockDevice.BLOCK_BYTES;
        for (int refused = 0; refused < 4; ) {
            refused += script.write(owner, opened, --next, 1 << 16) == Status.NO_SPACE ? 1 : 0;
            script.run(refused);
        }

        script.discard(owner, opened, 0, 2_048);

        for (int block = 0; block < 1_024; block++) {
            script.wrote(owner, opened, --next, 2 << 16);
        }
        assertThat(script.write(owner, opened, 2_048, 3 << 16)).isEqualTo(Status.OK);
        assertThat(script.world.logged("ReplicaFailed")).isZero();
    }

    /** The scrub of a node once waited for ever for its turn in a volume that another node had taken over. */
    @Test
    void theScrubGoesOnWhenAVolumeIsLost() {
        Script script = new Script(3, 3);
        Configuration volume = script.create("v", 3, 0);
        script.done(1, (engine, receiver) -> engine.serve("v", receiver));
        script.done(1, (engine, receiver) -> engine.move("v", 1, receiver));
        HostVolume opened = script.opened(1, volume);
        assertThat(script.write(1, opened, 0, 7 << 16)).isEqualTo(Status.OK);
        script.run(60);
        script.isolate(1, 100);
        script.writing(1, opened, 1, 8 << 16);
        script.run(60);
        script.done(2, (engine, receiver) -> engine.serve("v", receiver));
        script.run(60);
        assertThat(script.world.logged("NotServing")).isPositive();

        script.done(2, (engine, receiver) -> engine.move("v", 1, receiver));
        script.opened(1, volume);
        script.rot(volume, volume.inSync().getLast(), 0);
        script.until(() -> script.world.logged("Repaired") > 0, "the scrub");
    }

    /**
     * A volume grows while one replica is away and another joins, which is told the size by a barrier behind. That was
     * the size of before: once in sync it was smaller than what hosts saw.
     */
    @Test
    void aReplicaThatJoinsWhileAVolumeGrowsGrowsToo() {
        Script script = new Script(1, 3);
        Configuration volume = script.create("v", 3, 2);
        script.done(1, (engine, receiver) -> engine.serve("v", receiver));
        script.done(1, (engine, receiver) -> engine.move("v", 1, receiver));
        script.takenOut(volume, 3);
        script.down(2);
        long bytes = 2 * volume.sizeBytes();
        script.node(1).process().execute(() -> script.node(1).engine().resizeVolume("v", bytes, answer -> {}));
        script.run(1);
        script.node(3).start();
        script.until(() -> !script.current(volume).syncing().isEmpty(), "node 3's replica");
        script.run(2);
        script.node(2).start();
        script.until(() -> script.inSync(volume, 3), "the end of the rebuild");
        script.until(() -> script.current(volume).sizeBytes() == bytes, "the growth");

        script.wrote(1, script.openedSoon(1, volume), bytes / 4_096 - 1, 7 << 16);
        assertThat(script.current(volume).inSync()).hasSize(3);
        assertThat(script.world.logged("ReplicaFailed")).isZero();
    }

    /**
     * Seed 1795334854493190 of the clusters in memory: a volume grew while a replica was away. When that joined, it was
     * sent writes of the new blocks before the barrier that told it the size, refused them, and had to start anew.
     */
    @Test
    void aReplicaThatJoinsIsSentNothingBeforeItKnowsTheSize() {
        Script script = new Script(1, 3);
        Configuration volume = script.create("v", 3, 1);
        script.done(1, (engine, receiver) -> engine.serve("v", receiver));
        script.done(1, (engine, receiver) -> engine.move("v", 1, receiver));
        script.takenOut(volume, 3);
        long bytes = 2 * volume.sizeBytes();
        script.done(1, (engine, receiver) -> engine.resizeVolume("v", bytes, receiver));
        HostVolume opened = script.openedSoon(1, volume);
        script.gate(2).hold(step -> step == Gate.Step.RESIZE);
        script.node(1).process().execute(() -> script.node(1).engine().resizeVolume("v", 2 * bytes, answer -> {}));
        script.until(() -> script.gate(2).held() > 0, "the next growth");
        script.node(3).start();
        script.until(() -> !script.current(volume).syncing().isEmpty(), "node 3's replica");
        script.runMillis(100);

        script.wrote(1, opened, bytes / 4_096 - 1, 7 << 16);
        script.runMillis(100);
        script.gate(2).open();
        script.until(() -> script.inSync(volume, 3), "the end of the rebuild");
        script.holdsEverywhere(volume, bytes / 4_096 - 1, 7 << 16, "I13");
        assertThat(script.world.logged("ReplicaFailed")).isZero();
    }

    /**
     * Seed 88 of the clusters in memory: a node heard that a volume's creation had failed, and then the request for a
     * replica of it, which had been long under way. That replica stayed until the node's next start.
     */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void aReplicaThatIsMadeAfterItsVolumeWasGivenUpIsErased(long seed) {
        Script script = new Script(seed, 2);
        script.cut(1, 2, 20_000);
        VolumeAnswer answer = script.ask(1, (engine, receiver) -> engine.createVolume("v", 1 << 20, 2, 1, receiver));
        assertThat(answer).isInstanceOf(VolumeAnswer.Failed.class);

        script.run(40);

        for (int node = 1; node <= 2; node++) {
            assertThat(Objects.requireNonNull(script.node(node).store(script.disk(node)))
                            .replicas())
                    .isEmpty();
        }
    }
}
