package storage.cairn.engine.nbd;

import static storage.cairn.engine.nbd.NbdWire.*;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import java.nio.charset.StandardCharsets;
import java.util.List;
import storage.cairn.engine.io.BufferViews;
import storage.cairn.engine.io.LoopClock;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.replication.HostVolume;

/**
 * Writes the replies of a session. Headers are gathered in one buffer; block data is sent from where it is.
 */
final class NbdReplies {
    private static final int GATHER_BYTES = 16 << 10;

    private final Channel channel;
    private final LoopClock clock;
    private final BufferViews views;
    private final NbdMemory memory;
    private final boolean structured;
    private ByteBuf out;
    private boolean unflushed;
    private boolean flushDue;
    private boolean closed;
    private final Runnable flushNow = this::flushNow;

    NbdReplies(Channel channel, LoopClock clock, BufferViews views, NbdMemory memory, boolean structured) {
        this.channel = channel;
        this.clock = clock;
        this.views = views;
        this.memory = memory;
        this.structured = structured;
        this.out = channel.alloc().directBuffer(GATHER_BYTES, GATHER_BYTES);
    }

    void simple(long cookie, int error) {
        room(SIMPLE_REPLY_BYTES);
        simpleReply(out, error, cookie);
    }

    /** The command succeeded and has no data. */
    void success(long cookie, int type) {
        if (structured && type == CMD_READ) {
            room(CHUNK_BYTES);
            chunk(out, REPLY_DONE, CHUNK_NONE, cookie, 0);
        } else {
            simple(cookie, 0);
        }
    }

    void error(long cookie, int error, int type) {
        if (!structured) {
            simple(cookie, error);
            return;
        }
        byte[] text = reason(error, type).getBytes(StandardCharsets.US_ASCII);
        room(CHUNK_BYTES + 6 + text.length);
        chunk(out, REPLY_DONE, CHUNK_ERROR, cookie, 6 + text.length);
        out.writeInt(error).writeShort(text.length).writeBytes(text);
    }

    private static String reason(int error, int type) {
        return switch (error) {
            case ENOSPC -> "beyond the end of the volume, or no space left in its pool";
            case EINVAL -> "unknown command or flag, or beyond the end of the volume";
            case EOVERFLOW -> "too long to be answered in one piece";
            case ENOTSUP -> "zeroing parts of blocks is not fast";
            default -> "the volume could not do command " + type + "; the log of its node says why";
        };
    }

    /** Data of a read, from its place in the buffer, whose reference and bytes of account go with it. */
    void data(long cookie, long offset, int length, Buffer buffer, boolean last) {
        if (structured) {
            room(CHUNK_BYTES + 8);
            chunk(out, last ? REPLY_DONE : 0, CHUNK_OFFSET_DATA, cookie, 8 + length);
            out.writeLong(offset);
        }
        push();
        int from = (int) (offset % PREFERRED_BLOCK_BYTES);
        int accountBytes = NbdRequest.blocks(offset, offset + length) * PREFERRED_BLOCK_BYTES;
        ByteBuf view = views.readable(buffer, 0, accountBytes, memory);
        buffer.release();
        var unused = channel.write(view.setIndex(from, from + length), channel.voidPromise());
        unflushed = true;
    }

    /** The runs, which start with the block in which the request starts, cut to the request. */
    void blockStatus(NbdRequest request, List<HostVolume.Run> runs) {
        boolean one = (request.flags & FLAG_REQ_ONE) != 0;
        int count = 0;
        long position = request.offset - request.offset % PREFERRED_BLOCK_BYTES;
        for (; count < runs.size() && position < request.end() && !(one && count > 0); count++) {
            position += runs.get(count).blocks() * PREFERRED_BLOCK_BYTES;
        }
        room(CHUNK_BYTES + 4 + 8 * count);
        chunk(out, REPLY_DONE, CHUNK_BLOCK_STATUS, request.cookie, 4 + 8 * count);
        out.writeInt(ALLOCATION_ID);
        position = request.offset;
        long blockStart = request.offset - request.offset % PREFERRED_BLOCK_BYTES;
        for (int i = 0; i < count; i++) {
            HostVolume.Run run = runs.get(i);
            blockStart += run.blocks() * PREFERRED_BLOCK_BYTES;
            long end = Math.min(blockStart, request.end());
            out.writeInt((int) (end - position));
            out.writeInt((run.allocated() ? 0 : STATE_HOLE) | (run.zero() ? STATE_ZERO : 0));
            position = end;
        }
    }

    private void room(int bytes) {
        if (out.writableBytes() < bytes) {
            push();
            if (out.writableBytes() < bytes) {
                out.release();
                out = channel.alloc().directBuffer(GATHER_BYTES, GATHER_BYTES);
            }
        }
    }

    /** Puts what was gathered behind what was written before. */
    private void push() {
        if (out.isReadable()) {
            var unused = channel.write(out.readRetainedSlice(out.readableBytes()), channel.voidPromise());
            unflushed = true;
        }
    }

    void flush() {
        push();
        if (unflushed) {
            unflushed = false;
            channel.flush();
        }
    }

    /** At the end of this turn of the loop: what it has brought leaves together. */
    void flushLater() {
        if (!flushDue) {
            flushDue = true;
            clock.atEndOfTurn(flushNow);
        }
    }

    private void flushNow() {
        flushDue = false;
        if (!closed) {
            flush();
        }
    }

    void close() {
        closed = true;
        out.release();
    }
}
