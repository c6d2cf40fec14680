package storage.cairn.engine.node;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Clock;

/** Questions from other threads to the event loop, with a bounded wait. */
final class LoopCalls {
    private static final long WAIT_MILLIS = 2_000;

    private LoopCalls() {}

    /** What {@code question} answers on the loop; null when the loop does not answer within 2 s, or has ended. */
    static <T> @Nullable T ask(Clock loop, Supplier<T> question) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        try {
            loop.execute(() -> answer.complete(question.get()));
            return answer.get(WAIT_MILLIS, TimeUnit.MILLISECONDS);
        } catch (TimeoutException | RejectedExecutionException standsStill) {
            return null;
        } catch (ExecutionException e) {
            throw new IllegalStateException("a question to the event loop failed", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return null;
        }
    }
}
