package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.Network.Stream;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.Configurations;
import storage.cairn.engine.protocol.ExtentMap;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.protocol.FrameWriter;
import storage.cairn.engine.protocol.Held;
import storage.cairn.engine.store.Replica;

/** The replica's side of one replica stream: frames become operations, and what came of them becomes frames. */
final class ReplicaSession implements Incoming.Session, ReplicaClient {
    /** Longest list of block states in one answer. */
    private static final int MAX_STATES = 8_192;

    private static final int MAX_EXTENTS = 4_096;

    /** Most operations of one stream at once; an owner never has so many. */
    private static final int MAX_OPERATIONS = 16_384;

    private final NodeContext context;
    private final ReplicaSlot slot;
    private final Stream stream;
    /** Reads that wait for memory. */
    private final ArrayDeque<ReplicaOp> starved = new ArrayDeque<>();

    private boolean open = true;
    private int operations;

    ReplicaSession(NodeContext context, ReplicaSlot slot, Stream stream) {
        this.context = context;
        this.slot = slot;
        this.stream = stream;
    }

    @Override
    public void frame(FrameReader in, @Nullable Buffer payload) throws BadFrameException {
        if (!open) {
            return;
        }
        switch (in.type()) {
            case PING -> {
                in.end();
                context.writer.begin(FrameType.PONG, in.tag()).send(stream);
            }
            case COMMIT -> {
                long commitSeq = in.natural();
                in.end();
                slot.commit(this, commitSeq);
            }
            case CREDITS -> {
                long epoch = in.natural();
                int wanted = in.count(1 << 20);
                in.end();
                int granted = slot.credits(this, epoch, wanted);
                context.writer
                        .begin(FrameType.CREDITS_GRANTED, in.tag())
                        .u64(epoch)
                        .u32(granted)
                        .send(stream);
            }
            case RELEASE -> {
                slot.release(this, in.id());
                in.end();
                context.writer.begin(FrameType.ACK, in.tag()).send(stream);
            }
            default -> operation(in, payload);
        }
    }

    private void operation(FrameReader in, @Nullable Buffer payload) throws BadFrameException {
        if (operations >= MAX_OPERATIONS) {
            throw new BadFrameException("more than " + MAX_OPERATIONS + " operations at once");
        }
        ReplicaOp op = slot.operation(this, kind(in.type()), in.tag());
        try {
            parse(op, in, payload);
            in.end();
        } catch (BadFrameException e) {
            op.clear();
            throw e;
        }
        operations++;
        if (op.kind == ReplicaOp.Kind.READ) {
            read(op);
        } else {
            slot.accept(op);
        }
    }

    private static ReplicaOp.Kind kind(FrameType type) throws BadFrameException {
        return switch (type) {
            case EPOCH_SET -> ReplicaOp.Kind.EPOCH_SET;
            case WRITE -> ReplicaOp.Kind.WRITE;
            case ZERO -> ReplicaOp.Kind.ZERO;
            case RESIZE -> ReplicaOp.Kind.RESIZE;
            case ROLL_FORWARD -> ReplicaOp.Kind.ROLL_FORWARD;
            case READ -> ReplicaOp.Kind.READ;
            case RESERVE -> ReplicaOp.Kind.RESERVE;
            case BLOCK_STATES -> ReplicaOp.Kind.BLOCK_STATES;
            case RESYNC_LIST -> ReplicaOp.Kind.RESYNC_LIST;
            case CRC_LIST -> ReplicaOp.Kind.CRC_LIST;
            case RESYNC_WRITE -> ReplicaOp.Kind.RESYNC_WRITE;
            case REPAIR -> ReplicaOp.Kind.REPAIR;
            case VERIFY -> ReplicaOp.Kind.VERIFY;
            default -> throw new BadFrameException(type + " on a replica stream");
        };
    }

    private static void parse(ReplicaOp op, FrameReader in, @Nullable Buffer payload) throws BadFrameException {
        switch (op.kind) {
            case EPOCH_SET -> {
                in.natural();
                op.configuration = Configurations.read(in);
            }
            case WRITE -> {
                numbers(op, in);
                op.count = in.count(Replica.MAX_WRITE_BLOCKS);
                op.buffer = in.crcs(payload, op.count).retain();
            }
            case ZERO -> {
                numbers(op, in);
                op.count = in.count(Replica.MAX_ZERO_BLOCKS);
                op.unmap = in.flag();
            }
            case RESIZE -> numbers(op, in);
            case ROLL_FORWARD -> rollForward(op, in, payload);
            case READ -> range(op, in, Replica.MAX_WRITE_BLOCKS);
            case RESERVE -> {
                op.epoch = in.natural();
                range(op, in, Replica.MAX_WRITE_BLOCKS);
            }
            case BLOCK_STATES -> range(op, in, MAX_STATES);
            case RESYNC_LIST -> {
                op.wseq = in.natural();
                range(op, in, MAX_EXTENTS);
            }
            case CRC_LIST, VERIFY -> op.block = extent(in);
            case RESYNC_WRITE -> resync(op, in, payload);
            case REPAIR -> {
                op.epoch = in.natural();
                range(op, in, Replica.MAX_WRITE_BLOCKS);
                op.buffer = in.crcs(payload, op.count).retain();
            }
        }
    }

    private static void numbers(ReplicaOp op, FrameReader in) throws BadFrameException {
        op.epoch = in.natural();
        op.wseq = in.natural();
        op.commitSeq = in.natural();
        op.block = in.natural();
    }

