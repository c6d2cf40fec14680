package storage.cairn.engine.io;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.posix.Errno;

/**
 * The queue of a disk: numbered requests that are used again, of which a bounded number runs at once and the others
 * wait in the order of submission.
 */
abstract class QueuedDevice implements BlockDevice {
    /** Operations given to the kernel at once. More only wait there instead of here. */
    static final int RUNNING_MAX = 512;
    /** Operations accepted at once. The store bounds what it submits far below. */
    static final int REQUESTS_MAX = 16_384;

    private static final int TRANSFER_MAX_BLOCKS = BufferPool.MAX_BYTES / BLOCK_BYTES;

    static final int READ = 1;
    static final int WRITE = 2;
    static final int FLUSH = 3;
    static final int DISCARD = 4;

    final DiskFile disk;
    final LoopClock clock;
    final FatalHandler fatal;
    final BlockingIo blocking;
    private final @Nullable Request[] requests = new Request[REQUESTS_MAX];
    private final short[] free = new short[REQUESTS_MAX];
    private final short[] waiting = new short[REQUESTS_MAX];
    private int created;
    private int freeCount;
    private int waitingHead;
    private int waitingCount;
    private int running;
    private boolean closed;

    QueuedDevice(DiskFile disk, LoopClock clock, FatalHandler fatal, BlockingIo blocking) {
        this.disk = disk;
        this.clock = clock;
        this.fatal = fatal;
        this.blocking = blocking;
    }

    /** Begins the operation. Its end is told by {@link #ended}, later. */
    abstract void begin(Request request);

    @Override
    public final long blocks() {
        return disk.blocks();
    }

    @Override
    public final boolean volatileCache() {
        return disk.volatileCache();
    }

    @Override
    public final void read(long block, int count, Buffer into, int index, Completion completion, long tag) {
        transfer(READ, block, count, into, index, completion, tag);
    }

    @Override
    public final void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
        transfer(WRITE, block, count, from, index, completion, tag);
    }

    private void transfer(
            int operation, long block, int count, Buffer buffer, int index, Completion completion, long tag) {
        if (count < 1 || count > TRANSFER_MAX_BLOCKS || index < 0 || index > buffer.capacity() / BLOCK_BYTES - count) {
            throw new IllegalArgumentException("transfer of " + count + " blocks at block " + index + " of a buffer of "
                    + buffer.capacity() + " bytes");
        }
        checkRange(block, count);
        long address = SlabBuffer.addressOf(buffer) + (long) index * BLOCK_BYTES;
        Request request = take(operation, completion, tag);
        request.offset = block * BLOCK_BYTES;
        request.length = (long) count * BLOCK_BYTES;
        request.address = address;
        request.buffer = buffer.retain();
        submit(request);
    }

    @Override
    public final void flush(Completion completion, long tag) {
        Request request = take(FLUSH, completion, tag);
        // All of the file: the ring refuses a flush with the rest of an earlier operation.
        request.offset = 0;
        request.length = 0;
        request.address = 0;
        submit(request);
    }

    @Override
    public final void discard(long block, long count, Completion completion, long tag) {
        checkRange(block, count);
        Request request = take(DISCARD, completion, tag);
        request.offset = block * BLOCK_BYTES;
        request.length = count * BLOCK_BYTES;
        submit(request);
    }

    private void checkRange(long block, long count) {
        if (count < 1 || block < 0 || block > disk.blocks() - count) {
            throw new IllegalArgumentException(
                    "blocks " + block + " + " + count + " of " + disk.path() + ", which has " + disk.blocks());
        }
    }

    @Override
    public final int inFlight() {
        return running + waitingCount;
    }

    @Override
    public final void close() {
        clock.checkOnLoop();
        if (closed) {
            return;
        }
        if (inFlight() > 0) {
            throw new IllegalStateException(disk.path() + " closed with " + inFlight() + " operations in flight");
        }
        closed = true;
        closing();
        disk.close();
    }

    /** Undoes what the subclass set up. Nothing is in flight. */
    abstract void closing();

    private Request take(int operation, Completion completion, long tag) {
        clock.checkOnLoop();
        if (closed) {
            throw new IllegalStateException(disk.path() + " is closed");
        }
        Request request;
        if (freeCount > 0) {
            request = request(free[--freeCount]);
        } else if (created < REQUESTS_MAX) {
            request = new Request((short) created);
            requests[created++] = request;
        } else {
            throw new IllegalStateException("more than " + REQUESTS_MAX + " operations at once on " + disk.path());
        }
        request.operation = operation;
        request.completion = completion;
        request.tag = tag;
        request.retries = 0;
        return request;
    }

    private void submit(Request request) {
        if (running < RUNNING_MAX) {
            running++;
            begin(request);
        } else {
            waiting[(waitingHead + waitingCount++) & (REQUESTS_MAX - 1)] = request.index;
        }
    }

    final Request request(int index) {
        Request request = requests[index];
        if (request == null) {
            throw new IllegalStateException("completion of an operation " + index + " that never was");
        }
        return request;
    }

    /** Ends an operation with 0 or a positive errno: makes room, then tells whoever submitted it. */
    final void ended(Request request, int errno) {
        Completion completion = request.completion;
        if (completion == null) {
            throw new IllegalStateException("operation " + request.index + " of " + disk.path() + " ended twice");
        }
        long tag = request.tag;
        Buffer buffer = request.buffer;
        request.completion = null;
        request.buffer = null;
        free[freeCount++] = request.index;
        running--;
        if (waitingCount > 0) {
            short next = waiting[waitingHead];
            waitingHead = (waitingHead + 1) & (REQUESTS_MAX - 1);
            waitingCount--;
            running++;
            begin(request(next));
        }
        try {
            completion.done(tag, errno);
        } finally {
            if (buffer != null) {
                buffer.release();
            }
        }
    }

    /** Has a thread that may block do the operation. */
    final void beginBlocking(Request request) {
        blocking.execute(request);
    }

    /** One operation; the object is used again for others. */
    final class Request implements Runnable {
        final short index;
        int operation;
        long offset;
        long length;
        long address;
        int retries;
        long tag;

        @Nullable
        Buffer buffer;

        @Nullable
        Completion completion;

        private int errno;
        private final Runnable arrive = this::arrive;

        Request(short index) {
            this.index = index;
        }

        /** On a thread that may block: does it all and sends the result back to the loop. */
        @Override
        public void run() {
            try {
                errno = switch (operation) {
                    case READ, WRITE -> disk.transferFully(operation == WRITE, address, length, offset);
                    case FLUSH -> disk.flush();
                    case DISCARD -> disk.discard(offset, length);
                    default -> Errno.EINVAL;
                };
                clock.fromOutside(arrive);
            } catch (Throwable e) {
                fatal.fatal("an operation on " + disk.path() + " failed", e);
            }
        }

        private void arrive() {
            try {
                ended(this, errno);
            } catch (Throwable e) {
                fatal.fatal("the completion of an operation on " + disk.path() + " failed", e);
            }
        }
    }
}
