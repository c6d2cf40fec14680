package storage.cairn.cli.demo;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import storage.cairn.api.v1alpha1.Rebuild;
import storage.cairn.api.v1alpha1.Replica;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.Durations;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Sizes;
import storage.cairn.client.load.LoadFigures;
import storage.cairn.client.load.Percentiles;

/** The faults of the demo: kills processes under load, and measures and shows what follows. */
final class Faults {
    private static final Duration READY = Duration.ofMinutes(3);
    private static final Duration CHANGE = Duration.ofMinutes(2);
    private static final Duration REBUILT = Duration.ofMinutes(5);
    /** How long a node stays away, so that there is something to rebuild. */
    private static final Duration AWAY = Duration.ofSeconds(2);

    private static final String IN_SYNC = "InSync";

    private final DemoCluster cluster;
    private final Load load;
    private final Watch watch;
    private final Screen screen;
    private final Findings findings;

    Faults(DemoCluster cluster, Load load, Watch watch, Screen screen, Findings findings) {
        this.cluster = cluster;
        this.load = load;
        this.watch = watch;
        this.screen = screen;
        this.findings = findings;
    }

    /** Kills a replica's process that is not the owner's, restarts it, and waits for its delta. */
    void killReplica() {
        Volume before = watch.mustBeThere();
        Optional<Replica> chosen = before.getReplicasList().stream()
                .filter(replica -> replica.getNode() != before.getOwnerNode() && replica.getNode() != 0)
                .filter(replica -> replica.getState().equals(IN_SYNC))
                .findFirst();
        if (chosen.isEmpty()) {
            screen.note("The volume has no replica besides its owner's: none can be killed alone");
            return;
        }
        int node = chosen.get().getNode();
        screen.heading("Killing the process of a replica under load: node " + node);
        load.mark();
        cluster.kill(node);
        screen.line("SIGKILL to the engine of node " + node);
        watch.await(
                "the volume to go on without node " + node,
                CHANGE,
                volume -> !inSync(volume, node),
                volume -> "writes wait for node " + node + " to answer or to be recorded as out of sync");
        runFor(AWAY, "writing on with " + (before.getReplicasCount() - 1) + " replicas");
        Volume degraded = watch.mustBeThere();
        long stallMillis = load.figures().longestStallMillis();
        screen.line("Degraded: " + replicas(degraded) + "; writes stalled for " + Durations.format(stallMillis));
        long copied = restart(node, degraded);
        findings.add(
                true,
                "A replica's process was killed under load: writes stalled " + Durations.format(stallMillis)
                        + ", went on degraded, and the replica was rebuilt by a delta of " + Sizes.format(copied)
                        + " of " + Sizes.format(before.getSizeBytes()) + percent(copied, before.getSizeBytes()));
    }

    /** Kills the owner's process; another node must take the volume over, or, with one node, the same one again. */
    void killOwner() {
        int owner = watch.mustBeThere().getOwnerNode();
        screen.heading("Killing the owner's process under load: node " + owner);
        load.mark();
        cluster.kill(owner);
        screen.line("SIGKILL to the engine of node " + owner);
        if (cluster.nodes().size() == 1) {
            restart(owner, watchedBefore(owner));
            findings.add(true, "The only engine was killed under load and went on after its restart");
            return;
        }
        screen.line(
                "Its leases, and the grants that may rely on them, last up to 7 s: before that nobody else may serve");
        Volume after = watch.await(
                "another node to take the volume over",
                CHANGE,
                volume -> volume.getOwnerNode() != 0 && volume.getOwnerNode() != owner && serves(volume),
                Faults::takingOver);
        awaitWrites("the load to go on at node " + after.getOwnerNode());
        long stallMillis = load.figures().longestStallMillis();
        screen.line("Node " + after.getOwnerNode() + " owns the volume, epoch " + after.getEpoch()
                + "; the client went on after " + Durations.format(stallMillis));
        runFor(AWAY, "writing on at node " + after.getOwnerNode());
        restart(owner, after);
        findings.add(
                true,
                "The owner's process was killed under load: node " + after.getOwnerNode() + " took the volume over, "
                        + Durations.format(stallMillis) + " without an answer to the client, and no error");
    }

