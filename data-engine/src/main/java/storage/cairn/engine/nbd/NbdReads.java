package storage.cairn.engine.nbd;

import static storage.cairn.engine.nbd.NbdWire.PREFERRED_BLOCK_BYTES;

import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.replication.HostVolume;

/** Does the reads of a session part by part, and hands what they brought to the replies. */
final class NbdReads {
    private static final int BLOCK = PREFERRED_BLOCK_BYTES;

    private final NbdSession session;
    private final HostVolume volume;
    private final NbdMemory memory;
    private final NbdReplies replies;
    private final boolean structured;
    private long heldBytes;

    NbdReads(NbdSession session, HostVolume volume, NbdMemory memory, NbdReplies replies, boolean structured) {
        this.session = session;
        this.volume = volume;
        this.memory = memory;
        this.replies = replies;
        this.structured = structured;
    }

    /** Bytes of buffers in which reads are under way. */
    long heldBytes() {
        return heldBytes;
    }

    /**
     * Starts the next parts of a read; false when there is no memory for it. For a simple reply, all of them or none:
     * it has to be known that there is no error before its first byte is sent, and nobody may wait for memory while
     * holding some.
     */
    boolean issue(NbdRequest request) {
        int most = structured ? NbdRequest.GROUP : NbdRequest.MAX_PARTS;
        long from = request.next;
        int count = 0;
        long to = from;
        for (; count < most && to < request.end(); count++) {
            long partEnd = request.partEnd(to);
            Buffer buffer = memory.acquire(NbdRequest.blocks(to, partEnd));
            if (buffer == null) {
                break;
            }
            request.part(count, buffer);
            to = partEnd;
        }
        if (count == 0 || (!structured && to < request.end())) {
            for (int i = 0; i < count; i++) {
                from = giveBack(request, i, from);
            }
            return false;
        }
        request.groupStart = from;
        request.partCount = count;
        request.next = to;
        for (int i = 0; i < count; i++) {
            long partEnd = request.partEnd(from);
            int blocks = NbdRequest.blocks(from, partEnd);
            heldBytes += blocks * BLOCK;
            session.submitted(request);
            volume.read(from / BLOCK, blocks, part(request, i), session, request.slot);
            from = partEnd;
        }
        return true;
    }

    /** All parts that were started have ended: sends them, or drops them. */
    void deliver(NbdRequest request, boolean send) {
        if (send && !structured) {
            replies.simple(request.cookie, 0);
        }
        long start = request.groupStart;
        for (int i = 0; i < request.partCount; i++) {
            long end = request.partEnd(start);
            heldBytes -= NbdRequest.blocks(start, end) * BLOCK;
            if (send) {
                boolean done = request.covered() && i == request.partCount - 1;
                replies.data(request.cookie, start, (int) (end - start), part(request, i), done);
                request.parts[i] = null;
            } else {
                giveBack(request, i, start);
            }
            start = end;
        }
        request.partCount = 0;
    }

    private static Buffer part(NbdRequest request, int index) {
        Buffer buffer = request.parts[index];
        if (buffer == null) {
            throw new IllegalStateException("NBD: part " + index + " of a read has no buffer");
        }
        return buffer;
    }

    /** Releases the buffer of the part that starts at {@code from}; answers where the next one starts. */
    private long giveBack(NbdRequest request, int index, long from) {
        Buffer buffer = part(request, index);
        request.parts[index] = null;
        buffer.release();
        long to = request.partEnd(from);
        memory.released(NbdRequest.blocks(from, to) * BLOCK);
        return to;
    }
}
