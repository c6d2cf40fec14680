package storage.cairn.engine.io;

import io.netty.buffer.ByteBuf;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;

/**
 * Lends Netty views of slab buffers: each holds a reference to its buffer and gives it back when Netty releases the
 * view. The view objects are made once and used again.
 */
public final class BufferViews {
    private static final int CREATED_AT_START = 256;
    private static final int MAX_VIEWS = 1 << 18;

    /** Told when Netty is done with a view, before the view is used for something else. */
    public interface Released {
        void released(int bytes);
    }

    private final LoopClock clock;
    private @Nullable BufferView[] free = new BufferView[CREATED_AT_START];
    private int freeCount;
    private int created;

    BufferViews(LoopClock clock) {
        this.clock = clock;
        for (int i = 0; i < CREATED_AT_START; i++) {
            free[freeCount++] = new BufferView(this);
            created++;
        }
    }

    /**
     * A view whose readable bytes are {@code length} bytes of {@code buffer} from {@code offset} on. It retains the
     * buffer until it is released.
     */
    public ByteBuf readable(Buffer buffer, int offset, int length, @Nullable Released released) {
        BufferView view = take(buffer, offset, length, released);
        return view.writerIndex(length);
    }

    /** A view without readable bytes, in whose {@code length} writable ones a channel can receive. */
    public ByteBuf writable(Buffer buffer, int offset, int length, @Nullable Released released) {
        return take(buffer, offset, length, released);
    }

    /** Views that Netty holds. */
    public int lent() {
        return created - freeCount;
    }

    private BufferView take(Buffer buffer, int offset, int length, @Nullable Released released) {
        clock.checkOnLoop();
        if (length < 0 || offset < 0 || offset > buffer.capacity() - length) {
            throw new IllegalArgumentException(
                    length + " bytes at " + offset + " of a buffer of " + buffer.capacity() + " bytes");
        }
        long address = SlabBuffer.addressOf(buffer) + offset;
        if (freeCount == 0) {
            create();
        }
        BufferView view = free[--freeCount];
        if (view == null) {
            throw new IllegalStateException("the pool of views has a hole");
        }
        free[freeCount] = null;
        ByteBuffer bytes = buffer.bytes();
        view.lend(buffer.retain(), bytes, address, offset, length, released);
        return view;
    }

    private void create() {
        if (created >= MAX_VIEWS) {
            throw new IllegalStateException("more than " + MAX_VIEWS + " views of buffers are waiting to be written");
        }
        int more = Math.min(created, MAX_VIEWS - created);
        free = new BufferView[created + more];
        for (int i = 0; i < more; i++) {
            free[freeCount++] = new BufferView(this);
        }
        created += more;
    }

    void putBack(BufferView view) {
        clock.checkOnLoop();
        free[freeCount++] = view;
    }
}
