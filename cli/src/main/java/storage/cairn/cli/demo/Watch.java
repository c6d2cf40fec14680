package storage.cairn.cli.demo;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.Predicate;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.Durations;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.cluster.ClusterStatus;
import storage.cairn.cli.cluster.LocalCluster;

/** Looks at the volume of the demo until it is as it should be, and shows how it comes there. */
final class Watch {
    private static final Duration INTERVAL = Duration.ofMillis(100);

    private final LocalCluster cluster;
    private final String volume;
    private final Screen screen;

    Watch(LocalCluster cluster, String volume, Screen screen) {
        this.cluster = cluster;
        this.volume = volume;
        this.screen = screen;
    }

    /** The volume as the nodes that answer see it. */
    Optional<Volume> now() {
        return ClusterStatus.ask(cluster).volume(volume);
    }

    Volume mustBeThere() {
        return await("a node that knows the volume", Duration.ofMinutes(2), any -> true, any -> "");
    }

    /**
     * Waits until {@code reached} holds.
     *
     * @param what is waited for, for the failure
     * @param shown what to show meanwhile; empty: nothing
     */
    Volume await(String what, Duration timeout, Predicate<Volume> reached, Function<Volume, String> shown) {
        long start = System.nanoTime();
        while (true) {
            Optional<Volume> seen = now();
            if (seen.isPresent() && reached.test(seen.get())) {
                return seen.get();
            }
            long passedNanos = System.nanoTime() - start;
            if (passedNanos > timeout.toNanos()) {
                throw new Failure(
                        ExitCode.FAILED,
                        "Waited " + timeout.toSeconds() + " s in vain for " + what + "; the volume is now "
                                + seen.map(Watch::describe).orElse("known to no node that answers"));
            }
            String text = seen.map(shown).orElse("");
            if (!text.isEmpty()) {
                screen.live(text + " (" + Durations.format(passedNanos / 1_000_000) + ")");
            }
            pause(INTERVAL);
        }
    }

    static void pause(Duration duration) {
        LockSupport.parkNanos(duration.toNanos());
        if (Thread.currentThread().isInterrupted()) {
            throw new Failure(ExitCode.FAILED, "interrupted");
        }
    }

    private static String describe(Volume volume) {
        return volume.getPhase() + (volume.getReason().isEmpty() ? "" : ": " + volume.getReason());
    }
}
