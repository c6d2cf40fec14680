package storage.cairn.engine.node;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Log.Level;

/** The bounded wait for each step of an orderly end; who is in a hurry cuts all of them short. */
final class Shutdown {
    private static final long HURRIED_MILLIS = 2_000;

    private final CompletableFuture<Void> hurry = new CompletableFuture<>();
    private final Duration atMost;
    private long deadlineNanos;
    private boolean complete = true;

    Shutdown(Duration atMost) {
        this.atMost = atMost;
    }

    /** The time runs from now on. */
    void begin() {
        deadlineNanos = System.nanoTime() + atMost.toNanos();
    }

    /** From any thread, any number of times. */
    void hurry() {
        hurry.complete(null);
    }

    boolean hurried() {
        return hurry.isDone();
    }

    /** Whether every step so far ended in time. */
    boolean complete() {
        return complete;
    }

    /**
     * Runs a step on the loop and waits until it says that it is done, the time is over, or somebody hurries.
     *
     * @param otherwise the outcome of a step that did not end
     */
    <T> T step(String name, Clock loop, T otherwise, Consumer<Consumer<T>> step) {
        if (hurried()) {
            complete = false;
            return otherwise;
        }
        CompletableFuture<T> done = new CompletableFuture<>();
        loop.execute(() -> step.accept(done::complete));
        return await(name, done, otherwise, Math.max(0, deadlineNanos - System.nanoTime()), true);
    }

    /** As {@link #step}, but also begun, with 2 s, when the time is over or somebody hurries. */
    <T> T lastStep(String name, Clock loop, T otherwise, Consumer<Consumer<T>> step) {
        CompletableFuture<T> done = new CompletableFuture<>();
        loop.execute(() -> step.accept(done::complete));
        long least = TimeUnit.MILLISECONDS.toNanos(HURRIED_MILLIS);
        long left = hurried() ? least : Math.max(least, deadlineNanos - System.nanoTime());
        return await(name, done, otherwise, left, false);
    }

    private <T> T await(String name, CompletableFuture<T> done, T otherwise, long nanos, boolean hurries) {
        try {
            if (hurries) {
                CompletableFuture.anyOf(done, hurry).get(nanos, TimeUnit.NANOSECONDS);
            } else {
                done.get(nanos, TimeUnit.NANOSECONDS);
            }
        } catch (TimeoutException e) {
            EngineLog.event(Level.WARN, "ShutdownStepLate", "step=" + name + " gave up waiting");
        } catch (ExecutionException e) {
            throw new IllegalStateException("step " + name + " of the shutdown failed", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!done.isDone()) {
            complete = false;
            return otherwise;
        }
        return done.getNow(otherwise);
    }
}
