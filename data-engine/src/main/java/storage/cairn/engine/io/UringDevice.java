package storage.cairn.engine.io;

import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.uring.IoUringIoEvent;
import io.netty.channel.uring.IoUringIoHandle;
import io.netty.channel.uring.IoUringIoOps;
import storage.cairn.engine.posix.Errno;

/**
 * A disk whose operations go through the io_uring of the event loop that also carries the sockets.
 *
 * <p>What one turn of the loop begins enters the ring at its end, so that one system call submits all of it: the ring
 * is entered whenever something new is found in it while completions are handled. Of short reads, a turn begins only a
 * few, and what follows from a few that ended is not kept back until the rest have: so the drive, this loop and the
 * hosts work at the same time on parts of a long batch, instead of one
 * after the other on all of it. An operation travels by its 16-bit number in the ring's user data. A transfer that the
 * kernel cuts short at a multiple of the block size goes on where it stopped; any other short transfer is EIO. Discards,
 * which the ring does not have on every kernel, are left to threads that may block.
 */
final class UringDevice extends QueuedDevice implements IoUringIoHandle {
    // Numbers of the operations in the kernel's io_uring.h.
    private static final byte IORING_OP_FSYNC = 3;
    private static final byte IORING_OP_READ = 22;
    private static final byte IORING_OP_WRITE = 23;
    private static final int IORING_FSYNC_DATASYNC = 1;

    private static final int RETRIES_MAX = 100;

    /** Short reads that a turn of the loop begins; and after so many that ended, what follows from them is sent. */
    static final int READS_A_TURN = 8;
    /** A read of so many bytes is not short. */
    private static final int LONG_BYTES = 32 << 10;

    private final IoRegistration registration;
    private final short[] begun = new short[RUNNING_MAX];
    private final Runnable enterBegun = this::enterBegun;
    private final Runnable enterLater = this::enterLater;
    private int begunCount;
    private int readsEnded;

    /** Registers with the loop; called on it. */
    UringDevice(DiskFile disk, IoEventLoop loop, LoopClock clock, FatalHandler fatal, BlockingIo blocking) {
        super(disk, clock, fatal, blocking);
        clock.checkOnLoop();
        this.registration = loop.register(this).syncUninterruptibly().getNow();
    }

    @Override
    void begin(Request request) {
        if (request.operation == DISCARD) {
            beginBlocking(request);
            return;
        }
        if (begunCount == 0) {
            clock.atEndOfTurn(enterBegun);
        }
        begun[begunCount++] = request.index;
    }

    private void enterBegun() {
        int count = begunCount;
        int reads = 0;
        begunCount = 0;
        for (int i = 0; i < count; i++) {
            Request request = request(begun[i]);
            if (isShortRead(request) && reads++ >= READS_A_TURN) {
                begun[begunCount++] = request.index;
            } else {
                enter(request);
            }
        }
        if (begunCount > 0) {
            clock.execute(enterLater);
        }
    }

    private void enterLater() {
        clock.atEndOfTurn(enterBegun);
    }

    private static boolean isShortRead(Request request) {
        return request.operation == READ && request.length < LONG_BYTES;
    }

    private void enter(Request request) {
        byte opcode = switch (request.operation) {
            case READ -> IORING_OP_READ;
            case WRITE -> IORING_OP_WRITE;
            case FLUSH -> IORING_OP_FSYNC;
            default -> throw new IllegalStateException("operation " + request.operation);
        };
        int flags = request.operation == FLUSH ? IORING_FSYNC_DATASYNC : 0;
        long submitted = registration.submit(operation(
                opcode, disk.fd(), request.offset, request.address, (int) request.length, flags, request.index));
        if (submitted == 0) {
            throw new IllegalStateException("operation on " + disk.path() + " after its event loop ended");
        }
    }

    static IoUringIoOps read(int fd, long offset, long address, int length, short id) {
        return operation(IORING_OP_READ, fd, offset, address, length, 0, id);
    }

    static IoUringIoOps write(int fd, long offset, long address, int length, short id) {
        return operation(IORING_OP_WRITE, fd, offset, address, length, 0, id);
    }

    static IoUringIoOps sync(int fd, short id) {
        return operation(IORING_OP_FSYNC, fd, 0, 0, 0, IORING_FSYNC_DATASYNC, id);
    }

    private static IoUringIoOps operation(
            byte opcode, int fd, long offset, long address, int length, int flags, short id) {
        byte entryFlags = 0;
        short none = 0;
        return new IoUringIoOps(
                opcode, entryFlags, none, fd, offset, address, length, flags, (long) id, none, none, 0, 0L);
    }

    @Override
    public void handle(IoRegistration from, IoEvent event) {
        try {
            IoUringIoEvent completion = (IoUringIoEvent) event;
            Request request = request((int) completion.userData());
            boolean shortRead = isShortRead(request);
            completed(request, completion.res());
            if (shortRead && ++readsEnded == READS_A_TURN) {
                readsEnded = 0;
                clock.endTurn();
            }
        } catch (Throwable e) {
            fatal.fatal("the completion of an operation on " + disk.path() + " failed", e);
        }
    }

    private void completed(Request request, int result) {
        if (result < 0) {
            failed(request, -result);
        } else if (request.operation == FLUSH || result == request.length) {
            ended(request, 0);
        } else if (result == 0 || result % BLOCK_BYTES != 0 || result > request.length) {
            ended(request, Errno.EIO);
        } else {
            request.offset += result;
            request.address += result;
            request.length -= result;
            begin(request);
        }
    }

    private void failed(Request request, int errno) {
        boolean again = errno == Errno.EAGAIN || errno == Errno.EINTR;
        if (again && request.operation != FLUSH && request.retries < RETRIES_MAX) {
            request.retries++;
            begin(request);
        } else {
            ended(request, errno);
        }
    }

    @Override
    void closing() {
        registration.cancel();
    }

    @Override
    public void registered() {
        // Operations are submitted only after the constructor.
    }

    @Override
    public void unregistered() {
        // Nothing is in flight any more.
    }
}
