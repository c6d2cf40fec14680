package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/** One volume's replica in an extent store: checks what is asked, remembers what was applied. */
final class StoredReplica implements Replica {
    private static final int MAX_RESERVATIONS = 256;

    /** A commitSeq so far ahead of the recorded one is told to the journal when that costs nothing. */
    private static final long COMMIT_LAG = 256;

    private final ExtentStore store;
    private final int number;
    private final VolumeId volume;
    private final Tail tail = new Tail();
    private final MutationQueue held = new MutationQueue();
    private final List<Range> reservations = new ArrayList<>();
    private final List<Range> repairs = new ArrayList<>();

    private Configuration configuration;
    private Configuration promisedConfiguration;
    private long blocks;
    private long commitSeq;
    private long recordedCommitSeq;
    private long highestWseq;
    private long highestSubmitted;
    private boolean damaged;
    private int credits;
    private long creditsEpoch;
    private int underWay;
    private int numberedUnderWay;
    private @Nullable Mutation barrier;
    private long rootSlot;
    private int rootCrc;
    private long createdBy;
    private long deletedBy;
    private Configuration cutConfiguration;
    private long cutBlocks;
    private long newRootSlot;
    private int newRootCrc;
    private boolean rootChanged;

    private record Range(long block, int count) {
        boolean overlaps(long other, int otherCount) {
            return block < other + otherCount && other < block + count;
        }
    }

    StoredReplica(ExtentStore store, int number, Configuration configuration) {
        this.store = store;
        this.number = number;
        this.volume = configuration.volume();
        this.configuration = configuration;
        this.promisedConfiguration = configuration;
        this.cutConfiguration = configuration;
        this.blocks = configuration.sizeBytes() / BlockDevice.BLOCK_BYTES;
        this.cutBlocks = blocks;
    }

    int number() {
        return number;
    }

    /** Generation that new mappings are born in. Snapshots will raise it. */
    int generation() {
        return 1;
    }

    long blocks() {
        return blocks;
    }

    long rootSlot() {
        return rootSlot;
    }

    int rootCrc() {
        return rootCrc;
    }

    void root(long slot, int crc) {
        rootSlot = slot;
        rootCrc = crc;
    }

    /** Root that the checkpoint under way made. It becomes the root when that is durable. */
    void newRoot(long slot, int crc) {
        newRootSlot = slot;
        newRootCrc = crc;
        rootChanged = true;
    }

    long newRootSlot() {
        return rootChanged ? newRootSlot : rootSlot;
    }

    int newRootCrc() {
        return rootChanged ? newRootCrc : rootCrc;
    }

    void adoptRoot() {
        root(newRootSlot(), newRootCrc());
        rootChanged = false;
    }

    Tail tailEntries() {
        return tail;
    }

    @Override
    public VolumeId volume() {
        return volume;
    }

    @Override
    public Configuration configuration() {
        return configuration;
    }

    @Override
    public boolean damaged() {
        return damaged;
    }

    @Override
    public long commitSeq() {
        return commitSeq;
    }

    @Override
    public long highestWseq() {
        return highestWseq;
    }

    @Override
    public List<TailEntry> tail() {
        List<TailEntry> entries = new ArrayList<>(tail.size());
        for (int i = 0; i < tail.size(); i++) {
            entries.add(new TailEntry(tail.epoch(i), tail.wseq(i), tail.kind(i), tail.block(i), tail.count(i)));
        }
        return entries;
    }

    @Override
    public void configure(Configuration next, Done done, long tag) {
        if (refused(done, tag)) {
            return;
        }
        boolean equal = next.equals(promisedConfiguration);
        if (!next.volume().equals(volume)) {
            store.answer(done, tag, Status.INVALID);
        } else if (!equal && !next.newerThan(promisedConfiguration)) {
            store.answer(done, tag, Status.STALE_EPOCH);
        } else {
            Mutation m = store.mutator().acquire(Mutation.Kind.CONFIGURE, this, done, tag);
            if (m == null) {
                store.answer(done, tag, Status.BUSY);
                return;
            }
            promisedConfiguration = next;
            m.configuration = next;
            m.encoded = ConfigurationCodec.encode(next);
            store.mutator().submit(m);
        }
    }

    @Override
    public void write(
            long epoch, long wseq, long commit, long block, int count, Buffer data, int index, Done done, long tag) {
        write(epoch, epoch, wseq, commit, block, count, data, index, done, tag);
    }

