package storage.cairn.engine.sim;

import java.util.List;
import java.util.Objects;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.replication.HostVolume;

/** Schedules about what becomes of replicas and sizes when volumes are moved to other disks or grow (I28, I29). */
final class AdminSchedules {
    /** Two looks for replicas that were left, and what they lead to. */
    private static final long LOOKS_SECONDS = 60;

    private AdminSchedules() {}

    /**
     * A replica is in sync by a configuration that the store forgot. Its process is started anew, and knows of its volume
     * what the store has, which does not name it.
     */
    static void replicaIsKeptThoughTheStoreForgotIt(long seed) {
        Script script = new Script(seed, 4);
        Configuration volume = script.create("v", 3, 1);
        script.done(1, (engine, receiver) -> engine.serve("v", receiver));
        int without = 1;
        while (script.current(volume).replicas().contains(script.disk(without))) {
            without++;
        }
        int joining = without;
        long before = script.current(volume).epoch();
        List<DiskId> wanted = List.of(volume.inSync().get(0), volume.inSync().get(1), script.disk(joining));
        for (SimNode node : script.world.nodes) {
            node.process().execute(() -> node.engine().want(volume.volume(), wanted));
        }
        script.until(
                () -> script.inSync(volume, joining)
                        && script.current(volume).replicas().size() == wanted.size(),
                "the volume in place");
        script.down(joining);
        script.world.config.rollBack(
                volume.volume(), (int) (script.current(volume).epoch() - before));
        script.node(joining).start();
        script.run(LOOKS_SECONDS);
        Script.check(
                Objects.requireNonNull(script.node(joining).store(script.disk(joining)))
                                .replica(volume.volume())
                        != null,
                "I28",
                "a replica that is ahead of the configuration store was erased by what that has");
    }

    /** A replica's disk is slow to take the new size. Until it has, no host sees it. */
    static void sizeIsSeenWhenEveryReplicaHasIt(long seed) {
        Script script = new Script(seed, 2);
        Configuration volume = script.served(1, 1);
        HostVolume opened = script.opened(1, volume);
        long before = opened.sizeBytes();
        script.gate(2).hold(step -> step == Gate.Step.RESIZE);
        script.node(1).process().execute(() -> script.node(1).engine().resizeVolume("v", 2 * before, answer -> {}));
        script.until(() -> script.gate(2).held() > 0, "the growth");
        script.runMillis(500);
        Script.check(
                opened.sizeBytes() == before, "I29", "a host sees a size that a replica in sync does not have yet");
        script.gate(2).open();
        script.until(() -> opened.sizeBytes() == 2 * before, "the growth");
    }
}