    /** Kills all processes at the same moment: what was acked must be on the disks. */
    void killAll() {
        screen.heading("Killing all " + cluster.nodes().size() + " processes at once under load");
        load.mark();
        long acked = load.ackedWrites();
        cluster.killAll();
        screen.line("SIGKILL to every engine; " + acked + " writes were acked by then");
        cluster.nodes().forEach(cluster::start);
        cluster.local()
                .awaitReady(cluster.nodes(), READY, (ready, of) -> screen.live(ready + " of " + of + " engines run"));
        screen.line("All engines run again; those that may have granted a lease stay silent until it has run out");
        watch.await("the volume to be served again", CHANGE, Faults::serves, Faults::takingOver);
        awaitWrites("the load to go on");
        long stallMillis = load.figures().longestStallMillis();
        watch.await("all replicas in sync", REBUILT, Faults::allInSync, Faults::rebuilding);
        screen.line("All replicas are in sync; the client went on after " + Durations.format(stallMillis));
        findings.add(
                true,
                "All processes were killed at once under load: the volume was back after "
                        + Durations.format(stallMillis) + ", without an error to the client");
    }

    /** Lets the load run and shows its figures; stops at the first violation. */
    void runFor(Duration duration, String what) {
        long end = System.nanoTime() + duration.toNanos();
        while (System.nanoTime() < end) {
            Watch.pause(Duration.ofMillis(250));
            load.mustBeRight();
            LoadFigures now = load.figures().latest();
            screen.live(String.format(
                    Locale.ROOT,
                    "%s: %,.0f writes/s and %,.0f reads/s, writes p99 %s",
                    what,
                    now.writeIops(),
                    now.readIops(),
                    Percentiles.duration(now.writeMicros().getValueAtPercentile(99))));
        }
    }

    /** Starts a node again and waits until all replicas are in sync. Answers how much was copied. */
    private long restart(int node, Volume before) {
        cluster.start(node);
        cluster.local().awaitReady(List.of(node), READY, (ready, of) -> {});
        screen.line("The engine of node " + node + " runs again");
        long[] copied = new long[1];
        Volume after = watch.await("all replicas in sync", REBUILT, Faults::allInSync, volume -> {
            load.mustBeRight();
            copied[0] = Math.max(copied[0], copiedBytes(volume));
            return rebuilding(volume);
        });
        long bytes = Math.max(copied[0], after.getActivity().getLastRebuildCopiedBytes());
        screen.line(
                "Rebuilt: " + Sizes.format(bytes) + " copied, the volume has " + Sizes.format(before.getSizeBytes()));
        return bytes;
    }

    private void awaitWrites(String what) {
        long acked = load.ackedWrites();
        long end = System.nanoTime() + CHANGE.toNanos();
        while (load.ackedWrites() == acked) {
            if (System.nanoTime() > end) {
                throw new Failure(ExitCode.FAILED, "Waited " + CHANGE.toSeconds() + " s in vain for " + what);
            }
            load.mustBeRight();
            screen.live("waiting for " + what);
            Watch.pause(Duration.ofMillis(50));
        }
    }

    private Volume watchedBefore(int owner) {
        return watch.now()
                .orElseGet(() -> Volume.newBuilder().setOwnerNode(owner).build());
    }

    private static boolean inSync(Volume volume, int node) {
        return volume.getReplicasList().stream()
                .anyMatch(replica ->
                        replica.getNode() == node && replica.getState().equals(IN_SYNC));
    }

    private static boolean allInSync(Volume volume) {
        return serves(volume)
                && volume.getReplicasList().stream()
                        .allMatch(replica -> replica.getState().equals(IN_SYNC));
    }

    private static boolean serves(Volume volume) {
        return volume.hasActivity() && volume.getActivity().getActivity().isEmpty();
    }

    private static String takingOver(Volume volume) {
        String activity = volume.getActivity().getActivity();
        int waitMillis = volume.getActivity().getWaitMillis();
        return (activity.isEmpty() ? "waiting for the leases to run out" : activity)
                + (waitMillis > 0 ? ", " + Durations.format(waitMillis) + " more" : "");
    }

    private static String rebuilding(Volume volume) {
        for (Replica replica : volume.getReplicasList()) {
            if (replica.hasRebuild()) {
                Rebuild rebuild = replica.getRebuild();
                return "rebuilding the replica of node " + replica.getNode() + ": " + rebuild.getExtentsDone() + " of "
                        + rebuild.getExtentsTotal() + " extents, " + Sizes.format(rebuild.getCopiedBytes()) + " copied";
            }
        }
        return "replicas: " + replicas(volume);
    }

    private static long copiedBytes(Volume volume) {
        return volume.getReplicasList().stream()
                .mapToLong(replica -> replica.getRebuild().getCopiedBytes())
                .sum();
    }

    static String replicas(Volume volume) {
        return String.join(
                ", ",
                volume.getReplicasList().stream()
                        .map(replica -> "node " + replica.getNode() + " " + replica.getState())
                        .toList());
    }

    private static String percent(long part, long whole) {
        return whole == 0 ? "" : String.format(Locale.ROOT, " (%.1f %%)", 100.0 * part / whole);
    }
}
