package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.Replica;

/** One volume on a {@link MemoryReplicaStore}. */
final class MemoryReplica implements Replica {
    private static final byte[] ZEROES = new byte[BlockDevice.BLOCK_BYTES];

    /** As large as a volume may be on a real store. */
    private static final long MOST_BLOCKS = 240L << 28;

    private final MemoryReplicaStore store;
    private final MemoryVolume volume;
    private long epoch;
    private @Nullable Configuration newest;
    private long commitSeq;
    private int tailUnderWay;
    private int credits;
    /** Of credits that are void, for what was admitted on them. */
    private int owed;

    private boolean erased;
    private final List<long[]> overwrites = new ArrayList<>();

    MemoryReplica(MemoryReplicaStore store, MemoryVolume volume) {
        this.store = store;
        this.volume = volume;
        this.epoch = volume.configuration().epoch();
        this.commitSeq = volume.commitSeq();
        if (store.faults().has(Defect.FORGOTTEN_TAIL)) {
            volume.forgetNewest();
        }
        if (store.faults().has(Defect.FORGOTTEN_EPOCH)) {
            volume.forgetConfiguration();
            this.epoch = volume.configuration().epoch();
        }
    }

    @Override
    public VolumeId volume() {
        return volume.configuration().volume();
    }

    @Override
    public Configuration configuration() {
        return volume.configuration();
    }

    @Override
    public boolean damaged() {
        return false;
    }

    @Override
    public long commitSeq() {
        return commitSeq;
    }

    @Override
    public long highestWseq() {
        return volume.highestWseq();
    }

    @Override
    public List<TailEntry> tail() {
        return volume.tail(commitSeq);
    }

    @Override
    public void configure(Configuration configuration, Done done, long tag) {
        Configuration last = newest == null ? volume.configuration() : newest;
        if (store.refuses() || erased) {
            answer(done, tag, store.refuses() ? Status.DISK_FAILED : Status.NOT_FOUND);
        } else if (!configuration.newerThan(last) && !configuration.equals(last)) {
            answer(done, tag, Status.STALE_EPOCH);
        } else {
            if (configuration.epoch() != epoch) {
                store.credits(-credits);
                credits = 0;
                overwrites.clear();
            }
            newest = configuration;
            epoch = configuration.epoch();
            store.changeBehind(() -> volume.configure(configuration), () -> done.done(tag, outcome()));
        }
    }

    private Status outcome() {
        return store.failed() ? Status.DISK_FAILED : Status.OK;
    }

    private void answer(Done done, long tag, Status status) {
        store.later(() -> done.done(tag, status));
    }

    /** Why an operation is refused, or OK. */
    private Status admit(long ofEpoch, long block, long count, long most) {
        if (store.refuses()) {
            return Status.DISK_FAILED;
        }
        if (erased) {
            return Status.NOT_FOUND;
        }
        if (ofEpoch < epoch && !store.faults().has(Defect.STALE_EPOCH_TAKEN)) {
            return Status.STALE_EPOCH;
        }
        return block < 0 || count < 1 || count > most || block > volume.blocks() - count ? Status.INVALID : Status.OK;
    }

    @Override
    public void write(
            long epoch, long wseq, long commitSeq, long block, int count, Buffer data, int index, Done done, long tag) {
        enter(epoch, new TailEntry(epoch, wseq, Kind.WRITE, block, count), commitSeq, data, index, false, done, tag);
    }

    @Override
    public void zero(long epoch, long wseq, long commitSeq, long block, int count, boolean unmap, Done done, long tag) {
        Kind kind = unmap ? Kind.UNMAP : Kind.ZERO;
        rollForward(epoch, new TailEntry(epoch, wseq, kind, block, count), commitSeq, null, 0, done, tag);
    }

    @Override
    public void resize(long epoch, long wseq, long commitSeq, long blocks, Done done, long tag) {
        rollForward(epoch, new TailEntry(epoch, wseq, Kind.RESIZE, blocks, 0), commitSeq, null, 0, done, tag);
    }

