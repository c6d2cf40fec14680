package storage.cairn.schedulerextender;

import java.util.Set;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;

/** Keeps the newest {@link Snapshot}: made anew soon after something changed, in a thread of its own. */
final class Viewer implements AutoCloseable {
    /** What comes together is taken together; so a busy cluster costs little. */
    private static final long SHORTEST_PAUSE_MILLIS = 200;

    /** How soon it is noticed that an engine fell silent. */
    private static final long LONGEST_PAUSE_MILLIS = 1_000;

    private static final Logger LOG = LogManager.getLogger(Viewer.class);

    private final Semaphore changed = new Semaphore(0);
    private final Photographer photographer;
    private final Resources resources;
    private final Consumer<Snapshot> listener;
    private final Thread thread = Thread.ofPlatform().name("snapshots").daemon().unstarted(this::run);
    private volatile @Nullable Snapshot newest;

    /**
     * @param listener called with each new one, in the thread of this
     */
    Viewer(Photographer photographer, Resources resources, Consumer<Snapshot> listener) {
        this.photographer = photographer;
        this.resources = resources;
        this.listener = listener;
    }

    /** Begins; everything has been read once. */
    void start() {
        newest = photographer.take();
        thread.start();
    }

    void changed() {
        changed.release();
    }

    /** Null: not everything was read yet. */
    @Nullable
    Snapshot newest() {
        return newest;
    }

    private void run() {
        try {
            while (true) {
                boolean some = changed.tryAcquire(LONGEST_PAUSE_MILLIS, TimeUnit.MILLISECONDS);
                TimeUnit.MILLISECONDS.sleep(SHORTEST_PAUSE_MILLIS);
                changed.drainPermits();
                Snapshot known = newest;
                // What it says of who is alive, and not what was so a moment before it was taken.
                if (some || known == null || !known.alive().equals(alive())) {
                    look();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Set<String> alive() {
        return resources
                .storageNodes()
                .map(node -> node.getMetadata().getName())
                .filter(resources::isAlive)
                .collect(Collectors.toSet());
    }

    private void look() {
        try {
            Snapshot snapshot = photographer.take();
            newest = snapshot;
            listener.accept(snapshot);
        } catch (RuntimeException e) {
            LOG.error("what was read could not be put together; the last that could is used on", e);
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
