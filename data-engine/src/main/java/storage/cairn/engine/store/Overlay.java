package storage.cairn.engine.store;

/**
 * Mappings made since a checkpoint's cut, by block and by extent, in primitive open-addressing tables.
 *
 * <p>The tables are cut in segments that grow by themselves, so that no single step is long and nothing is allocated
 * for a write but when a segment doubles. All blocks of an extent are in one segment, chained from the extent's entry.
 */
final class Overlay {
    private static final int SEGMENTS = 256;

    /** A block's key: volume number (28 bits) and block number (36 bits). */
    static long key(int volume, long block) {
        return (long) volume << 36 | block;
    }

    static long extentKey(int volume, long extent) {
        return (long) volume << 28 | extent;
    }

    static int volumeOf(long extentKey) {
        return (int) (extentKey >>> 28);
    }

    static long extentOf(long extentKey) {
        return extentKey & 0xfff_ffffL;
    }

    private final OverlaySegment[] segments = new OverlaySegment[SEGMENTS];
    private long records;
    private long extents;

    Overlay() {
        for (int i = 0; i < SEGMENTS; i++) {
            segments[i] = new OverlaySegment();
        }
    }

    long records() {
        return records;
    }

    long extents() {
        return extents;
    }

    /** What is bounded: entries of both kinds. */
    long load() {
        return records + extents;
    }

    boolean isEmpty() {
        return extents == 0;
    }

    int segments() {
        return SEGMENTS;
    }

    OverlaySegment segment(int index) {
        return segments[index];
    }

    OverlaySegment segmentOf(long extentKey) {
        return segments[(int) (hash(extentKey) >>> 56)];
    }

    /**
     * Maps a block and raises the maxWseq of its extent. Returns the slot field it had in this overlay, or -1 when it
     * had none.
     */
    long put(long key, long slot, int crc, int wseqLow, long maxWseq) {
        OverlaySegment segment = segmentOf(key >>> 8);
        int extent = raise(segment, key >>> 8, maxWseq);
        int before = segment.blocks();
        long previous = segment.put(key, extent, slot, crc, wseqLow);
        records += segment.blocks() - before;
        return previous;
    }

    /** Raises an extent's maxWseq and so makes the next checkpoint visit it. */
    void touch(long extentKey, long maxWseq) {
        raise(segmentOf(extentKey), extentKey, maxWseq);
    }

    /** All blocks of the extent that have no entry of their own are {@code state} from now on. */
    void base(long extentKey, long state, int wseqLow, long maxWseq) {
        OverlaySegment segment = segmentOf(extentKey);
        segment.base(raise(segment, extentKey, maxWseq), state, wseqLow);
    }

    /** Forgets what the segments from {@code from} to {@code to} hold, and keeps their memory. */
    void clear(int from, int to) {
        for (int i = from; i < to; i++) {
            records -= segments[i].blocks();
            extents -= segments[i].extents();
            segments[i].clear();
        }
    }

    private int raise(OverlaySegment segment, long extentKey, long maxWseq) {
        int before = segment.extents();
        int extent = segment.extent(extentKey, maxWseq);
        extents += segment.extents() - before;
        return extent;
    }

    static long hash(long key) {
        long h = key * 0x9e37_79b9_7f4a_7c15L;
        h ^= h >>> 32;
        h *= 0xd6e8_feb8_6659_fd93L;
        return h ^ h >>> 29;
    }
}