    @Override
    public void rollForward(
            long epoch, TailEntry entry, long commitSeq, @Nullable Buffer data, int index, Done done, long tag) {
        enter(epoch, entry, commitSeq, data, index, true, done, tag);
    }

    private void enter(
            long epoch,
            TailEntry entry,
            long commitSeq,
            @Nullable Buffer data,
            int index,
            boolean admittedBefore,
            Done done,
            long tag) {
        Status status = switch (entry.kind()) {
            case WRITE -> admit(epoch, entry.block(), entry.count(), MAX_WRITE_BLOCKS);
            case ZERO, UNMAP -> admit(epoch, entry.block(), entry.count(), MAX_ZERO_BLOCKS);
            case RESIZE -> admit(epoch, 0, 1, 1);
        };
        if (status == Status.OK) {
            commit(commitSeq);
            if (volume.applied(entry.epoch(), entry.wseq()) && !store.faults().has(Defect.RESEND_OVERWRITES)) {
                answer(done, tag, Status.OK);
                return;
            }
            status = admitEntry(entry, data, index, admittedBefore);
        }
        if (status != Status.OK) {
            answer(done, tag, status);
            return;
        }
        if (data == null) {
            enter(
                    entry.kind() == Kind.RESIZE ? Gate.Step.RESIZE : Gate.Step.ZERO,
                    () -> volume.apply(entry, commitSeq),
                    done,
                    tag);
            return;
        }
        byte[][] contents = copy(data, index, entry.count());
        int[] crcs = new int[entry.count()];
        for (int i = 0; i < crcs.length; i++) {
            crcs[i] = data.crc(index + i);
        }
        enter(
                Gate.Step.WRITE,
                () -> {
                    boolean astray = store.faults().has(Defect.MISDIRECTED_WRITE)
                            && entry.block() + entry.count() < volume.blocks()
                            && store.random().below(64) == 0;
                    volume.write(entry, commitSeq, contents, crcs, astray ? 1 : 0);
                    store.written(volume, entry.block(), entry.count());
                },
                done,
                tag);
    }

    private Status admitEntry(TailEntry entry, @Nullable Buffer data, int index, boolean admittedBefore) {
        if (entry.wseq() < 1
                || volume.holds(entry.wseq())
                || volume.laterOverlaps(entry)
                || (entry.kind() == Kind.WRITE) != (data != null)
                || (entry.kind() == Kind.RESIZE && (entry.block() < 1 || entry.block() > MOST_BLOCKS))) {
            return Status.INVALID;
        }
        if (volume.tailSize(commitSeq) + tailUnderWay >= MAX_TAIL) {
            return Status.BUSY;
        }
        if (data == null) {
            return Status.OK;
        }
        if (data.firstMismatch(index, entry.count()) >= 0) {
            return Status.CORRUPT;
        }
        if (store.refusesWrite()) {
            return Status.UNAVAILABLE;
        }
        boolean paid =
                admittedBefore ? takeOwed(entry.block(), entry.count()) : takeCredits(entry.block(), entry.count());
        return paid ? Status.OK : Status.NO_SPACE;
    }

    private void enter(Gate.Step step, Runnable effect, Done done, long tag) {
        tailUnderWay++;
        store.change(step, effect, () -> {
            tailUnderWay--;
            done.done(tag, outcome());
        });
    }

    private static byte[][] copy(Buffer data, int index, int count) {
        byte[][] contents = new byte[count][];
        for (int i = 0; i < count; i++) {
            contents[i] = SimBuffers.copyOf(data, (index + i) * BlockDevice.BLOCK_BYTES, BlockDevice.BLOCK_BYTES);
        }
        return contents;
    }

    private boolean takeCredits(long block, int count) {
        if (credits >= count) {
            credits -= count;
            store.credits(-count);
            return true;
        }
        for (long[] range : overwrites) {
            if (range[0] == block && range[1] == count) {
                overwrites.remove(range);
                return true;
            }
        }
        return takeFree(block, count);
    }

