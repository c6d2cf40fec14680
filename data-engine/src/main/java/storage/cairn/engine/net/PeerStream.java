package storage.cairn.engine.net;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.Network.BadFrameException;

/** One connection between two engines: its life from the first byte until its listener heard that it is gone. */
final class PeerStream extends ChannelInboundHandlerAdapter implements Network.Stream, FrameCutter.Sink {
    private static final long LINGER_NANOS = 200_000_000;
    private static final long STAGE_BUSY_NANOS = 1_000_000;

    private final PeerTransport transport;
    private final boolean accepted;
    private final ByteBuf stage;
    private final FrameCutter cutter;
    private final SendQueue sending;
    private final Runnable goOn = this::goOn;
    private final Runnable fed = this::fed;
    private String peer;
    private @Nullable Channel channel;
    private Network.@Nullable Listener listener;
    private Clock.@Nullable Timer introduction;
    /** Accepted, and nothing heard of it yet. */
    private boolean stranger;

    private boolean open;
    private boolean paused;
    private boolean starved;
    private boolean goOnScheduled;
    private boolean flushScheduled;
    /** Set by the first cause of the end; from then on nothing is sent or delivered. */
    private @Nullable String endReason;

    private boolean refused;
    private boolean told;

    PeerStream(PeerTransport transport, boolean accepted, BufferPool payloads, String peer) {
        this.transport = transport;
        this.accepted = accepted;
        this.stranger = accepted;
        this.peer = peer;
        this.stage = transport.takeStage();
        this.cutter = new FrameCutter(
                transport.framing(), payloads, transport.heads(), transport.views(), stage, transport.scratch(), this);
        this.sending = new SendQueue(transport.views(), transport.heads());
    }

    StreamReceiver receiver() {
        return new StreamReceiver(cutter, this::stopped);
    }

    void listener(Network.Listener newListener) {
        this.listener = newListener;
    }

    // ---- what the owner of the stream calls

    @Override
    public void send(
            ByteBuffer header, int headerBytes, @Nullable Buffer payload, int payloadOffset, int payloadBytes) {
        transport.checkOnLoop();
        Channel to = channel;
        if (endReason != null) {
            return;
        }
        if (to == null) {
            throw new IllegalStateException("a frame for " + peer + " before the stream was opened");
        }
        if (!sending.add(to, header, headerBytes, payload, payloadOffset, payloadBytes)) {
            close("no memory left for what is queued to be sent (" + sending.queuedBytes() + " bytes to this peer)");
            return;
        }
        scheduleFlush();
    }

    private void scheduleFlush() {
        if (!flushScheduled && open) {
            flushScheduled = true;
            transport.flushLater(this);
        }
    }

    /** At the end of the loop's turn: everything that was queued in it goes out together. */
    void flushDue() {
        flushScheduled = false;
        flush();
    }

    private void flush() {
        Channel to = channel;
        if (to != null && !told) {
            sending.handOverHeads(to);
            to.flush();
        }
    }

    @Override
    public void trust() {
        transport.checkOnLoop();
        cutter.trust();
    }

    @Override
    public long queuedBytes() {
        return endReason == null ? sending.queuedBytes() : 0;
    }

    @Override
    public void pause(boolean pause) {
        transport.checkOnLoop();
        paused = pause;
        if (!pause) {
            scheduleGoOn();
        }
    }

    @Override
    public void close(String reason) {
        transport.checkOnLoop();
        if (!end(reason)) {
            return;
        }
        Channel of = channel;
        if (of == null) {
            transport.clock().execute(this::gone);
            return;
        }
        flush();
        if (sending.queuedBytes() == 0) {
            transport.clock().execute(() -> Channels.close(of));
        } else {
            transport.clock().after(LINGER_NANOS, () -> Channels.close(of));
        }
    }

    @Override
    public String peer() {
        return peer;
    }

    // ---- what Netty calls

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        channel = context.channel();
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
        transport.guard(() -> {
            open = true;
            if (accepted) {
                peer = String.valueOf(context.channel().remoteAddress());
                introduction = transport.introductionTimer(this);
                Network.Listener acceptedBy = transport.accepted(this);
                if (acceptedBy == null) {
                    close("this engine does not accept streams yet");
                }
                listener = acceptedBy;
            } else if (endReason == null) {
                Network.Listener to = listener;
                if (to != null) {
                    to.opened(this);
                }
            }
            scheduleFlush();
            if (!stopped()) {
                context.read();
            }
        });
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        try {
            cutter.received((ByteBuf) message);
            cut();
        } catch (Throwable e) {
            transport.fatal("receiving from " + peer + " failed", e);
        }
    }

    @Override
    public void channelReadComplete(ChannelHandlerContext context) {
        if (!stopped()) {
            context.read();
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
        end(String.valueOf(cause.getMessage()));
        Channels.close(context.channel());
    }

    /** The channel is closed, in whatever state it was. */
    void channelClosed() {
        if (!accepted && !open) {
            // The end of the attempt to connect tells more.
            return;
        }
        end("closed by the peer");
        gone();
    }

    /** The connection was never made. */
    void failed(String reason, boolean nobodyListens) {
        refused = nobodyListens;
        end(reason);
        gone();
    }

    // ---- receiving

    private void cut() {
        try {
            cutter.cut();
        } catch (BadFrameException e) {
            String reason = "bad frame: " + e.getMessage();
            Network.Listener to = listener;
            if (to != null && endReason == null) {
                to.garbled(this, reason);
            }
            close(reason);
        }
    }

    @Override
    public void frame(ByteBuffer head, @Nullable Buffer payload) {
        endIntroduction();
        Network.Listener to = listener;
        if (to != null) {
            to.received(this, head, payload);
        }
    }

    @Override
    public boolean stopped() {
        return paused || starved || endReason != null;
    }

    @Override
    public void starved(BufferPool pool) {
        starved = true;
        pool.whenAvailable(fed);
    }

    private void fed() {
        starved = false;
        goOn();
    }

    private void scheduleGoOn() {
        if (!goOnScheduled) {
            goOnScheduled = true;
            transport.clock().execute(goOn);
        }
    }

    /** Cuts what waits in the stage, then reads on. */
    private void goOn() {
        goOnScheduled = false;
        Channel from = channel;
        if (stopped() || from == null || !open) {
            return;
        }
        if (cutter.stageIsOut()) {
            // Netty is about to receive into it.
            goOnScheduled = true;
            transport.clock().after(STAGE_BUSY_NANOS, goOn);
            return;
        }
        cut();
        if (!stopped()) {
            from.read();
        }
    }

    // ---- the end

    private void endIntroduction() {
        if (stranger) {
            stranger = false;
            if (introduction != null) {
                introduction.cancel();
            }
            transport.introduced();
        }
    }

    /** Keeps the first reason; false when there was one already. */
    private boolean end(String reason) {
        if (endReason != null) {
            return false;
        }
        endReason = reason;
        return true;
    }

    private void gone() {
        if (told) {
            return;
        }
        told = true;
        open = false;
        endIntroduction();
        cutter.drop();
        sending.drop();
        transport.giveBackStage(stage);
        transport.forget(this);
        Network.Listener to = listener;
        String reason = endReason;
        if (to != null && reason != null) {
            transport.guard(() -> to.closed(this, reason, refused));
        }
    }
}
