package storage.cairn.engine.port;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;

/** A loop for tests of adapters: one thread and the system's time. */
public final class ThreadClock implements Clock, AutoCloseable {
    private final ScheduledExecutorService thread = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().daemon().name("test-loop").factory());

    @Override
    public long nanos() {
        return System.nanoTime();
    }

    @Override
    public long wallMillis() {
        return System.currentTimeMillis();
    }

    @Override
    public Timer after(long delayNanos, Runnable task) {
        ScheduledFuture<?> future = thread.schedule(task, delayNanos, TimeUnit.NANOSECONDS);
        return () -> future.cancel(false);
    }

    @Override
    public void execute(Runnable task) {
        thread.execute(task);
    }

    /** Runs {@code question} on the loop and waits for what it hands to its consumer. */
    public <T> T ask(Duration atMost, Consumer<Consumer<T>> question) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        thread.execute(() -> question.accept(answer::complete));
        try {
            return answer.get(atMost.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException | TimeoutException | InterruptedException e) {
            throw new AssertionError("no answer on the loop", e);
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