    private boolean takeOwed(long block, int count) {
        int taken = Math.min(owed, count);
        owed -= taken;
        store.credits(-taken);
        return takeFree(block, count);
    }

    /** Whoever is not in sync leaves alone what is kept aside. */
    private boolean takeFree(long block, int count) {
        Configuration last = newest == null ? volume.configuration() : newest;
        long kept = last.inSync().contains(store.disk()) ? 0 : store.reserveSlots();
        return store.freeSlots() - kept >= count || blocksMapped(block, count);
    }

    private boolean blocksMapped(long block, int count) {
        for (int i = 0; i < count; i++) {
            MemoryVolume.Cell cell = volume.cell(block + i);
            if (cell == null || cell.state() != BlockState.DATA) {
                return false;
            }
        }
        return true;
    }

    @Override
    public void voidCredits() {
        owed += credits;
        credits = 0;
        overwrites.clear();
    }

    @Override
    public void settleCredits() {
        store.credits(-owed);
        owed = 0;
    }

    @Override
    public void commit(long seq) {
        commitSeq = Math.max(commitSeq, seq);
    }

    @Override
    public void read(long block, int count, Buffer into, int index, Done done, long tag) {
        Status status = admit(epoch, block, count, MAX_WRITE_BLOCKS);
        if (status != Status.OK) {
            answer(done, tag, status);
            return;
        }
        into.retain();
        store.later(() -> {
            Status read = fill(block, count, into, index);
            store.tell(Gate.Step.READ, () -> {
                into.release();
                done.done(tag, read);
            });
        });
    }

    private Status fill(long block, int count, Buffer into, int index) {
        if (store.faults().strikes(Fault.DISK_READ_ERROR, store.random())) {
            return Status.CORRUPT;
        }
        for (int i = 0; i < count; i++) {
            MemoryVolume.Cell cell = volume.cell(block + i);
            boolean rotten = cell != null && cell.rotten();
            if (rotten && !store.faults().has(Defect.UNVERIFIED_READ)) {
                return Status.CORRUPT;
            }
            byte[] bytes = cell == null || rotten ? null : cell.bytes();
            into.bytes().put((index + i) * BlockDevice.BLOCK_BYTES, bytes == null ? ZEROES : bytes);
            into.crc(index + i, cell == null ? Crc32c.ZERO_BLOCK : cell.crc());
        }
        return Status.OK;
    }

    @Override
    public int grantCredits(long ofEpoch, int wanted) {
        if (store.refuses() || ofEpoch < epoch) {
            return 0;
        }
        int granted = Math.clamp(store.freeSlots() - store.reserveSlots(), 0, wanted);
        credits += granted;
        store.credits(granted);
        return granted;
    }

    @Override
    public void reserveOverwrite(long ofEpoch, long block, int count, Done done, long tag) {
        Status status = admit(ofEpoch, block, count, MAX_WRITE_BLOCKS);
        if (status == Status.OK && !blocksMapped(block, count)) {
            status = Status.NO_SPACE;
        }
        if (status == Status.OK) {
            overwrites.add(new long[] {block, count});
        }
        answer(done, tag, status);
    }

    @Override
    public void blockStates(long block, int count, BlockStates done, long tag) {
        Status status = admit(epoch, block, count, Integer.MAX_VALUE);
        store.later(() -> {
            List<BlockState> states = new ArrayList<>();
            for (int i = 0; i < count && status == Status.OK; i++) {
                MemoryVolume.Cell cell = volume.cell(block + i);
                states.add(cell == null ? BlockState.HOLE : cell.state());
            }
            done.done(tag, status, states);
        });
    }

    @Override
    public void changedExtents(long sinceSeq, long firstExtent, int limit, ChangedExtents done, long tag) {
        store.later(() -> {
            long[] changed = volume.changedExtents(sinceSeq, firstExtent, limit);
            store.tell(Gate.Step.LIST, () -> done.done(tag, readable(), changed));
        });
    }

