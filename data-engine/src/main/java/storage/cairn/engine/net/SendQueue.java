package storage.cairn.engine.net;

import io.netty.channel.Channel;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.BufferViews;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;

/**
 * What one stream has still to send: heads, copied one behind the other into blocks of memory, and payloads where
 * they lie. Netty is given views of both, in the order of sending.
 */
final class SendQueue implements BufferViews.Released {
    private final BufferViews views;
    private final BufferPool heads;
    private @Nullable Buffer block;
    private int runStart;
    private int runEnd;
    private long queuedBytes;

    SendQueue(BufferViews views, BufferPool heads) {
        this.views = views;
        this.heads = heads;
    }

    long queuedBytes() {
        return queuedBytes;
    }

    /** Adds a frame; false when there is no memory for its head. */
    boolean add(
            Channel channel,
            ByteBuffer header,
            int headerBytes,
            @Nullable Buffer payload,
            int payloadOffset,
            int payloadBytes) {
        Buffer into = block;
        if (into == null || headerBytes > into.capacity() - runEnd) {
            handOverHeads(channel);
            dropBlock();
            into = heads.acquire(Math.max(headerBytes, BlockDevice.BLOCK_BYTES));
            if (into == null) {
                return false;
            }
            block = into;
        }
        into.bytes().put(runEnd, header, 0, headerBytes);
        runEnd += headerBytes;
        queuedBytes += headerBytes;
        if (payload != null && payloadBytes > 0) {
            handOverHeads(channel);
            queuedBytes += payloadBytes;
            Channels.write(channel, views.readable(payload, payloadOffset, payloadBytes, this));
        }
        return true;
    }

    /** Gives Netty the heads that it does not have yet. They are written at the channel's next flush. */
    void handOverHeads(Channel channel) {
        Buffer from = block;
        if (from != null && runEnd > runStart) {
            int length = runEnd - runStart;
            int at = runStart;
            runStart = runEnd;
            Channels.write(channel, views.readable(from, at, length, this));
        }
    }

    @Override
    public void released(int bytes) {
        queuedBytes -= bytes;
        if (queuedBytes == 0) {
            dropBlock();
        }
    }

    private void dropBlock() {
        Buffer old = block;
        block = null;
        runStart = 0;
        runEnd = 0;
        if (old != null) {
            old.release();
        }
    }

    /** Forgets what Netty was not given; what it was given, it releases by itself. */
    void drop() {
        queuedBytes -= runEnd - runStart;
        dropBlock();
    }
}