    private void write(
            long authority,
            long epoch,
            long wseq,
            long commit,
            long block,
            int count,
            Buffer data,
            int index,
            Done done,
            long tag) {
        if (count < 1 || count > MAX_WRITE_BLOCKS || outside(block, count)) {
            store.answer(done, tag, Status.INVALID);
            return;
        }
        if (!numbered(authority, epoch, wseq, commit, done, tag)) {
            return;
        }
        if (data.firstMismatch(index, count) >= 0) {
            store.answer(done, tag, Status.CORRUPT);
            return;
        }
        Mutation m = begin(Mutation.Kind.WRITE, epoch, wseq, block, count, done, tag);
        if (m == null) {
            return;
        }
        if (!pay(m, count)) {
            store.mutator().cancel(m);
            store.answer(done, tag, Status.NO_SPACE);
            return;
        }
        m.data = data;
        m.dataIndex = index;
        submitNumbered(m);
    }

    @Override
    public void zero(long epoch, long wseq, long commit, long block, int count, boolean unmap, Done done, long tag) {
        zero(epoch, epoch, wseq, commit, block, count, unmap, done, tag);
    }

    private void zero(
            long authority,
            long epoch,
            long wseq,
            long commit,
            long block,
            int count,
            boolean unmap,
            Done done,
            long tag) {
        if (count < 1 || count > MAX_ZERO_BLOCKS || outside(block, count)) {
            store.answer(done, tag, Status.INVALID);
        } else if (numbered(authority, epoch, wseq, commit, done, tag)) {
            Mutation m = begin(Mutation.Kind.ZERO, epoch, wseq, block, count, done, tag);
            if (m != null) {
                m.unmap = unmap;
                submitNumbered(m);
            }
        }
    }

    @Override
    public void resize(long epoch, long wseq, long commit, long newBlocks, Done done, long tag) {
        resize(epoch, epoch, wseq, commit, newBlocks, done, tag);
    }

    private void resize(long authority, long epoch, long wseq, long commit, long newBlocks, Done done, long tag) {
        if (newBlocks < blocks || newBlocks > IndexPage.MAX_EXTENTS * EXTENT_BLOCKS) {
            store.answer(done, tag, Status.INVALID);
        } else if (numbered(authority, epoch, wseq, commit, done, tag)) {
            Mutation m = begin(Mutation.Kind.RESIZE, epoch, wseq, newBlocks, 0, done, tag);
            if (m != null) {
                submitNumbered(m);
            }
        }
    }

    @Override
    public void rollForward(
            long epoch, TailEntry entry, long commit, @Nullable Buffer data, int index, Done done, long tag) {
        long own = entry.epoch();
        long wseq = entry.wseq();
        boolean unmap = entry.kind() == Kind.UNMAP;
        switch (entry.kind()) {
            case WRITE -> {
                if (data == null) {
                    store.answer(done, tag, Status.INVALID);
                } else {
                    write(epoch, own, wseq, commit, entry.block(), entry.count(), data, index, done, tag);
                }
            }
            case ZERO, UNMAP -> zero(epoch, own, wseq, commit, entry.block(), entry.count(), unmap, done, tag);
            case RESIZE -> resize(epoch, own, wseq, commit, entry.block(), done, tag);
        }
    }

    /**
     * Checks what all numbered changes share; false when the answer is on its way already.
     *
     * @param authority epoch of whoever asks
     * @param epoch that the change belongs to
     */
    private boolean numbered(long authority, long epoch, long wseq, long commit, Done done, long tag) {
        if (refused(done, tag) || wrongEpoch(authority, done, tag)) {
            return false;
        }
        if (wseq < 1 || commit < 0 || epoch > authority || wseq - Math.min(commit, commitSeq) > 0xffff_ffffL) {
            store.answer(done, tag, Status.INVALID);
            return false;
        }
        int known = tail.find(wseq);
        boolean appliedHere = (known >= 0 && tail.epoch(known) == epoch) || (wseq <= commitSeq && isInSync());
        commit(commit);
        if (appliedHere) {
            store.answer(done, tag, Status.OK);
            return false;
        }
        if (known >= 0) {
            store.answer(done, tag, Status.INVALID);
            return false;
        }
        return true;
    }

    private boolean isInSync() {
        return promisedConfiguration.inSync().contains(store.disk());
    }

