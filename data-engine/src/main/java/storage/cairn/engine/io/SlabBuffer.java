package storage.cairn.engine.io;

import java.nio.ByteBuffer;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.posix.Posix;

/** One piece of a {@link Slab}, which knows its address for the kernel. */
final class SlabBuffer extends Buffer {
    private final Slab.SizeClass home;
    private final long address;

    SlabBuffer(ByteBuffer bytes, Slab.SizeClass home) {
        super(bytes);
        this.home = home;
        this.address = Posix.address(bytes);
    }

    /** The address of the first byte. */
    long address() {
        return address;
    }

    void take() {
        handOut();
    }

    @Override
    protected void recycle() {
        home.putBack(this);
    }

    /** The address of a buffer that the kernel is to use: only buffers of a slab have one. */
    static long addressOf(Buffer buffer) {
        if (buffer instanceof SlabBuffer slab) {
            return slab.address;
        }
        throw new IllegalArgumentException(
                "I/O with a " + buffer.getClass().getName() + ": only buffers of a Slab can be given to the kernel");
    }
}
