package storage.cairn.engine.sim;

import java.util.ArrayDeque;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * Lives many lives at once, a thread for each, and tells of them in the order of their numbers: what is told does not
 * depend on how many threads there are.
 */
final class Lives implements AutoCloseable {
    /** So many are begun for each thread before the first of them is told of. */
    private static final int AHEAD = 16;

    private final ExecutorService threads;
    private final int ahead;
    private final ArrayDeque<Future<Outcome>> begun = new ArrayDeque<>();

    /**
     * What came of a life.
     *
     * @param report null: it broke a promise
     * @param violation null: it broke none
     */
    record Outcome(
            Life life, @Nullable SimReport report, @Nullable Violation violation) {}

    Lives(int jobs) {
        this.threads = Executors.newFixedThreadPool(jobs);
        this.ahead = jobs * AHEAD;
    }

    /** Whether another one may begin before the next is told of. */
    boolean hasRoom() {
        return begun.size() < ahead;
    }

    boolean idle() {
        return begun.isEmpty();
    }

    void begin(Life life) {
        begun.add(threads.submit(() -> live(life)));
    }

    private static Outcome live(Life life) {
        try {
            return new Outcome(life, life.run(Trace.hashing()), null);
        } catch (Violation violation) {
            return new Outcome(life, null, violation);
        } catch (RuntimeException | Error e) {
            throw new IllegalStateException("the life of seed " + life.seed() + " ended its thread", e);
        }
    }

    /** Waits for the one that comes next in order. */
    Outcome next() throws InterruptedException {
        try {
            return begun.remove().get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
