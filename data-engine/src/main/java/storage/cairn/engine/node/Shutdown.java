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
    private static final long LAST_STEP_MILLIS = 2_000;

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
        waitFor(CompletableFuture.anyOf(done, hurry), Math.max(0, deadlineNanos - System.nanoTime()));
        return outcome(name, done, otherwise);
    }

    /** As {@link #step}, but begun and waited for, for 2 s, also when the time is over or somebody hurries. */
    <T> T lastStep(String name, Clock loop, T otherwise, Consumer<Consumer<T>> step) {
        CompletableFuture<T> done = new CompletableFuture<>();
        loop.execute(() -> step.accept(done::complete));
        waitFor(CompletableFuture.anyOf(done, hurry), Math.max(0, deadlineNanos - System.nanoTime()));
        waitFor(done, TimeUnit.MILLISECONDS.toNanos(LAST_STEP_MILLIS));
        return outcome(name, done, otherwise);
    }

    private <T> T outcome(String name, CompletableFuture<T> done, T otherwise) {
        if (!done.isDone()) {
            complete = false;
            EngineLog.event(Level.WARN, "ShutdownStepLate", "step=\"" + name + "\" gave up waiting");
            return otherwise;
        }
        return done.getNow(otherwise);
    }

    private static void waitFor(CompletableFuture<?> future, long nanos) {
        try {
            future.get(nanos, TimeUnit.NANOSECONDS);
        } catch (TimeoutException late) {
            // Whoever waits looks at what is done.
            return;
        } catch (ExecutionException e) {
            throw new IllegalStateException("a step of the shutdown failed", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
