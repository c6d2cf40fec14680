package storage.cairn.engine.embedded;

import java.io.IOException;
import java.nio.file.ClosedWatchServiceException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.util.HashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import storage.cairn.engine.port.VolumeId;

/**
 * Notices changes made by other processes: at once by the kernel's file events on one folder of hints, and for a hint
 * that was never written (its author died) every few seconds by the times of the volumes' directories.
 */
final class ChangeWatch implements AutoCloseable {
    private static final long LOOK_EVERY_MILLIS = 5_000;

    private final Volumes volumes;
    private final Consumer<VolumeId> changed;
    private final Consumer<String> problems;
    private final WatchService events;
    private final Thread thread;
    private final Map<VolumeId, Long> seen = new HashMap<>();

    /**
     * @param volumes an instance of this thread's own
     * @param changed called on the watching thread
     */
    ChangeWatch(Path changes, Volumes volumes, Consumer<VolumeId> changed, Consumer<String> problems)
            throws IOException {
        this.volumes = volumes;
        this.changed = changed;
        this.problems = problems;
        this.events = FileSystems.getDefault().newWatchService();
        changes.register(events, StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_MODIFY);
        this.thread = Thread.ofPlatform().daemon().name("config-watch").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    private void run() {
        look(false);
        long lookAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LOOK_EVERY_MILLIS);
        try {
            while (true) {
                WatchKey key = events.poll(Math.max(0, lookAt - System.nanoTime()), TimeUnit.NANOSECONDS);
                if (key != null) {
                    for (WatchEvent<?> event : key.pollEvents()) {
                        tell(event);
                    }
                    key.reset();
                }
                if (System.nanoTime() - lookAt >= 0) {
                    look(true);
                    lookAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LOOK_EVERY_MILLIS);
                }
            }
        } catch (ClosedWatchServiceException | InterruptedException closed) {
            // The store was closed.
            return;
        }
    }

    private void tell(WatchEvent<?> event) {
        if (event.kind().equals(StandardWatchEventKinds.OVERFLOW)) {
            seen.clear();
            look(true);
        } else if (event.context() instanceof Path name) {
            try {
                changed.accept(new VolumeId(UUID.fromString(name.toString())));
            } catch (IllegalArgumentException notAVolume) {
                problems.accept("unexpected change hint " + name + " ignored");
            }
        }
    }

    private void look(boolean tell) {
        try {
            for (VolumeId volume : volumes.ids()) {
                try {
                    long time =
                            Files.getLastModifiedTime(volumes.directory(volume)).to(TimeUnit.NANOSECONDS);
                    Long before = seen.put(volume, time);
                    if (tell && (before == null || before != time)) {
                        changed.accept(volume);
                    }
                } catch (NoSuchFileException gone) {
                    seen.remove(volume);
                }
            }
        } catch (IOException e) {
            problems.accept("could not look for changes: " + e);
        }
    }

    @Override
    public void close() throws IOException {
        events.close();
    }
}
