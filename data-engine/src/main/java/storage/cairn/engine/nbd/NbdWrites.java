package storage.cairn.engine.nbd;

import static storage.cairn.engine.nbd.NbdWire.PREFERRED_BLOCK_BYTES;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.replication.HostVolume;

/**
 * Receives the payload of a session's writes, one write after the other, and gives each part to the volume when it is
 * there.
 */
final class NbdWrites {
    private static final int BLOCK = PREFERRED_BLOCK_BYTES;
    private static final int TAG_BLOCKS_SHIFT = 16;

    private final NbdSession session;
    private final HostVolume volume;
    private final NbdMemory memory;
    private final NbdInput input;
    private @Nullable NbdRequest writing;
    private @Nullable Buffer receiving;
    private long heldBytes;

    NbdWrites(NbdSession session, HostVolume volume, NbdMemory memory, NbdInput input) {
        this.session = session;
        this.volume = volume;
        this.memory = memory;
        this.input = input;
    }

    /** Bytes of buffers that are received into or being written. */
    long heldBytes() {
        return heldBytes;
    }

    /** Whether the next bytes of the input are payload of a write. */
    boolean active() {
        return writing != null;
    }

    /** Whether that is this one. */
    boolean receiving(NbdRequest request) {
        return writing != null && writing.slot == request.slot;
    }

    /** Whether there is no buffer for them. */
    boolean starved() {
        return writing != null && receiving == null;
    }

    void begin(NbdRequest request) {
        writing = request;
    }

    /** Takes payload from the input; false when more has to arrive, or memory. */
    boolean receive() {
        NbdRequest write = writing;
        if (write == null) {
            throw new IllegalStateException("NBD: payload without a write");
        }
        long from = write.next;
        long to = write.partEnd(from);
        int blocks = NbdRequest.blocks(from, to);
        Buffer buffer = receiving;
        if (buffer == null) {
            buffer = memory.acquire(blocks);
            if (buffer == null) {
                return false;
            }
            receiving = buffer;
            heldBytes += blocks * BLOCK;
            input.receiveInto(buffer, (int) (from % BLOCK), (int) (to - from));
        }
        if (!input.payloadComplete()) {
            return false;
        }
        receiving = null;
        write.next = to;
        session.submitted(write);
        // The tag carries what the part holds in memory until it is done.
        volume.write(from, (int) (to - from), buffer, session, write.slot | (long) blocks << TAG_BLOCKS_SHIFT);
        buffer.release();
        if (write.covered()) {
            writing = null;
        }
        return true;
    }

    /** The volume is done with a part. */
    void partEnded(long tag) {
        giveBack((int) (tag >>> TAG_BLOCKS_SHIFT));
    }

    private void giveBack(int blocks) {
        heldBytes -= blocks * BLOCK;
        memory.released(blocks * BLOCK);
    }

    /** No more payload is wanted; answers with the write that is incomplete. */
    @Nullable
    NbdRequest abandon() {
        NbdRequest write = writing;
        Buffer buffer = receiving;
        writing = null;
        receiving = null;
        if (write != null && buffer != null) {
            input.abandon();
            buffer.release();
            giveBack(NbdRequest.blocks(write.next, write.partEnd(write.next)));
        }
        return write;
    }
}