    private @Nullable Mutation begin(
            Mutation.Kind kind, long epoch, long wseq, long block, int count, Done done, long tag) {
        boolean late = wseq <= highestSubmitted;
        if (late && store.mutator().underWay(this, wseq)) {
            store.answer(done, tag, Status.CONFLICT);
            return null;
        }
        if (late && kind != Mutation.Kind.RESIZE && tail.laterOverlaps(wseq, block, count)) {
            // The range lock of the owner rules this out: an older write never comes after a newer one of its blocks.
            store.answer(done, tag, Status.INVALID);
            return null;
        }
        Mutation m = tail.size() + numberedUnderWay >= MAX_TAIL
                ? null
                : store.mutator().acquire(kind, this, done, tag);
        if (m == null) {
            store.answer(done, tag, Status.BUSY);
            return null;
        }
        m.epoch = epoch;
        m.wseq = wseq;
        m.block = block;
        m.count = count;
        return m;
    }

    private void submitNumbered(Mutation m) {
        highestSubmitted = Math.max(highestSubmitted, m.wseq);
        numberedUnderWay++;
        store.mutator().submit(m);
    }

    /** Takes credits, or a reservation, or free space there and then. */
    private boolean pay(Mutation m, int slots) {
        Space space = store.space();
        if (takeReservation(m.block, m.count)) {
            m.overwrite = true;
            return true;
        }
        if (credits >= slots) {
            credits -= slots;
            m.promised = slots;
            return true;
        }
        if (space.available(slots) >= 0) {
            space.promise(slots);
            m.promised = slots;
            return true;
        }
        store.shortOfSpace();
        return false;
    }

    @Override
    public void commit(long seq) {
        if (seq > commitSeq) {
            commitSeq = seq;
            tail.trim(seq);
            if (commitSeq - recordedCommitSeq > COMMIT_LAG) {
                recordedCommitSeq = commitSeq;
                store.recordCommit(number, commitSeq);
            }
        }
    }

    @Override
    public void read(long block, int count, Buffer into, int index, Done done, long tag) {
        if (refused(done, tag)) {
            return;
        }
        if (count < 1 || count > MAX_WRITE_BLOCKS || outside(block, count)) {
            store.answer(done, tag, Status.INVALID);
            return;
        }
        Lookup lookup = store.lookups().acquire(Lookup.Kind.READ, block, count);
        if (lookup == null) {
            store.answer(done, tag, Status.BUSY);
            return;
        }
        lookup.bufferIndex = index;
        lookup.done = done;
        lookup.tag = tag;
        store.lookups().start(lookup, this, into);
    }

    @Override
    public int grantCredits(long epoch, int wanted) {
        // The owner asks right after it sent the epoch, which may not be durable here yet: that is no lack of space.
        if (!store.serving() || epoch != promisedConfiguration.epoch() || wanted < 1) {
            return 0;
        }
        Space space = store.space();
        if (creditsEpoch != epoch) {
            creditsEpoch = epoch;
            space.unpromise(credits);
            credits = 0;
        }
        int grant = space.grantable(wanted);
        if (grant < wanted) {
            store.shortOfSpace();
        }
        space.promise(grant);
        credits += grant;
        return grant;
    }

    @Override
    public void reserveOverwrite(long epoch, long block, int count, Done done, long tag) {
        if (refused(done, tag) || wrongEpoch(epoch, done, tag)) {
            return;
        }
        Lookup lookup = inquiry(Lookup.Kind.RESERVE, block, count);
        if (lookup == null) {
            store.answer(done, tag, outside(block, count) ? Status.INVALID : Status.BUSY);
            return;
        }
        lookup.epoch = epoch;
        lookup.done = done;
        lookup.tag = tag;
        store.lookups().start(lookup, this, null);
    }

    @Override
    public void blockStates(long block, int count, BlockStates done, long tag) {
        Lookup lookup = store.serving() ? inquiry(Lookup.Kind.STATES, block, count) : null;
        if (lookup == null) {
            Status status = notStarted(block, count);
            store.answer((t, s) -> done.done(t, s, List.of()), tag, status);
            return;
        }
        lookup.statesDone = done;
        lookup.tag = tag;
        store.lookups().start(lookup, this, null);
    }

    @Override
    public void changedExtents(long sinceSeq, long firstExtent, int limit, ChangedExtents done, long tag) {
        boolean valid = firstExtent >= 0 && limit >= 1 && limit <= 4_096;
        Lookup reader = store.serving() && valid ? store.lookups().acquire(Lookup.Kind.STATES, 0, 0) : null;
        if (reader == null) {
            Status status = valid ? notStarted(0, 1) : Status.INVALID;
            store.answer((t, s) -> done.done(t, s, new long[0]), tag, status);
            return;
        }
        reader.changedDone = done;
        reader.tag = tag;
        store.lookups().startScan(reader, this, sinceSeq, firstExtent, limit);
    }

