package storage.cairn.engine.io;

import io.netty.channel.SingleThreadIoEventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.posix.Errno;
import storage.cairn.engine.posix.Posix;

/**
 * Time and turns of one Netty event loop.
 *
 * <p>Each {@link #nanos} asks CLOCK_BOOTTIME anew. It counts suspended time, which {@code System.nanoTime} does not,
 * and is answered in user space by the kernel's vDSO; nothing is cached, since a value read before a pause of the
 * process must not be taken for one read after it. Timers run on the monotonic clock: after a suspend they come
 * late, never early.
 *
 * <p>Whatever a task throws goes to the loop's {@link FatalHandler}: an engine with a broken assertion stops.
 */
public final class LoopClock implements Clock {
    private static final int MAX_TASKS = 1 << 20;

    /** What follows from a task runs in the same turn, so often: each turn costs a system call. */
    private static final int ROUNDS = 4;

    private final SingleThreadIoEventLoop loop;
    private final FatalHandler fatal;
    private final ByteBuffer time = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
    private final long timeAddress = Posix.address(time);
    private final Runnable drain = this::drain;
    private @Nullable Runnable[] tasks = new Runnable[1024];
    private int head;
    private int size;
    private boolean drainScheduled;
    private @Nullable Runnable[] last = new Runnable[16];
    private int lastCount;
    private boolean endScheduled;
    private final Runnable end = this::end;

    LoopClock(SingleThreadIoEventLoop loop, FatalHandler fatal) {
        this.loop = loop;
        this.fatal = fatal;
    }

    @Override
    public long nanos() {
        checkOnLoop();
        int result = Posix.bootTime(timeAddress);
        if (result != 0) {
            throw new IllegalStateException("this kernel has no CLOCK_BOOTTIME: " + Errno.describe(-result));
        }
        return time.getLong(0) * 1_000_000_000L + time.getLong(8);
    }

    @Override
    public long wallMillis() {
        return System.currentTimeMillis();
    }

    @Override
    public Timer after(long delayNanos, Runnable task) {
        if (delayNanos < 0) {
            throw new IllegalArgumentException("a delay of " + delayNanos + " ns");
        }
        checkOnLoop();
        LoopTimer timer = new LoopTimer(task);
        timer.future = loop.schedule(timer, delayNanos, TimeUnit.NANOSECONDS);
        return timer;
    }

    @Override
    public void execute(Runnable task) {
        if (!loop.inEventLoop()) {
            loop.execute(() -> run(task));
            return;
        }
        if (size == tasks.length) {
            grow();
        }
        tasks[(head + size) & (tasks.length - 1)] = task;
        size++;
        if (!drainScheduled) {
            drainScheduled = true;
            loop.execute(drain);
        }
    }

    /** Hands a task over from another thread; the task object may be used again. A loop that ended drops it. */
    void fromOutside(Runnable task) {
        loop.execute(task);
    }

    /** Throws unless the caller runs on this loop. */
    public void checkOnLoop() {
        if (!loop.inEventLoop()) {
            throw new IllegalStateException(
                    "called on thread " + Thread.currentThread().getName() + " instead of the event loop");
        }
    }

    /** Runs a task now, on the loop, and gives what it throws to the {@link FatalHandler}. */
    void run(Runnable task) {
        try {
            task.run();
        } catch (Throwable e) {
            fatal.fatal("a task of the event loop failed", e);
        }
    }

    /**
     * Runs {@code task} once at the end of this turn of the loop, after what {@link #execute} was given: what the
     * turn has gathered goes to the kernel together. The caller asks once for each turn.
     */
    public void atEndOfTurn(Runnable task) {
        checkOnLoop();
        if (lastCount == last.length) {
            last = Arrays.copyOf(last, lastCount * 2);
        }
        if (!endScheduled) {
            endScheduled = true;
            loop.executeAfterEventLoopIteration(end);
        }
        last[lastCount++] = task;
    }

    /**
     * Does at once what is due in this turn and at its end: what follows from the events so far goes to the kernel
     * before further ones are handled. Called between events, not by tasks.
     */
    void endTurn() {
        drain();
        runLast();
    }

    private void end() {
        endScheduled = false;
        runLast();
    }

    private void runLast() {
        for (int i = 0; i < lastCount; i++) {
            Runnable task = last[i];
            last[i] = null;
            if (task == null) {
                throw new IllegalStateException("the tasks at the end of a turn have a hole");
            }
            run(task);
        }
        lastCount = 0;
    }

    /**
     * Runs what was queued before this turn, and what that queued, for some rounds; the rest gets the next turn, so
     * that I/O is not starved.
     */
    private void drain() {
        for (int round = 0; round < ROUNDS && size > 0; round++) {
            for (int i = size; i > 0; i--) {
                Runnable task = tasks[head];
                tasks[head] = null;
                head = (head + 1) & (tasks.length - 1);
                size--;
                if (task == null) {
                    throw new IllegalStateException("the queue of tasks has a hole");
                }
                run(task);
            }
        }
        drainScheduled = size > 0;
        if (drainScheduled) {
            loop.execute(drain);
        }
    }

    private void grow() {
        if (size >= MAX_TASKS) {
            throw new IllegalStateException("more than " + MAX_TASKS + " tasks wait for a turn of the event loop");
        }
        @Nullable Runnable[] larger = new Runnable[tasks.length * 2];
        for (int i = 0; i < size; i++) {
            larger[i] = tasks[(head + i) & (tasks.length - 1)];
        }
        tasks = larger;
        head = 0;
    }

    private final class LoopTimer implements Timer, Runnable {
        private final Runnable task;
        private @Nullable ScheduledFuture<?> future;

        LoopTimer(Runnable task) {
            this.task = task;
        }

        @Override
        public void run() {
            LoopClock.this.run(task);
        }

        @Override
        public void cancel() {
            checkOnLoop();
            if (future != null) {
                future.cancel(false);
            }
        }
    }
}