    @Override
    public void describe(long extent, Described done, long tag) {
        store.later(() -> {
            Status status = readable();
            ExtentContent content = status == Status.OK ? volume.describe(extent) : null;
            store.tell(Gate.Step.DESCRIBE, () -> done.done(tag, status, content));
        });
    }

    private Status readable() {
        if (store.refuses()) {
            return Status.DISK_FAILED;
        }
        return erased ? Status.NOT_FOUND : Status.OK;
    }

    @Override
    public void resync(
            long epoch,
            long block,
            int count,
            ExtentContent content,
            @Nullable Buffer data,
            int index,
            long maxWseq,
            Done done,
            long tag) {
        Status status = admit(epoch, block, Math.max(1, count), MAX_WRITE_BLOCKS);
        Configuration last = newest == null ? volume.configuration() : newest;
        if (status == Status.OK && last.inSync().contains(store.disk())) {
            status = Status.INVALID;
        }
        int mapped = 0;
        for (int i = 0; i < count; i++) {
            mapped += content.states()[i] == BlockState.DATA ? 1 : 0;
        }
        if (status == Status.OK && mapped > 0 && (data == null || !matches(content, count, data, index))) {
            status = Status.CORRUPT;
        }
        if (status == Status.OK && store.freeSlots() < mapped) {
            status = Status.NO_SPACE;
        }
        if (status != Status.OK) {
            answer(done, tag, status);
            return;
        }
        byte[][] contents = data == null ? new byte[0][] : copy(data, index, mapped);
        ExtentContent copy = new ExtentContent(
                content.states().clone(),
                content.crcs().clone(),
                content.wseqLows().clone(),
                content.maxWseq());
        store.change(
                Gate.Step.RESYNC,
                () -> volume.resync(block, count, copy, contents, maxWseq),
                () -> done.done(tag, outcome()));
    }

    private static boolean matches(ExtentContent content, int count, Buffer data, int index) {
        int taken = index;
        for (int i = 0; i < count; i++) {
            if (content.states()[i] == BlockState.DATA) {
                int crc = Crc32c.of(data.bytes(), taken * BlockDevice.BLOCK_BYTES, BlockDevice.BLOCK_BYTES);
                if (crc != content.crcs()[i]) {
                    return false;
                }
                taken++;
            }
        }
        return true;
    }

    @Override
    public void repair(long epoch, long block, int count, Buffer data, int index, Done done, long tag) {
        Status status = admit(epoch, block, count, MAX_WRITE_BLOCKS);
        if (status == Status.OK && data.firstMismatch(index, count) >= 0) {
            status = Status.CORRUPT;
        }
        if (status != Status.OK) {
            answer(done, tag, status);
            return;
        }
        byte[][] contents = copy(data, index, count);
        int[] crcs = new int[count];
        for (int i = 0; i < count; i++) {
            crcs[i] = data.crc(index + i);
        }
        Status[] outcome = {Status.OK};
        store.change(
                () -> {
                    for (int i = 0; i < count; i++) {
                        if (!volume.repair(block + i, crcs[i], contents[i])) {
                            outcome[0] = Status.CONFLICT;
                        }
                    }
                },
                () -> done.done(tag, store.failed() ? Status.DISK_FAILED : outcome[0]));
    }

    @Override
    public void verify(long extent, Verified done, long tag) {
        store.later(() -> {
            if (store.refusesToVerify()) {
                done.done(tag, Status.UNAVAILABLE, new long[0]);
                return;
            }
            long first = extent * EXTENT_BLOCKS;
            long[] bad = java.util.stream.LongStream.range(first, first + EXTENT_BLOCKS)
                    .filter(block -> {
                        MemoryVolume.Cell cell = volume.cell(block);
                        return cell != null && cell.rotten();
                    })
                    .toArray();
            done.done(tag, readable(), bad);
        });
    }

    void erased() {
        erased = true;
        store.credits(-credits);
        credits = 0;
        settleCredits();
    }

    /** What was told and not recorded may be forgotten. */
    void crash() {
        if (store.random().nextBoolean()) {
            volume.commit(commitSeq);
        }
    }
}