    @Override
    public void describe(long extent, Described done, long tag) {
        Lookup lookup = store.serving() ? wholeExtent(Lookup.Kind.DESCRIBE, extent) : null;
        if (lookup == null) {
            Status status = outsideExtent(extent) ? Status.INVALID : notStarted(0, 1);
            store.answer((t, s) -> done.done(t, s, null), tag, status);
            return;
        }
        lookup.describedDone = done;
        lookup.tag = tag;
        store.lookups().start(lookup, this, null);
    }

    @Override
    public void verify(long extent, Verified done, long tag) {
        Lookup lookup = store.serving() ? wholeExtent(Lookup.Kind.VERIFY, extent) : null;
        if (lookup == null) {
            Status status = outsideExtent(extent) ? Status.INVALID : notStarted(0, 1);
            store.answer((t, s) -> done.done(t, s, new long[0]), tag, status);
            return;
        }
        lookup.bufferIndex = 0;
        lookup.verifiedDone = done;
        lookup.tag = tag;
        if (!store.lookups().startWithOwnMemory(lookup, this)) {
            store.answer((t, s) -> done.done(t, s, new long[0]), tag, Status.BUSY);
        }
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
        if (refused(done, tag) || wrongEpoch(epoch, done, tag)) {
            return;
        }
        boolean oneExtent = block >= 0
                && count >= 0
                && count <= EXTENT_BLOCKS
                && block / EXTENT_BLOCKS == (block + Math.max(1, count) - 1) / EXTENT_BLOCKS
                && block + count <= blocks
                && content.states().length >= count;
        if (!oneExtent || configuration.inSync().contains(store.disk())) {
            store.answer(done, tag, Status.INVALID);
            return;
        }
        new Resync(store, this, epoch, block, count, content, data, index, maxWseq, done, tag).start();
    }

    @Override
    public void repair(long epoch, long block, int count, Buffer data, int index, Done done, long tag) {
        if (refused(done, tag) || wrongEpoch(epoch, done, tag)) {
            return;
        }
        if (count < 1 || count > MAX_WRITE_BLOCKS || outside(block, count)) {
            store.answer(done, tag, Status.INVALID);
            return;
        }
        if (data.firstMismatch(index, count) >= 0) {
            store.answer(done, tag, Status.CORRUPT);
            return;
        }
        boolean conflict =
                barrier != null || repairing(block, count) || store.mutator().touches(this, block, count);
        Lookup lookup = conflict ? null : store.lookups().acquire(Lookup.Kind.REPAIR, block, count);
        if (lookup == null) {
            store.answer(done, tag, conflict ? Status.CONFLICT : Status.BUSY);
            return;
        }
        repairs.add(new Range(block, count));
        lookup.epoch = epoch;
        lookup.bufferIndex = index;
        lookup.done = done;
        lookup.tag = tag;
        store.lookups().start(lookup, this, data);
    }

    private @Nullable Lookup inquiry(Lookup.Kind kind, long block, int count) {
        return count < 1 || count > MAX_WRITE_BLOCKS || outside(block, count)
                ? null
                : store.lookups().acquire(kind, block, count);
    }

    private @Nullable Lookup wholeExtent(Lookup.Kind kind, long extent) {
        return outsideExtent(extent) ? null : store.lookups().acquire(kind, extent * EXTENT_BLOCKS, EXTENT_BLOCKS);
    }

    private Status notStarted(long block, int count) {
        if (!store.serving()) {
            return Status.DISK_FAILED;
        }
        return count < 1 || count > MAX_WRITE_BLOCKS || outside(block, count) ? Status.INVALID : Status.BUSY;
    }

    private boolean refused(Done done, long tag) {
        if (!store.serving() || deletedBy != 0) {
            store.answer(done, tag, store.serving() ? Status.NOT_FOUND : Status.DISK_FAILED);
            return true;
        }
        return false;
    }

    private boolean wrongEpoch(long epoch, Done done, long tag) {
        if (epoch != promisedConfiguration.epoch()) {
            store.answer(done, tag, epoch < promisedConfiguration.epoch() ? Status.STALE_EPOCH : Status.INVALID);
            return true;
        }
        return false;
    }

    private boolean outside(long block, int count) {
        return block < 0 || count < 0 || block > blocks - count;
    }

    private boolean outsideExtent(long extent) {
        return extent < 0 || extent > (blocks - 1) / EXTENT_BLOCKS;
    }

    private boolean takeReservation(long block, int count) {
        for (int i = 0; i < reservations.size(); i++) {
            Range range = reservations.get(i);
            if (block >= range.block && block + count <= range.block + range.count) {
                reservations.remove(i);
                return true;
            }
        }
        return false;
    }

