package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;

/**
 * Carries changes from admission to publication.
 *
 * <p>The life of one: <i>held</i> (a configuration or a repair of its range is before it), <i>stalled</i> (ring, overlay
 * or space need a checkpoint first), <i>started</i> (slots taken, data submitted, record given to the journal),
 * <i>durable</i> (its data is written and its journal block durable), <i>published</i> into the overlay and told to
 * whoever asked. Where the device refuses its data, an ABORT record is written instead and its slots come back once that
 * is durable. Held and stalled ones are first in, first out; no operation is dropped.
 */
final class Mutator implements Journal.Listener {
    private final Disk disk;
    private final SlotAllocator allocator;
    private final Space space;
    private final Mappings mappings;
    private final Quarantine quarantine;
    private final Publisher publisher;
    private final Completions completions;
    private final long overlayRecords;
    private final Runnable wake;
    private final Mutations all;
    private final MutationQueue stalled = new MutationQueue();
    private final BlockDevice.Completion dataWritten = this::dataWritten;
    private @Nullable Journal journal;
    private long recordsUnderWay;

    Mutator(
            Disk disk,
            SlotAllocator allocator,
            Space space,
            Mappings mappings,
            Quarantine quarantine,
            Publisher publisher,
            Completions completions,
            StoreSettings settings,
            Runnable wake) {
        this.disk = disk;
        this.allocator = allocator;
        this.space = space;
        this.mappings = mappings;
        this.quarantine = quarantine;
        this.publisher = publisher;
        this.completions = completions;
        this.overlayRecords = settings.overlayRecords();
        this.wake = wake;
        this.all = new Mutations(settings.maxMutations());
    }

    void journal(Journal opened) {
        journal = opened;
    }

    private Journal journal() {
        Journal j = journal;
        if (j == null) {
            throw new IllegalStateException("a change before the store is open");
        }
        return j;
    }

    boolean idle() {
        return all.idle();
    }

    /** Whether everything that was admitted waits for space, ring or overlay. */
    boolean onlyStalled() {
        return recordsUnderWay == 0;
    }

    boolean hasStalled() {
        return !stalled.isEmpty();
    }

    /** A mutation to be filled in and submitted, or null when too many are under way. */
    @Nullable
    Mutation acquire(Mutation.Kind kind, StoredReplica replica, Replica.Done done, long tag) {
        return all.acquire(kind, replica, done, tag);
    }

    /** Gives back a mutation that was never submitted. */
    void cancel(Mutation m) {
        all.ended(m);
        all.recycle(m);
    }

    /** Takes a change on: from now on its completion is certain. */
    void submit(Mutation m) {
        StoredReplica replica = m.owner();
        if (m.data != null) {
            m.data.retain();
        }
        if (replica.mustHold(m)) {
            replica.held().add(m);
        } else {
            proceed(m);
        }
        wake.run();
    }

    private void proceed(Mutation m) {
        StoredReplica replica = m.owner();
        if (m.kind == Mutation.Kind.CONFIGURE || m.kind == Mutation.Kind.DELETE) {
            replica.barrier(m);
            if (replica.underWay() > 0) {
                return;
            }
        }
        replica.began();
        m.admitted = true;
        if (!stalled.isEmpty() || !fits(m)) {
            disk.metrics.stalls++;
            stalled.add(m);
        } else {
            start(m);
        }
    }

    /** What waited for a configuration or a repair goes on, as far as it can. */
    void releaseHeld(StoredReplica replica) {
        if (disk.failed()) {
            // Everything was answered when it failed, and its memory may be gone.
            return;
        }
        Mutation barrier = replica.barrier();
        if (barrier != null && !barrier.admitted && replica.underWay() == 0) {
            replica.began();
            barrier.admitted = true;
            stalled.add(barrier);
        }
        MutationQueue held = replica.held();
        for (Mutation m = held.peek(); m != null && !replica.blocked(m); m = held.peek()) {
            held.poll();
            proceed(m);
        }
        wake.run();
    }

    /** Starts stalled changes that fit now. Returns whether some are left. */
    boolean startStalled() {
        for (Mutation m = stalled.peek(); m != null && fits(m); m = stalled.peek()) {
            stalled.poll();
            start(m);
        }
        return !stalled.isEmpty();
    }

