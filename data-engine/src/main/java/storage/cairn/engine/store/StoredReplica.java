package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;

/** One volume's replica in an extent store: checks what is asked, and hands it on. */
final class StoredReplica extends ReplicaState {
    private final MutationQueue held = new MutationQueue();
    private final Ranges repairs = new Ranges();
    private final Credits credits;
    private final Inquiries inquiries;
    private int underWay;
    private int numberedUnderWay;
    private @Nullable Mutation barrier;

    StoredReplica(ExtentStore store, int number, Configuration configuration) {
        super(store, number, configuration);
        this.credits = new Credits(store);
        this.inquiries = new Inquiries(store, this);
    }

    @Override
    public void configure(Configuration next, Done done, long tag) {
        if (refused(done, tag)) {
            return;
        }
        boolean equal = next.equals(promisedConfiguration());
        if (!next.volume().equals(volume())) {
            store.answer(done, tag, Status.INVALID);
        } else if (!equal && !next.newerThan(promisedConfiguration())) {
            store.answer(done, tag, Status.STALE_EPOCH);
        } else {
            Mutation m = store.mutator().acquire(Mutation.Kind.CONFIGURE, this, done, tag);
            if (m == null) {
                store.answer(done, tag, Status.BUSY);
                return;
            }
            promise(next);
            m.configuration = next;
            m.encoded = ConfigurationCodec.encode(next);
            store.mutator().submit(m);
        }
    }

    @Override
    public void write(
            long epoch, long wseq, long commit, long block, int count, Buffer data, int index, Done done, long tag) {
        write(epoch, epoch, wseq, commit, block, count, data, index, false, done, tag);
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
            boolean admittedBefore,
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
        boolean paid = admittedBefore ? credits.payAdmitted(m, count, isInSync()) : credits.pay(m, count, isInSync());
        if (!paid) {
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
        if (newBlocks < 1 || newBlocks > IndexPage.MAX_EXTENTS * EXTENT_BLOCKS) {
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
                    write(epoch, own, wseq, commit, entry.block(), entry.count(), data, index, true, done, tag);
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
        if (wseq < 1 || commit < 0 || epoch > authority || wseq - Math.max(commit, commitSeq()) > 0xffff_ffffL) {
            store.answer(done, tag, Status.INVALID);
            return false;
        }
        int known = tail.find(wseq);
        boolean appliedHere = (known >= 0 && tail.epoch(known) == epoch) || (wseq <= commitSeq() && isInSync());
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
        return promisedConfiguration().inSync().contains(store.disk());
    }

    private @Nullable Mutation begin(
            Mutation.Kind kind, long epoch, long wseq, long block, int count, Done done, long tag) {
        boolean late = wseq <= highestSubmitted();
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
        submitted(m.wseq);
        numberedUnderWay++;
        store.mutator().submit(m);
    }

    @Override
    public void voidCredits() {
        credits.clear();
    }

    void creditsForgotten() {
        credits.forgotten();
    }

    @Override
    public void settleCredits() {
        credits.settle();
    }

    @Override
    public int grantCredits(long epoch, int wanted) {
        // The owner asks right after it sent the epoch, which may not be durable here yet: that is no lack of space.
        if (!store.serving() || epoch != promisedConfiguration().epoch() || wanted < 1) {
            return 0;
        }
        return credits.grant(epoch, wanted);
    }

    @Override
    public void reserveOverwrite(long epoch, long block, int count, Done done, long tag) {
        if (refused(done, tag) || wrongEpoch(epoch, done, tag)) {
            return;
        }
        inquiries.reserve(epoch, block, count, done, tag);
    }

    @Override
    public void read(long block, int count, Buffer into, int index, Done done, long tag) {
        inquiries.read(block, count, into, index, done, tag);
    }

    @Override
    public void blockStates(long block, int count, BlockStates done, long tag) {
        inquiries.blockStates(block, count, done, tag);
    }

    @Override
    public void changedExtents(long sinceSeq, long firstExtent, int limit, ChangedExtents done, long tag) {
        inquiries.changedExtents(sinceSeq, firstExtent, limit, done, tag);
    }

    @Override
    public void describe(long extent, Described done, long tag) {
        inquiries.describe(extent, done, tag);
    }

    @Override
    public void verify(long extent, Verified done, long tag) {
        inquiries.verify(extent, done, tag);
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
                && block + count <= blocks()
                && content.states().length >= count;
        if (!oneExtent || configuration().inSync().contains(store.disk())) {
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
        boolean conflict = !repairable(block, count) || store.mutator().touches(this, block, count);
        Lookup lookup = conflict ? null : store.lookups().acquire(Lookup.Kind.REPAIR, block, count);
        if (lookup == null) {
            store.answer(done, tag, conflict ? Status.CONFLICT : Status.BUSY);
            return;
        }
        repairs.add(block, count);
        lookup.epoch = epoch;
        lookup.bufferIndex = index;
        lookup.done = done;
        lookup.tag = tag;
        store.lookups().start(lookup, this, data);
    }

    private boolean refused(Done done, long tag) {
        if (!store.serving() || deleted()) {
            store.answer(done, tag, store.serving() ? Status.NOT_FOUND : Status.DISK_FAILED);
            return true;
        }
        return false;
    }

    private boolean wrongEpoch(long epoch, Done done, long tag) {
        if (epoch != promisedConfiguration().epoch()) {
            store.answer(done, tag, epoch < promisedConfiguration().epoch() ? Status.STALE_EPOCH : Status.INVALID);
            return true;
        }
        return false;
    }

    boolean outside(long block, int count) {
        return block < 0 || count < 0 || block > blocks() - count;
    }

    /** The blocks are mapped: the next write of this range needs no credits. */
    Status reserved(long epoch, long block, int count) {
        if (epoch != promisedConfiguration().epoch()) {
            return Status.STALE_EPOCH;
        }
        credits.reserve(block, count);
        return Status.OK;
    }

    /** They are not mapped. CONFLICT when there is space for them by now, or may be after a checkpoint. */
    Status notReserved(int count) {
        boolean soon = store.space().mayGrow() || store.space().available(count) >= 0;
        store.shortOfSpace();
        return soon ? Status.CONFLICT : Status.NO_SPACE;
    }

    boolean serving() {
        return store.serving();
    }

    /** Whether a repair of this range may begin, as far as that is not up to changes of its blocks. */
    boolean repairable(long block, int count) {
        return barrier == null && !repairs.overlap(block, count);
    }

    /** Ranges under repair; changes of their blocks wait. */
    Ranges repairs() {
        return repairs;
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
        return repairs.size() > 0 && (!ranged || repairs.overlap(m.block, m.count));
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

    @Override
    void epochEnded(long nextEpoch) {
        credits.epochEnded(nextEpoch);
    }
}