    /** The blocks are mapped: the next write of this range needs no credits. */
    Status reserved(long epoch, long block, int count) {
        if (epoch != promisedConfiguration.epoch()) {
            return Status.STALE_EPOCH;
        }
        if (reservations.size() >= MAX_RESERVATIONS) {
            return Status.BUSY;
        }
        reservations.add(new Range(block, count));
        return Status.OK;
    }

    private boolean repairing(long block, int count) {
        for (int i = 0; i < repairs.size(); i++) {
            if (repairs.get(i).overlaps(block, count)) {
                return true;
            }
        }
        return false;
    }

    void repairEnded(long block, int count) {
        repairs.remove(new Range(block, count));
    }

    MutationQueue held() {
        return held;
    }

    boolean mustHold(Mutation m) {
        return !held.isEmpty() || blocked(m);
    }

    /** Whether something before it must end first. */
    boolean blocked(Mutation m) {
        if (barrier != null) {
            return true;
        }
        boolean ranged =
                m.kind == Mutation.Kind.WRITE || m.kind == Mutation.Kind.ZERO || m.kind == Mutation.Kind.RESYNC;
        return !repairs.isEmpty() && (!ranged || repairing(m.block, m.count));
    }

    @Nullable
    Mutation barrier() {
        return barrier;
    }

    void barrier(Mutation m) {
        barrier = m;
    }

    int underWay() {
        return underWay;
    }

    void began() {
        underWay++;
    }

    /** A change ended. Whether others may have waited for that. */
    boolean ended(Mutation m, boolean admitted) {
        if (admitted) {
            underWay--;
        }
        if (m.kind.hasWseq()) {
            numberedUnderWay--;
        }
        if (barrier == m) {
            barrier = null;
            return true;
        }
        return barrier != null ? underWay == 0 : !held.isEmpty();
    }

    /** A numbered change is durable and visible. */
    void applied(long epoch, long wseq, Kind kind, long block, int count, long blockSeq) {
        highestWseq = Math.max(highestWseq, wseq);
        highestSubmitted = Math.max(highestSubmitted, wseq);
        if (wseq > commitSeq) {
            tail.add(epoch, wseq, kind, block, count, blockSeq);
        }
    }

    void raise(long wseq) {
        highestWseq = Math.max(highestWseq, wseq);
        highestSubmitted = Math.max(highestSubmitted, wseq);
    }

    void resized(long newBlocks, boolean beforeCut) {
        blocks = Math.max(blocks, newBlocks);
        if (beforeCut) {
            cutBlocks = blocks;
        }
    }

    void configured(Configuration next, boolean beforeCut) {
        if (next.epoch() != configuration.epoch()) {
            if (creditsEpoch != next.epoch()) {
                store.space().unpromise(credits);
                credits = 0;
            }
            reservations.clear();
        }
        configuration = next;
        if (next.newerThan(promisedConfiguration)) {
            promisedConfiguration = next;
        }
        if (!next.inSync().contains(store.disk())) {
            damaged = false;
        }
        if (beforeCut) {
            cutConfiguration = next;
        }
    }

    void createdBy(long blockSeq) {
        createdBy = blockSeq;
    }

    void deletedBy(long blockSeq) {
        deletedBy = blockSeq;
        store.space().unpromise(credits);
        credits = 0;
    }

    boolean deleted() {
        return deletedBy != 0;
    }

    /** Whether a checkpoint with this cut has the replica, and not its deletion. */
    boolean inCheckpoint(long cut) {
        return createdBy <= cut && (deletedBy == 0 || deletedBy > cut);
    }

    boolean deletedBefore(long cut) {
        return deletedBy != 0 && deletedBy <= cut;
    }

    /** A checkpoint's cut is made: it is to hold this configuration and size, unless earlier records are published. */
    void cut() {
        cutConfiguration = configuration;
        cutBlocks = blocks;
    }

    Configuration cutConfiguration() {
        return cutConfiguration;
    }

    long cutBlocks() {
        return cutBlocks;
    }

    void damage() {
        damaged = true;
    }

    /** What the catalog tells of it. */
    void restore(long size, long commit, long highest, boolean wasDamaged) {
        blocks = size;
        cutBlocks = size;
        commitSeq = commit;
        recordedCommitSeq = commit;
        highestWseq = highest;
        highestSubmitted = highest;
        damaged = wasDamaged;
    }

    /** A replayed record told this commitSeq. */
    void restoreCommit(long seq) {
        if (seq > commitSeq) {
            commitSeq = seq;
            recordedCommitSeq = seq;
            tail.trim(seq);
        }
    }
}
