package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.Configurations;
import storage.cairn.engine.protocol.ExtentMap;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.protocol.FrameWriter;
import storage.cairn.engine.protocol.Hello;
import storage.cairn.engine.protocol.ReplicaReport;
import storage.cairn.engine.store.Replica;

/** The way to a replica on another node: one authenticated stream. */
final class RemoteLink extends ReplicaLink implements Outgoing.Uses {
    private final NodeContext context;
    private final Outgoing outgoing;
    private long heardNanos;
    private boolean asked;
    private long queuedBytes;
    private boolean open;

    RemoteLink(NodeContext context, int node, Hello hello, Events events) {
        super(events);
        this.context = context;
        this.outgoing = new Outgoing(context, node, hello, this);
    }

    @Override
    void open() {
        open = true;
        outgoing.connect();
    }

    @Override
    void close(String reason) {
        if (open) {
            open = false;
            outgoing.close(reason);
            abandon();
        }
    }

    private FrameWriter begin(FrameType type, Pending slot) {
        return context.writer.begin(type, tag(slot));
    }

    private Pending expect(Object callback, long callbackTag) {
        long now = context.now();
        if (outstanding() == 0) {
            heardNanos = now;
            asked = false;
        }
        return expect(callback, callbackTag, now);
    }

    private Pending about(Object callback, long first, int most) {
        Pending slot = expect(callback, 0);
        slot.first = first;
        slot.most = most;
        return slot;
    }

    private void send(FrameWriter out, Pending slot, @Nullable Buffer data, int index, int blocks) {
        int bytes = blocks * BlockDevice.BLOCK_BYTES;
        slot.count = blocks;
        queuedBytes += bytes;
        out.send(outgoing.stream(), data, index * BlockDevice.BLOCK_BYTES, bytes);
    }

    @Override
    void epochSet(Configuration configuration, long firstWseq, EpochAnswer answer) {
        FrameWriter out = begin(FrameType.EPOCH_SET, expect(answer, 0)).u64(firstWseq);
        Configurations.write(out, configuration);
        out.send(outgoing.stream());
    }

    @Override
    void write(WriteOp op, long commitSeq, long callbackTag) {
        Pending slot = expect(op, callbackTag);
        switch (op.kind) {
            case WRITE -> {
                FrameWriter out = numbers(FrameType.WRITE, slot, op, commitSeq).u32(op.count);
                Buffer data = op.data();
                send(out.crcs(data, 0, op.count), slot, data, 0, op.count);
            }
            case ZERO, UNMAP ->
                numbers(FrameType.ZERO, slot, op, commitSeq)
                        .u32(op.count)
                        .flag(op.kind == Replica.Kind.UNMAP)
                        .send(outgoing.stream());
            case RESIZE -> numbers(FrameType.RESIZE, slot, op, commitSeq).send(outgoing.stream());
        }
    }

    private FrameWriter numbers(FrameType type, Pending slot, WriteOp op, long commitSeq) {
        return begin(type, slot).u64(op.epoch).u64(op.wseq).u64(commitSeq).u64(op.block);
    }

    @Override
    void rollForward(
            long authority,
            Replica.TailEntry entry,
            long commitSeq,
            @Nullable Buffer data,
            int index,
            Replica.Done done,
            long callbackTag) {
        Pending slot = expect(done, callbackTag);
        FrameWriter out = begin(FrameType.ROLL_FORWARD, slot).u64(authority).u64(commitSeq);
        Kinds.held(entry).write(out);
        if (data != null) {
            send(out.crcs(data, index, entry.count()), slot, data, index, entry.count());
        } else {
            out.send(outgoing.stream());
        }
    }

    @Override
    void commit(long commitSeq) {
        context.writer.begin(FrameType.COMMIT, 0).u64(commitSeq).send(outgoing.stream());
    }

    @Override
    void read(long block, int count, Buffer into, int index, Replica.Done done, long callbackTag) {
        Pending slot = expect(done, callbackTag);
        slot.into = into.retain();
        slot.intoIndex = index;
        begin(FrameType.READ, slot).u64(block).u32(count).send(outgoing.stream());
        slot.count = -count;
    }

    @Override
    void credits(long epoch, int wanted, CreditAnswer answer) {
        begin(FrameType.CREDITS, expect(answer, 0)).u64(epoch).u32(wanted).send(outgoing.stream());
    }