    /** A checkpoint brought nothing: what still does not fit never will. */
    void refuseStalled() {
        Mutation m = stalled.poll();
        if (m != null) {
            finish(m, Status.NO_SPACE);
        }
    }

    private boolean fits(Mutation m) {
        if (!journal().hasRoom()) {
            return false;
        }
        int slots = m.needsSlots();
        long records = mappings.active().load() + recordsUnderWay + m.overlayLoad();
        if (records > overlayRecords && mappings.active().extents() > 0) {
            return false;
        }
        if (m.overwrite) {
            return space.overwriteFits(slots);
        }
        if (slots > 0) {
            return true;
        }
        int extents = m.touchedExtents();
        return extents == 0 || space.pagesFit(extents) || space.nothingDirty();
    }

    private void start(Mutation m) {
        m.started = true;
        m.extents = m.touchedExtents();
        space.admit(m.extents);
        recordsUnderWay += m.overlayLoad();
        if (m.promised > 0) {
            space.unpromise(m.promised);
            m.promised = 0;
        }
        switch (m.kind) {
            case WRITE, REPAIR -> writeData(m, m.count);
            case RESYNC -> mapContent(m);
            case ZERO, RESIZE, CONFIGURE, CREATE, DELETE, ABORT -> {}
        }
        journal().append(m);
    }

    private void writeData(Mutation m, int blocks) {
        Buffer data = m.buffer();
        int at = m.dataIndex;
        m.writesPending++;
        for (int left = blocks; left > 0; ) {
            long slot = allocator.allocate(left);
            if (slot < 0) {
                throw new IllegalStateException("no free slot for a change that was admitted");
            }
            int length = allocator.runLength();
            m.addRun(slot, length);
            m.writesPending++;
            disk.device.write(slot, length, data, at, dataWritten, m.index);
            at += length;
            left -= length;
        }
        m.writesPending--;
        disk.metrics.writtenBytes += (long) blocks * Mem.PAGE;
    }

    /** Runs of holes, zeroes and slots in the order of the blocks. */
    private void mapContent(Mutation m) {
        Replica.BlockState[] states = m.content().states();
        for (int i = 0; i < m.count; ) {
            Replica.BlockState state = states[m.contentIndex + i];
            int length = 1;
            while (i + length < m.count && states[m.contentIndex + i + length] == state) {
                length++;
            }
            switch (state) {
                case HOLE -> m.addRun(ExtentPage.HOLE, length);
                case ZERO -> m.addRun(ExtentPage.ZERO, length);
                case DATA -> {
                    writeData(m, length);
                    m.dataIndex += length;
                }
            }
            i += length;
        }
    }

    private void dataWritten(long tag, int errno) {
        Mutation m = all.at(tag);
        if (m == null || m.writesPending < 1) {
            throw new IllegalStateException("a write nobody waits for completed: " + tag);
        }
        m.writesPending--;
        if (errno != 0) {
            m.dataFailed = true;
        }
        if (m.writesPending == 0) {
            if (m.finished) {
                all.recycle(m);
            } else if (!disk.failed()) {
                journal().dataDone(m);
                if (m.dataFailed) {
                    abort(m);
                } else if (m.journalDurable) {
                    publish(m);
                }
            }
        }
        wake.run();
    }

    @Override
    public void durable(Mutation m) {
        if (m.kind == Mutation.Kind.ABORT) {
            Mutation target = m.target;
            if (target == null) {
                throw new IllegalStateException("an ABORT of nothing");
            }
            journal().aborted(target);
            releaseSlots(target, m.blockSeq);
            finish(m, Status.OK);
            finish(target, Status.UNAVAILABLE);
        } else if (m.dataDone() && !m.dataFailed) {
            publish(m);
        }
    }

    @Override
    public void turn() {
        wake.run();
    }