    private static void range(ReplicaOp op, FrameReader in, int most) throws BadFrameException {
        op.block = in.natural();
        op.count = in.count(most);
        if (op.count == 0) {
            throw new BadFrameException(op.kind + " of nothing");
        }
    }

    private static long extent(FrameReader in) throws BadFrameException {
        long extent = in.natural();
        if (extent > Long.MAX_VALUE / Replica.EXTENT_BLOCKS - 1) {
            throw new BadFrameException("extent " + extent + " cannot be");
        }
        return extent;
    }

    private static void rollForward(ReplicaOp op, FrameReader in, @Nullable Buffer payload) throws BadFrameException {
        op.epoch = in.natural();
        op.commitSeq = in.natural();
        Held held = Held.read(in);
        op.entry = Kinds.entry(held);
        op.block = held.block();
        op.count = held.count();
        switch (op.entry.kind()) {
            case WRITE -> op.buffer = in.crcs(payload, held.count()).retain();
            case ZERO, UNMAP -> {
                if (held.count() > Replica.MAX_ZERO_BLOCKS) {
                    throw new BadFrameException("a zero of " + held.count() + " blocks");
                }
            }
            case RESIZE -> op.count = 0;
        }
    }

    private static void resync(ReplicaOp op, FrameReader in, @Nullable Buffer payload) throws BadFrameException {
        op.epoch = in.natural();
        op.block = in.natural();
        ExtentMap map = ExtentMap.read(in);
        op.count = map.states().length;
        op.wseq = map.maxWseq();
        op.content = Kinds.content(map);
        if (op.block % Replica.EXTENT_BLOCKS + op.count > Replica.EXTENT_BLOCKS) {
            throw new BadFrameException("a resync across extents");
        }
        int mapped = 0;
        for (byte state : map.states()) {
            mapped += Kinds.state(state) == Replica.BlockState.DATA ? 1 : 0;
        }
        if (in.payloadBytes() != mapped * BlockDevice.BLOCK_BYTES) {
            throw new BadFrameException(
                    "a resync of " + mapped + " mapped blocks with " + in.payloadBytes() + " bytes of payload");
        }
        if (mapped > 0 && payload != null) {
            int at = 0;
            for (int i = 0; i < op.count; i++) {
                if (Kinds.state(map.states()[i]) == Replica.BlockState.DATA) {
                    payload.crc(at++, map.crcs()[i]);
                }
            }
            op.buffer = payload.retain();
        }
    }

    /** A read needs memory of the replica role's own pool; without it the stream is not read any further. */
    private void read(ReplicaOp op) {
        Buffer into = starved.isEmpty() ? context.buffers.replica().acquire(op.count * BlockDevice.BLOCK_BYTES) : null;
        if (into == null) {
            starved.add(op);
            if (starved.size() == 1) {
                stream.pause(true);
                context.buffers.replica().whenAvailable(this::feed);
            }
            return;
        }
        op.buffer = into;
        slot.accept(op);
    }

    private void feed() {
        for (ReplicaOp op = starved.peek(); op != null; op = starved.peek()) {
            if (!open) {
                op.clear();
                starved.poll();
                continue;
            }
            Buffer into = context.buffers.replica().acquire(op.count * BlockDevice.BLOCK_BYTES);
            if (into == null) {
                context.buffers.replica().whenAvailable(this::feed);
                return;
            }
            starved.poll();
            op.buffer = into;
            slot.accept(op);
        }
        if (open) {
            stream.pause(false);
        }
    }

    @Override
    public void completed(ReplicaOp op, Status status) {
        if (!open) {
            return;
        }
        operations--;
        FrameWriter out = context.writer;
        if (status != Status.OK) {
            out.begin(FrameType.NAK, status, op.tag).send(stream);
            return;
        }
        switch (op.kind) {
            case EPOCH_SET ->
                slot.report().write(out, FrameType.EPOCH_STATE, op.tag).send(stream);
            case WRITE, ZERO, RESIZE, ROLL_FORWARD, RESERVE, RESYNC_WRITE, REPAIR ->
                out.begin(FrameType.ACK, op.tag).send(stream);
            case READ -> {
                Buffer data = op.buffer;
                if (data == null) {
                    throw new IllegalStateException("a read without memory");
                }
                out.begin(FrameType.DATA, op.tag).u32(op.count).crcs(data, 0, op.count);
                out.send(stream, data, 0, op.count * BlockDevice.BLOCK_BYTES);
            }
            case BLOCK_STATES -> {
                out.begin(FrameType.STATES, op.tag).u32(op.states.size());
                for (Replica.BlockState state : op.states) {
                    out.u8(Kinds.code(state));
                }
                out.send(stream);
            }
            case RESYNC_LIST -> numbers(out.begin(FrameType.EXTENTS, op.tag), op.numbers);
            case VERIFY -> numbers(out.begin(FrameType.VERIFIED, op.tag), op.numbers);
            case CRC_LIST -> {
                Replica.ExtentContent content = op.content;
                if (content == null) {
                    throw new IllegalStateException("an extent described as nothing");
                }
                Kinds.map(content).write(out.begin(FrameType.CRCS, op.tag));
                out.send(stream);
            }
        }
    }

    private void numbers(FrameWriter out, long[] numbers) {
        out.u32(numbers.length);
        for (long number : numbers) {
            out.u64(number);
        }
        out.send(stream);
    }

    @Override
    public void superseded(String reason) {
        if (open) {
            open = false;
            stream.close(reason);
        }
    }

    @Override
    public void leaving() {
        if (open) {
            context.writer.begin(FrameType.LEAVING, 0).send(stream);
        }
    }

    @Override
    public void closed() {
        open = false;
        slot.leave(this);
    }
}
