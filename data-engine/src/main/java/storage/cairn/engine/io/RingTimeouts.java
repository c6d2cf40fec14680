package storage.cairn.engine.io;

import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoRegistration;
import io.netty.channel.uring.IoUringIoHandle;
import io.netty.channel.uring.IoUringIoOps;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.posix.Posix;

/**
 * Netty's io_uring handler with timeouts that stay in the ring until they are due.
 *
 * <p>By itself it puts one into the ring for each wait, which ends with that wait and costs two completions and often
 * a system call more. Here a timeout is submitted only when a task is scheduled for an earlier moment than all that
 * are in the ring; so their moments form a stack, and they end from its top.
 */
final class RingTimeouts implements IoHandler, IoHandlerContext, IoUringIoHandle {
    // Numbers of the operations in the kernel's io_uring.h.
    private static final byte IORING_OP_TIMEOUT = 11;
    private static final byte IORING_OP_ASYNC_CANCEL = 14;

    /** What is more is left to Netty. */
    private static final int MOST = 16;

    private static final long NEVER = -1;
    private static final long NANOS = 1_000_000_000L;

    private final IoHandler ring;
    private final long[] deadlines = new long[MOST];
    private final long[] submitted = new long[MOST];
    private final ByteBuffer timespec = ByteBuffer.allocateDirect(16).order(ByteOrder.nativeOrder());
    private final long timespecAddress = Posix.address(timespec);
    private int count;
    private long left = NEVER;
    private @Nullable IoHandlerContext loop;
    private @Nullable IoRegistration registration;

    RingTimeouts(IoHandler ring) {
        this.ring = ring;
    }

    @Override
    public void initialize() {
        ring.initialize();
    }

    @Override
    public int run(IoHandlerContext context) {
        loop = context;
        left = NEVER;
        if (context.canBlock() && context.deadlineNanos() != NEVER) {
            schedule(context);
        }
        return ring.run(this);
    }

    private void schedule(IoHandlerContext context) {
        long deadline = context.deadlineNanos();
        if (count > 0 && deadlines[count - 1] - deadline <= 0) {
            return;
        }
        if (count == MOST) {
            left = deadline;
            return;
        }
        long delay = Math.max(0, context.delayNanos(System.nanoTime()));
        // The kernel reads it when the operation is submitted, which is before the next one is made.
        timespec.putLong(0, delay / NANOS).putLong(8, delay % NANOS);
        deadlines[count] = deadline;
        submitted[count] = registration().submit(operation(IORING_OP_TIMEOUT, timespecAddress, 1, (short) count));
        count++;
    }

    private IoRegistration registration() {
        IoRegistration known = registration;
        if (known == null) {
            try {
                known = ring.register(this);
            } catch (Exception e) {
                throw new IllegalStateException("the ring takes no timeouts", e);
            }
            registration = known;
        }
        return known;
    }

    private static IoUringIoOps operation(byte opcode, long address, int length, short id) {
        byte flags = 0;
        short none = 0;
        int noFile = -1;
        return new IoUringIoOps(opcode, flags, none, noFile, 0, address, length, 0, (long) id, none, none, 0, 0L);
    }

    @Override
    public void handle(IoRegistration from, IoEvent event) {
        // The topmost is due. Whatever it was for, the loop looks at its scheduled tasks after this.
        if (count > 0) {
            count--;
        }
    }

    @Override
    public boolean canBlock() {
        return context().canBlock();
    }

    @Override
    public long delayNanos(long currentTimeNanos) {
        return context().delayNanos(currentTimeNanos);
    }

    @Override
    public long deadlineNanos() {
        return left;
    }

    private IoHandlerContext context() {
        IoHandlerContext context = loop;
        if (context == null) {
            throw new IllegalStateException("the ring asks before it runs");
        }
        return context;
    }

    @Override
    public void prepareToDestroy() {
        // The ring waits for all of its operations before it ends.
        for (int i = count - 1; i >= 0; i--) {
            registration().submit(operation(IORING_OP_ASYNC_CANCEL, submitted[i], 0, (short) MOST));
        }
        count = 0;
        ring.prepareToDestroy();
    }

    @Override
    public void destroy() {
        ring.destroy();
    }

    @Override
    public IoRegistration register(IoHandle handle) throws Exception {
        return ring.register(handle);
    }

    @Override
    public void wakeup() {
        ring.wakeup();
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> handleType) {
        return ring.isCompatible(handleType);
    }

    @Override
    public void registered() {
        // Timeouts are submitted after this.
    }

    @Override
    public void unregistered() {
        // The ring ends.
    }

    @Override
    public void close() {
        // Timeouts are cancelled before.
    }
}