    @Override
    void reserve(long epoch, long block, int count, Replica.Done done, long callbackTag) {
        begin(FrameType.RESERVE, expect(done, callbackTag))
                .u64(epoch)
                .u64(block)
                .u32(count)
                .send(outgoing.stream());
    }

    @Override
    void blockStates(long block, int count, Replica.BlockStates done) {
        begin(FrameType.BLOCK_STATES, about(done, block, count))
                .u64(block)
                .u32(count)
                .send(outgoing.stream());
    }

    @Override
    void changedExtents(long sinceSeq, long firstExtent, int limit, Replica.ChangedExtents done) {
        begin(FrameType.RESYNC_LIST, about(done, firstExtent, limit))
                .u64(sinceSeq)
                .u64(firstExtent)
                .u32(limit)
                .send(outgoing.stream());
    }

    @Override
    void describe(long extent, Replica.Described done) {
        begin(FrameType.CRC_LIST, expect(done, 0)).u64(extent).send(outgoing.stream());
    }

    @Override
    void resync(
            long epoch,
            long block,
            int count,
            Replica.ExtentContent content,
            @Nullable Buffer data,
            int index,
            long maxWseq,
            Replica.Done done) {
        Pending slot = expect(done, 0);
        FrameWriter out = begin(FrameType.RESYNC_WRITE, slot).u64(epoch).u64(block);
        ExtentMap map = Kinds.map(content);
        new ExtentMap(map.states(), map.crcs(), map.wseqLows(), maxWseq).write(out);
        int mapped = 0;
        for (Replica.BlockState state : content.states()) {
            mapped += state == Replica.BlockState.DATA ? 1 : 0;
        }
        send(out, slot, data, index, mapped);
    }

    @Override
    void repair(long epoch, long block, int count, Buffer data, int index, Replica.Done done) {
        Pending slot = expect(done, 0);
        FrameWriter out =
                begin(FrameType.REPAIR, slot).u64(epoch).u64(block).u32(count).crcs(data, index, count);
        send(out, slot, data, index, count);
    }

    @Override
    void verify(long extent, Replica.Verified done) {
        begin(FrameType.VERIFY, about(done, extent * Replica.EXTENT_BLOCKS, Replica.EXTENT_BLOCKS))
                .u64(extent)
                .send(outgoing.stream());
    }

    @Override
    void release(UUID incarnation, Replica.Done done) {
        begin(FrameType.RELEASE, expect(done, 0)).id(incarnation).send(outgoing.stream());
    }

    @Override
    void heartbeat(long nowNanos, long heartbeatNanos) {
        if (outstanding() > 0 && !asked && nowNanos - heardNanos >= heartbeatNanos) {
            asked = true;
            context.writer.begin(FrameType.PING, 0).send(outgoing.stream());
        }
    }

    @Override
    long silentNanos(long nowNanos) {
        return outstanding() == 0 ? 0 : nowNanos - heardNanos;
    }

    @Override
    long queuedBytes() {
        return queuedBytes;
    }

    @Override
    boolean local() {
        return false;
    }

    @Override
    public void welcomed(FrameReader in) throws BadFrameException {
        ReplicaReport report = ReplicaReport.read(in);
        heardNanos = context.now();
        events.welcomed(report);
    }

    @Override
    public void waits(long millis) {
        open = false;
        abandon();
        events.waits(millis);
    }

    @Override
    public void frame(FrameReader in, @Nullable Buffer payload) throws BadFrameException {
        heardNanos = context.now();
        asked = false;
        if (in.type() == FrameType.PONG) {
            in.end();
            return;
        }
        if (in.type() == FrameType.LEAVING) {
            in.end();
            events.leaving();
            return;
        }
        Pending slot = find(in.tag());
        if (slot == null) {
            throw new BadFrameException(in.type() + " answers nothing that was asked");
        }
        if (slot.count > 0) {
            queuedBytes -= (long) slot.count * BlockDevice.BLOCK_BYTES;
        }
        answered(in, payload, slot);
    }

