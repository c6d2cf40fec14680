package storage.cairn.engine.node;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.engine.port.Clock;

/**
 * Those who watch the status: each is looked after at its own interval, hears of changes only, and is skipped while it
 * has not taken what it was sent. Nobody watching costs nothing.
 */
final class StatusWatches {
    static final int MAX_WATCHES = 32;
    static final int MIN_INTERVAL_MILLIS = 100;
    static final int MAX_INTERVAL_MILLIS = 60_000;
    private static final int DEFAULT_INTERVAL_MILLIS = 1_000;

    private final Clock loop;
    private final StatusSource status;
    private final ScheduledExecutorService thread;
    private final Semaphore free = new Semaphore(MAX_WATCHES);

    /**
     * @param thread encodes and sends; one thread, so that one watch sends in order
     */
    StatusWatches(Clock loop, StatusSource status, ScheduledExecutorService thread) {
        this.loop = loop;
        this.status = status;
        this.thread = thread;
    }

    void add(int intervalMillis, StreamObserver<NodeStatus> observer) {
        int interval = intervalMillis == 0 ? DEFAULT_INTERVAL_MILLIS : intervalMillis;
        if (interval < MIN_INTERVAL_MILLIS || interval > MAX_INTERVAL_MILLIS) {
            observer.onError(Status.INVALID_ARGUMENT
                    .withDescription("interval_millis " + Integer.toUnsignedString(interval) + ": use "
                            + MIN_INTERVAL_MILLIS + " to " + MAX_INTERVAL_MILLIS + ", or 0 for "
                            + DEFAULT_INTERVAL_MILLIS)
                    .asRuntimeException());
            return;
        }
        if (!free.tryAcquire()) {
            observer.onError(Status.RESOURCE_EXHAUSTED
                    .withDescription(MAX_WATCHES + " clients watch the status of this node already; end one")
                    .asRuntimeException());
            return;
        }
        new Watch((ServerCallStreamObserver<NodeStatus>) observer).start(interval);
    }

    private final class Watch {
        private final ServerCallStreamObserver<NodeStatus> call;
        private final AtomicBoolean asked = new AtomicBoolean();
        private final AtomicBoolean ended = new AtomicBoolean();
        private volatile @Nullable ScheduledFuture<?> timer;
        private @Nullable NodeStatus last;

        Watch(ServerCallStreamObserver<NodeStatus> call) {
            this.call = call;
        }

        void start(int intervalMillis) {
            call.setOnCancelHandler(this::end);
            timer = thread.scheduleAtFixedRate(
                    FatalStop.guarded("a status watch", this::look), 0, intervalMillis, TimeUnit.MILLISECONDS);
            if (ended.get()) {
                cancel();
            }
        }

        private void look() {
            if (ended.get() || !call.isReady() || !asked.compareAndSet(false, true)) {
                return;
            }
            try {
                loop.execute(() -> {
                    StatusSource.Taken taken = status.take();
                    thread.execute(FatalStop.guarded("a status watch", () -> send(taken)));
                });
            } catch (RejectedExecutionException stopped) {
                end();
                call.onError(
                        Status.UNAVAILABLE.withDescription("the engine stops").asRuntimeException());
            }
        }

        private void send(StatusSource.Taken taken) {
            asked.set(false);
            if (ended.get()) {
                return;
            }
            NodeStatus now = status.message(taken);
            NodeStatus compared =
                    now.toBuilder().clearUptimeMillis().clearResidentBytes().build();
            if (!compared.equals(last)) {
                last = compared;
                call.onNext(now);
            }
        }

        private void end() {
            if (ended.compareAndSet(false, true)) {
                free.release();
                cancel();
            }
        }

        private void cancel() {
            ScheduledFuture<?> running = timer;
            if (running != null) {
                running.cancel(false);
            }
        }
    }
}
