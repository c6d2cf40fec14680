package storage.cairn.engine.store;

/**
 * Makes changes that are durable visible: mappings into the overlay, the rest into the replica. Recovery uses it for
 * what it replays, so that both do the same.
 */
final class Publisher {
    /** Hears of overlay slots that nothing maps any more. */
    interface Unmapped {
        void add(long slot, long blockSeq);
    }

    private final Mappings mappings;
    private final Unmapped unmapped;
    private final Replicas replicas;

    Publisher(Mappings mappings, Unmapped unmapped, Replicas replicas) {
        this.mappings = mappings;
        this.unmapped = unmapped;
        this.replicas = replicas;
    }

    void publish(Mutation m) {
        StoredReplica replica = m.owner();
        switch (m.kind) {
            case WRITE -> {
                mapRuns(m, replica, m.wseq);
                replica.applied(m.epoch, m.wseq, Replica.Kind.WRITE, m.block, m.count, m.blockSeq);
            }
            case ZERO -> {
                zero(replica, m.wseq, m.block, m.count, m.unmap, m.blockSeq);
                Replica.Kind kind = m.unmap ? Replica.Kind.UNMAP : Replica.Kind.ZERO;
                replica.applied(m.epoch, m.wseq, kind, m.block, m.count, m.blockSeq);
            }
            case RESIZE -> {
                replica.resized(m.block, m.blockSeq <= mappings.cut());
                replica.applied(m.epoch, m.wseq, Replica.Kind.RESIZE, m.block, 0, m.blockSeq);
                replicas.changed();
            }
            case RESYNC, REPAIR -> {
                mapRuns(m, replica, m.maxWseq);
                if (m.kind == Mutation.Kind.RESYNC) {
                    touch(replica, m.block, m.maxWseq, m.blockSeq);
                }
            }
            case CONFIGURE -> {
                replica.configured(m.configuration(), m.blockSeq <= mappings.cut());
                replicas.changed();
            }
            case CREATE -> replicas.add(replica, m.blockSeq);
            case DELETE -> replicas.delete(replica, m.blockSeq);
            case ABORT -> {}
        }
    }

    /** Raises the maxWseq of an extent. */
    void touch(StoredReplica replica, long block, long maxWseq, long blockSeq) {
        mappings.of(blockSeq).touch(Overlay.extentKey(replica.number(), block / Replica.EXTENT_BLOCKS), maxWseq);
        replica.raise(maxWseq);
    }

    private void mapRuns(Mutation m, StoredReplica replica, long maxWseq) {
        int i = 0;
        for (int run = 0; run < m.runCount; run++) {
            long slot = m.runSlot(run);
            boolean special = slot <= ExtentPage.LAST_SPECIAL;
            for (int j = 0; j < m.runLength(run); j++, i++) {
                long mapped = special ? slot : slot + j;
                map(replica, m.block + i, mapped, special ? 0 : m.crc(i), m.wseqLow(i), maxWseq, m.blockSeq);
            }
        }
    }

    void map(StoredReplica replica, long block, long slot, int crc, int wseqLow, long maxWseq, long blockSeq) {
        Overlay overlay = mappings.of(blockSeq);
        long before = overlay.put(Overlay.key(replica.number(), block), slot, crc, wseqLow, maxWseq);
        if (before > ExtentPage.LAST_SPECIAL && before != slot) {
            unmapped.add(before, blockSeq);
        }
    }

    /** Makes a range holes or zeroes; whole extents at once. */
    void zero(StoredReplica replica, long wseq, long block, int count, boolean unmap, long blockSeq) {
        long state = unmap ? ExtentPage.HOLE : ExtentPage.ZERO;
        int wseqLow = (int) wseq & 0xff_ffff;
        long end = block + count;
        for (long at = block; at < end; ) {
            long extentEnd = (at / Replica.EXTENT_BLOCKS + 1) * Replica.EXTENT_BLOCKS;
            boolean whole = at % Replica.EXTENT_BLOCKS == 0 && end >= extentEnd;
            if (whole) {
                zeroExtent(
                        Overlay.extentKey(replica.number(), at / Replica.EXTENT_BLOCKS),
                        state,
                        wseqLow,
                        wseq,
                        blockSeq);
                at = extentEnd;
            } else {
                for (; at < Math.min(end, extentEnd); at++) {
                    map(replica, at, state, 0, wseqLow, wseq, blockSeq);
                }
            }
        }
    }

    private void zeroExtent(long extentKey, long state, int wseqLow, long wseq, long blockSeq) {
        Overlay overlay = mappings.of(blockSeq);
        overlay.base(extentKey, state, wseqLow, wseq);
        OverlaySegment segment = overlay.segmentOf(extentKey);
        int entry = segment.head(segment.findExtent(extentKey));
        for (; entry != OverlaySegment.NONE; entry = segment.next(entry)) {
            long before = segment.slot(entry);
            segment.overwrite(entry, state, wseqLow);
            if (before > ExtentPage.LAST_SPECIAL) {
                unmapped.add(before, blockSeq);
            }
        }
    }
}
