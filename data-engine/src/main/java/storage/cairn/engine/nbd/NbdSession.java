package storage.cairn.engine.nbd;

import static storage.cairn.engine.nbd.NbdWire.*;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOutboundBuffer;
import java.util.ArrayDeque;
import java.util.List;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.HostVolume;

/**
 * Carries out the commands of one client on one volume (specification: "Transmission").
 *
 * <p>Commands run side by side and are answered as they end. When there are too many of them, when buffers are short
 * or when the client does not read its replies, the session stops reading. Replies of one turn of the loop leave in
 * one flush. A command whose outcome nobody knows is not answered; the connection closes when the others ended.
 */
final class NbdSession implements NbdChannel.Phase, HostVolume.Done, HostVolume.Runs {
    private static final Logger LOG = LogManager.getLogger(NbdSession.class);
    private static final int BLOCK = PREFERRED_BLOCK_BYTES;
    private static final int MAX_RUNS = 1024;

    private final NbdServer server;
    private final NbdChannel owner;
    private final Channel channel;
    private final NbdExport export;
    private final HostVolume volume;
    private final NbdMemory memory;
    private final NbdMetrics.Volume figures;
    private final NbdRules rules;
    private final NbdInput input;
    private final NbdReplies replies;
    private final NbdReads reads;
    private final NbdWrites writes;
    private final NbdRequests requests = new NbdRequests();
    private final ArrayDeque<NbdRequest> starved = new ArrayDeque<>();
    private int outstanding;
    private boolean awaitingMemory;
    private boolean ending;
    private boolean gone;
    private boolean closing;
    private boolean tickScheduled;
    private final Runnable tick = this::tick;
    private long stalledSinceNanos;
    private long lastBacklogBytes;
    private long lastReceivedBytes;

    NbdSession(NbdServer server, NbdChannel owner, NbdExport export, boolean structured, boolean blockStatus) {
        this.server = server;
        this.owner = owner;
        this.channel = owner.channel();
        this.export = export;
        this.volume = export.volume();
        this.memory = server.memory();
        this.figures = server.metrics().volume(export.volumeName());
        this.rules = new NbdRules(structured, blockStatus, server.settings().gatherBytes());
        this.input = new NbdInput(channel.alloc(), server.views());
        this.replies = new NbdReplies(channel, server.clock(), server.views(), memory, structured);
        this.reads = new NbdReads(this, volume, memory, replies, structured);
        this.writes = new NbdWrites(this, volume, memory, input);
        export.servedBy(this);
    }

    /** Starts with what the handshake had read beyond its end. */
    void begin(ByteBuf leftover) {
        input.take(leftover);
        scheduleTick();
    }

    String exportName() {
        return export.name();
    }

    // What the connection says.

    @Override
    public ByteBuf target() {
        return input.target();
    }

    @Override
    public void received(ByteBuf bytes) {
        input.arrived(bytes);
        proceed();
    }

    @Override
    public void flush() {
        if (!gone) {
            replies.flush();
        }
    }

    @Override
    public void writabilityChanged() {
        if (channel.isWritable()) {
            scheduleTick();
        }
    }

    @Override
    public void closed() {
        gone = true;
        end();
        input.close();
        replies.close();
        export.close();
    }

    boolean serves(String volumeName) {
        return export.volumeName().equals(volumeName);
    }

    /** The client closed the connection and may send again elsewhere (I25): nothing begins any more, DISC or not. */
    void clientGone() {
        end();
        export.close();
        NbdServer.close(channel);
    }

    /** The volume is no longer served here. */
    void lost(String reason) {
        if (!ending) {
            LOG.info("NBD connection {} of {} ends: {}", channel, export.name(), reason);
            end();
            scheduleTick();
        }
    }

    /**
     * How long the client has neither read a byte of the replies that wait for it nor sent one of the payload that it
     * owes, both of which hold buffers.
     */
    long stalledNanos(long nowNanos) {
        ChannelOutboundBuffer backlog = channel.unsafe().outboundBuffer();
        long backlogBytes = backlog == null ? 0 : backlog.totalPendingWriteBytes();
        boolean holding = backlogBytes > 0 || (writes.active() && !writes.starved());
        if (!holding || backlogBytes != lastBacklogBytes || input.receivedBytes() != lastReceivedBytes) {
            lastBacklogBytes = backlogBytes;
            lastReceivedBytes = input.receivedBytes();
            stalledSinceNanos = nowNanos;
        }
        return nowNanos - stalledSinceNanos;
    }

