package storage.cairn.engine.embedded;

import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.embedded.Register.SyncFailedException;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.VolumeId;

/**
 * The configuration store of a cluster on one machine: a directory that its engines share, with no process of its own
 * and no lock. {@link Volumes} draws the directory, {@link Register} says why it is safe, {@link Envelope} draws a file.
 *
 * <p>Calls come from one loop; the file I/O is done by one thread behind a bounded queue, and the answers go back to
 * the loop. A full queue is answered at once as unavailable.
 */
public final class DirectoryConfigStore implements ConfigStore, AutoCloseable {
    private static final int MAX_QUEUED = 4_096;
    private static final long CLOSE_MILLIS = 5_000;

    private final Clock clock;
    private final Place place;
    private final Volumes volumes;
    private final ChangeWatch changes;
    private final ThreadPoolExecutor thread;
    private final CopyOnWriteArrayList<Changed> watchers = new CopyOnWriteArrayList<>();
    private volatile @Nullable String failure;

    private DirectoryConfigStore(
            Clock clock, Path directory, Place place, Temporaries temporaries, Consumer<String> problems)
            throws IOException {
        this.clock = clock;
        this.place = place;
        this.volumes = new Volumes(directory, temporaries, problems);
        this.changes = new ChangeWatch(
                directory.resolve("changes"), new Volumes(directory, temporaries, problems), this::changed, problems);
        this.thread = new ThreadPoolExecutor(
                1,
                1,
                0,
                TimeUnit.SECONDS,
                new ArrayBlockingQueue<>(MAX_QUEUED),
                Thread.ofPlatform().daemon().name("config-store").factory());
    }

    /**
     * Opens the store in {@code directory}, making it if it is not there. Blocks; not on a loop.
     *
     * @param cluster whose store it is; that of another cluster is refused
     * @param problems told of what is wrong and fails no call; called on threads of the store
     */
    public static DirectoryConfigStore open(Path directory, UUID cluster, Clock clock, Consumer<String> problems)
            throws IOException {
        Path root = directory.toAbsolutePath().normalize();
        Register.createDirectory(root);
        for (String part : new String[] {"temporary", "cluster", "volumes", "names", "changes"}) {
            Register.createDirectory(root.resolve(part));
        }
        Temporaries temporaries = new Temporaries(root.resolve("temporary"));
        temporaries.removeStale(clock.wallMillis());
        Place place = new Place(root, temporaries, cluster);
        place.open();
        DirectoryConfigStore store = new DirectoryConfigStore(clock, root, place, temporaries, problems);
        store.changes.start();
        return store;
    }

    @Override
    public void get(VolumeId volume, Answer<Read> answer) {
        ask(() -> volumes.get(volume), answer, Read.Unavailable::new, Read.Unavailable::new);
    }

    @Override
    public void compareAndSet(VolumeId volume, long expected, Configuration value, Answer<Written> answer) {
        ask(() -> volumes.compareAndSet(volume, expected, value), answer, Written.Refused::new, Written.Unknown::new);
    }

    @Override
    public void list(Answer<Listed> answer) {
        ask(volumes::list, answer, Listed.Unavailable::new, Listed.Unavailable::new);
    }

    @Override
    public Watch watch(Changed changed) {
        watchers.add(changed);
        return () -> watchers.remove(changed);
    }

    private void changed(VolumeId volume) {
        clock.execute(() -> {
            for (Changed watcher : watchers) {
                watcher.changed(volume);
            }
        });
    }

    private interface Work<T> {
        T run() throws IOException;
    }

    /**
     * @param notBegun what to answer when nothing was tried
     * @param broken what to answer when it failed on the way
     */
    private <T> void ask(Work<T> work, Answer<T> answer, Function<String, T> notBegun, Function<String, T> broken) {
        Runnable task = () -> {
            String failed = failure;
            T outcome;
            if (failed != null) {
                outcome = notBegun.apply(failed);
            } else {
                boolean begun = false;
                try {
                    place.check();
                    begun = true;
                    outcome = work.run();
                    // What was not found may have been looked for in an empty folder.
                    place.check();
                } catch (SyncFailedException e) {
                    failure = e.getMessage();
                    outcome = broken.apply(String.valueOf(e.getMessage()));
                } catch (IOException e) {
                    outcome = begun ? broken.apply(message(e)) : notBegun.apply(message(e));
                } catch (RuntimeException | Error e) {
                    // A mistake in here may have left anything behind: answer nothing from it any more.
                    failure = "the configuration store stopped after an internal error: " + e;
                    outcome = broken.apply(String.valueOf(failure));
                }
            }
            T result = outcome;
            clock.execute(() -> answer.accept(result));
        };
        try {
            thread.execute(task);
        } catch (RejectedExecutionException full) {
            String reason = thread.isShutdown()
                    ? "the configuration store is closed"
                    : "more than " + MAX_QUEUED + " requests to the configuration store are waiting";
            clock.execute(() -> answer.accept(notBegun.apply(reason)));
        }
    }

    private static String message(IOException e) {
        return e instanceof CorruptFileException ? String.valueOf(e.getMessage()) : e.toString();
    }

    /** Finishes what was asked, for at most 5 s. Answers that come later than the loop are lost with it. */
    @Override
    public void close() throws IOException {
        changes.close();
        thread.shutdown();
        try {
            if (!thread.awaitTermination(CLOSE_MILLIS, TimeUnit.MILLISECONDS)) {
                throw new IOException("the configuration store still writes after " + CLOSE_MILLIS + " ms");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