    private void answered(FrameReader in, @Nullable Buffer payload, Pending slot) throws BadFrameException {
        switch (in.type()) {
            case ACK -> {
                in.end();
                if (slot.into != null) {
                    throw new BadFrameException("a read answered without data");
                }
                answer(slot, Status.OK);
            }
            case NAK -> {
                in.end();
                answer(slot, in.status() == Status.OK ? Status.INVALID : in.status());
            }
            case DATA -> data(in, payload, slot);
            case EPOCH_STATE -> {
                ReplicaReport report = ReplicaReport.read(in);
                EpochAnswer done = asked(EpochAnswer.class, slot);
                end(slot);
                done.answered(Status.OK, report);
            }
            case CREDITS_GRANTED -> {
                long epoch = in.natural();
                int credits = in.count(1 << 20);
                in.end();
                CreditAnswer done = asked(CreditAnswer.class, slot);
                end(slot);
                done.granted(epoch, credits);
            }
            case STATES -> {
                Replica.BlockStates done = asked(Replica.BlockStates.class, slot);
                List<Replica.BlockState> states = states(in, slot.most);
                end(slot);
                done.done(slot.callbackTag, Status.OK, states);
            }
            case EXTENTS -> {
                Replica.ChangedExtents done = asked(Replica.ChangedExtents.class, slot);
                long[] extents = rising(in, slot.first, Long.MAX_VALUE / Replica.EXTENT_BLOCKS, slot.most);
                end(slot);
                done.done(slot.callbackTag, Status.OK, extents);
            }
            case VERIFIED -> {
                Replica.Verified done = asked(Replica.Verified.class, slot);
                long[] blocks = rising(in, slot.first, slot.first + slot.most, slot.most);
                end(slot);
                done.done(slot.callbackTag, Status.OK, blocks);
            }
            case CRCS -> {
                Replica.Described done = asked(Replica.Described.class, slot);
                ExtentMap map = ExtentMap.read(in);
                in.end();
                if (map.states().length != Replica.EXTENT_BLOCKS) {
                    throw new BadFrameException("a map of " + map.states().length + " blocks of an extent");
                }
                end(slot);
                done.done(slot.callbackTag, Status.OK, Kinds.content(map));
            }
            default -> throw new BadFrameException(in.type() + " on a replica stream");
        }
    }

    private static <T> T asked(Class<T> kind, Pending slot) throws BadFrameException {
        if (!kind.isInstance(slot.callback)) {
            throw new BadFrameException("an answer to another question");
        }
        return kind.cast(slot.callback);
    }

    private static List<Replica.BlockState> states(FrameReader in, int most) throws BadFrameException {
        int count = in.count(most);
        List<Replica.BlockState> states = new ArrayList<>(count);
        for (byte state : in.bytes(count)) {
            if (!Kinds.isState(state)) {
                throw new BadFrameException("a block of unknown state " + state);
            }
            states.add(Kinds.state(state));
        }
        in.end();
        return states;
    }

    /** Whoever asks goes on behind the last number of a list: one that does not rise would be asked for without end. */
    private static long[] rising(FrameReader in, long first, long end, int most) throws BadFrameException {
        long[] numbers = new long[in.count(most)];
        long least = first;
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = in.natural();
            if (numbers[i] < least || numbers[i] >= end) {
                throw new BadFrameException(
                        in.type() + " with " + numbers[i] + ", between " + least + " and " + end + " was asked for");
            }
            least = numbers[i] + 1;
        }
        in.end();
        return numbers;
    }

    private void data(FrameReader in, @Nullable Buffer payload, Pending slot) throws BadFrameException {
        int count = in.count(Replica.MAX_WRITE_BLOCKS);
        Buffer data = in.crcs(payload, count);
        in.end();
        Buffer into = slot.into;
        if (into == null || count != -slot.count) {
            throw new BadFrameException("data that nobody asked for");
        }
        boolean intact = data.firstMismatch(0, count) < 0;
        if (intact) {
            into.bytes()
                    .put(slot.intoIndex * BlockDevice.BLOCK_BYTES, data.bytes(), 0, count * BlockDevice.BLOCK_BYTES);
            for (int i = 0; i < count; i++) {
                into.crc(slot.intoIndex + i, data.crc(i));
            }
        }
        answer(slot, intact ? Status.OK : Status.CORRUPT);
    }

    @Override
    public void ended(Status status, String reason, boolean refused) {
        if (open) {
            open = false;
            events.ended(status, reason, refused);
            abandon();
        }
    }
}