    /** Takes no further commands; closes when those under way ended. */
    void finish() {
        end();
        scheduleTick();
    }

    private void end() {
        ending = true;
        NbdRequest write = writes.abandon();
        if (write != null) {
            if (write.outstanding == 0) {
                forget(write);
            } else {
                write.unknown = true;
            }
        }
        for (NbdRequest request = starved.poll(); request != null; request = starved.poll()) {
            forget(request);
        }
    }

    // What the loop says.

    void memoryAvailable() {
        awaitingMemory = false;
        if (!gone) {
            scheduleTick();
        }
    }

    private void scheduleTick() {
        if (!tickScheduled && !gone) {
            tickScheduled = true;
            server.clock().execute(tick);
        }
    }

    private void tick() {
        tickScheduled = false;
        if (gone) {
            return;
        }
        proceed();
        replies.flushLater();
        if (!gone && ending && outstanding == 0 && !closing) {
            closing = true;
            replies.flush();
            server.closeGently(channel);
        }
    }

    // Commands.

    private void proceed() {
        boolean pending = input.hasCommand() || writes.active() || !starved.isEmpty();
        if (pending && !ending && server.isGone(channel)) {
            clientGone();
            return;
        }
        while (!ending && channel.isWritable() && !starved.isEmpty() && read(starved.getFirst())) {
            starved.removeFirst();
        }
        boolean more = true;
        while (more && !ending) {
            if (writes.active()) {
                more = writes.receive();
            } else if (input.skipping()) {
                more = input.skip();
            } else {
                more = mayBegin() && input.hasCommand() && command();
            }
        }
        if (writes.starved()) {
            awaitMemory();
        }
        boolean read = !ending && (writes.active() ? !writes.starved() : mayBegin());
        if (channel.config().isAutoRead() != read) {
            channel.config().setAutoRead(read);
        }
    }

    private boolean mayBegin() {
        return requests.hasFree()
                && starved.isEmpty()
                && channel.isWritable()
                && reads.heldBytes() + writes.heldBytes() < server.settings().connectionBytes();
    }

    /** Takes the header that is at the head of the input; false to stop. */
    private boolean command() {
        ByteBuf in = input.bytes();
        int at = in.readerIndex();
        if (in.getInt(at) != REQUEST_MAGIC) {
            return violated("a request without its magic number");
        }
        int flags = in.getUnsignedShort(at + 4);
        int type = in.getUnsignedShort(at + 6);
        long cookie = in.getLong(at + 8);
        long offset = in.getLong(at + 16);
        long length = in.getUnsignedInt(at + 24);
        in.skipBytes(REQUEST_BYTES);
        server.metrics().count(type);
        if (type == CMD_DISC) {
            finish();
            return false;
        }
        int error = rules.refusal(flags, type, offset, length, volume.sizeBytes());
        if (type == CMD_WRITE) {
            if (length > MAX_PAYLOAD_BYTES) {
                return violated("a write of " + length + " bytes, more than " + MAX_PAYLOAD_BYTES);
            }
            input.expectWrite((int) length, error != 0);
        } else {
            input.expectNoWrite();
        }
        NbdRequest request = requests.take();
        request.begin(cookie, type, flags, offset, length, System.nanoTime());
        figures.inFlight.increment();
        if (error != 0 || (length == 0 && type != CMD_FLUSH)) {
            request.fail(error);
            reply(request);
        } else {
            start(request);
        }
        return true;
    }