    private void abort(Mutation m) {
        disk.metrics.aborts++;
        if (m.blockSeq == 0) {
            if (!journal().withdraw(m)) {
                throw new IllegalStateException("a record that is nowhere");
            }
            releaseSlots(m, journal().stableThrough());
            finish(m, Status.UNAVAILABLE);
            return;
        }
        Mutation record = acquire(Mutation.Kind.ABORT, m.owner(), Mutator::ignore, 0);
        if (record == null) {
            disk.fail("a write of data failed and too much is under way to record it: replace the disk");
            return;
        }
        record.target = m;
        record.owner().began();
        record.admitted = true;
        journal().append(record);
    }

    private static void ignore(long tag, Status status) {
        // An ABORT has nobody who asked for it.
    }

    private void releaseSlots(Mutation m, long blockSeq) {
        for (int run = 0; run < m.runCount; run++) {
            if (m.runSlot(run) > ExtentPage.LAST_SPECIAL) {
                for (int i = 0; i < m.runLength(run); i++) {
                    quarantine.add(m.runSlot(run) + i, blockSeq);
                }
            }
        }
    }

    private void publish(Mutation m) {
        if (disk.failed()) {
            return;
        }
        publisher.publish(m);
        if (!m.overwrite) {
            space.gains();
        }
        disk.metrics.writes++;
        finish(m, Status.OK);
    }

    private void finish(Mutation m, Status status) {
        if (m.finished) {
            return;
        }
        StoredReplica replica = m.owner();
        Replica.Done done = m.done;
        if (done != null) {
            completions.add(done, m.tag, status);
        }
        if (m.data != null) {
            m.data.release();
            m.data = null;
        }
        if (m.extents > 0) {
            space.published(m.extents);
        }
        if (m.promised > 0) {
            space.unpromise(m.promised);
        }
        if (m.started) {
            recordsUnderWay -= m.overlayLoad();
        }
        all.ended(m);
        boolean admitted = m.admitted;
        boolean ended = replica.ended(m, admitted);
        if (m.writesPending == 0) {
            all.recycle(m);
        }
        if (ended) {
            releaseHeld(replica);
        }
    }

    /** Writes {@code count} blocks of a repair's range anew; false when too much is under way. */
    boolean repair(Lookup lookup, int from, int count, Replica.Done done) {
        Buffer data = lookup.buffer();
        Mutation m = data == null ? null : acquire(Mutation.Kind.REPAIR, lookup.replica(), done, 0);
        if (m == null) {
            return false;
        }
        int[] crcs = new int[count];
        int[] lows = new int[count];
        Replica.BlockState[] states = new Replica.BlockState[count];
        for (int i = 0; i < count; i++) {
            crcs[i] = lookup.crc(from + i);
            lows[i] = lookup.wseqLow(from + i);
            states[i] = Replica.BlockState.DATA;
        }
        m.epoch = lookup.epoch;
        m.block = lookup.block + from;
        m.count = count;
        m.data = data;
        m.dataIndex = lookup.bufferIndex + from;
        m.content = new Replica.ExtentContent(states, crcs, lows, 0);
        m.maxWseq = 0;
        m.overwrite = true;
        m.buffer().retain();
        proceed(m);
        wake.run();
        return true;
    }

    /** Whether a change that touches this range is under way. */
    boolean touches(StoredReplica replica, long block, int count) {
        return all.touch(replica, block, count);
    }

    /** Whether a change with this number is under way. */
    boolean underWay(StoredReplica replica, long wseq) {
        return all.have(replica, wseq);
    }

    void extentLost(StoredReplica replica, long extent) {
        long key = Overlay.extentKey(replica.number(), extent);
        OverlaySegment segment = mappings.active().segmentOf(key);
        int known = segment.findExtent(key);
        if (!replica.deleted() && (known < 0 || segment.base(known) == OverlaySegment.NO_BASE)) {
            mappings.active().base(key, ExtentPage.LOST, 0, 0);
        }
    }

    /** The disk failed: everybody hears of it now, the memory comes back when the device is done with it. */
    void failAll() {
        stalled.clear();
        for (int i = 0; i < all.made(); i++) {
            Mutation m = all.at(i);
            if (m != null && m.live && !m.finished) {
                Replica.Done done = m.done;
                if (done != null) {
                    completions.add(done, m.tag, Status.DISK_FAILED);
                }
                if (m.data != null) {
                    m.data.release();
                    m.data = null;
                }
                all.ended(m);
            }
        }
        wake.run();
    }
}