    private void start(NbdRequest request) {
        long offset = request.offset;
        switch (request.type) {
            case CMD_READ -> {
                if (!read(request)) {
                    starved.addLast(request);
                }
            }
            case CMD_WRITE -> writes.begin(request);
            case CMD_FLUSH -> {
                submitted(request);
                volume.flush(this, request.slot);
            }
            case CMD_TRIM -> {
                // A hint: partial blocks at its ends are left alone.
                long from = (offset + BLOCK - 1) / BLOCK * BLOCK;
                long to = request.end() / BLOCK * BLOCK;
                zero(request, from, to, true);
            }
            case CMD_WRITE_ZEROES -> zero(request, offset, request.end(), (request.flags & FLAG_NO_HOLE) == 0);
            case CMD_BLOCK_STATUS -> {
                long first = offset / BLOCK;
                long count = (request.end() - 1) / BLOCK - first + 1;
                submitted(request);
                volume.blockStatus(
                        first, count, (request.flags & FLAG_REQ_ONE) != 0 ? 1 : MAX_RUNS, this, request.slot);
            }
            default -> reply(request); // CACHE: nothing that would help more than reading it.
        }
    }

    private void zero(NbdRequest request, long from, long to, boolean unmap) {
        if (from >= to) {
            reply(request);
        } else {
            submitted(request);
            volume.zero(from, to - from, unmap, this, request.slot);
        }
    }

    private boolean violated(String what) {
        end();
        owner.violated(export.name() + ": " + what);
        return false;
    }

    /** An operation was given to the volume. */
    void submitted(NbdRequest request) {
        request.outstanding++;
        outstanding++;
    }

    // Memory and reads.

    private void awaitMemory() {
        if (!awaitingMemory) {
            awaitingMemory = true;
            memory.await(this);
        }
    }

    private boolean read(NbdRequest request) {
        if (reads.issue(request)) {
            return true;
        }
        awaitMemory();
        return false;
    }

    /** All parts of a read that were started have ended. */
    private void readEnded(NbdRequest request) {
        boolean send = request.error == 0 && !request.unknown && !gone;
        reads.deliver(request, send);
        if (!send) {
            reply(request);
        } else if (request.covered()) {
            ended(request);
        } else if (ending) {
            forget(request);
        } else if (!starved.isEmpty() || !channel.isWritable() || !read(request)) {
            starved.addLast(request);
        }
    }

    // What the volume says.

    @Override
    public void done(long tag, Status status) {
        NbdRequest request = completed(tag, status);
        if (request.type == CMD_READ) {
            if (request.outstanding == 0) {
                readEnded(request);
            }
            return;
        }
        if (request.type == CMD_WRITE) {
            writes.partEnded(tag);
        }
        if (request.outstanding == 0 && !writes.receiving(request)) {
            reply(request);
        }
    }

    @Override
    public void done(long tag, Status status, List<HostVolume.Run> runs) {
        NbdRequest request = completed(tag, status);
        if (request.error != 0 || request.unknown || gone) {
            reply(request);
        } else if (runs.isEmpty()) {
            throw new IllegalStateException("volume " + export.name() + ": block status without a run");
        } else {
            replies.blockStatus(request, runs);
            ended(request);
        }
    }

    private NbdRequest completed(long tag, Status status) {
        NbdRequest request = requests.of(tag);
        if (request == null || request.outstanding == 0) {
            throw new IllegalStateException("volume " + export.name() + ": completed twice, tag " + tag);
        }
        request.outstanding--;
        outstanding--;
        if (status != Status.OK) {
            request.unknown |= outcomeUnknown(status);
            request.fail(errno(status));
        }
        scheduleTick();
        return request;
    }

    // Replies.

    private void reply(NbdRequest request) {
        if (request.unknown) {
            LOG.info("NBD connection {} of {} ends: the outcome of a command is unknown", channel, export.name());
            end();
        } else if (!gone) {
            if (request.error != 0) {
                replies.error(request.cookie, request.error, request.type);
            } else {
                replies.success(request.cookie, request.type);
            }
        }
        ended(request);
    }

    private void ended(NbdRequest request) {
        int error = request.unknown ? EIO : request.error;
        figures.ended(request.type, request.length, error, System.nanoTime() - request.startNanos);
        release(request);
    }

    /** Drops a request of which nothing is under way, without an answer. */
    private void forget(NbdRequest request) {
        figures.inFlight.decrement();
        release(request);
    }

    private void release(NbdRequest request) {
        requests.release(request);
        scheduleTick();
    }
}
