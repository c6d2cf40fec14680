package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;

/**
 * The two overlays above the pages: <i>active</i> takes what is published after the cut of the checkpoint under way
 * (or all, when there is none), <i>frozen</i> holds what that checkpoint is merging into pages.
 */
final class Mappings {
    private static final int CLEARED_PER_STEP = 16;

    /** What {@link #resolve} finds when a page must tell. */
    static final long IN_PAGE = -1;

    private Overlay active = new Overlay();
    private @Nullable Overlay frozen;
    private @Nullable Overlay spare;
    private int spareCleared;
    private long cut;
    private int crc;
    private int wseqLow;

    Overlay active() {
        return active;
    }

    @Nullable
    Overlay frozen() {
        return frozen;
    }

    long cut() {
        return cut;
    }

    /** What was published and will be with a journal block up to {@code blockSeq} belongs to the checkpoint. */
    Overlay freeze(long blockSeq) {
        if (frozen != null) {
            throw new IllegalStateException("two checkpoints at once");
        }
        Overlay merged = active;
        frozen = merged;
        Overlay next = spare;
        active = next != null && next.isEmpty() ? next : new Overlay();
        spare = null;
        cut = blockSeq;
        return merged;
    }

    /** The pages hold what was frozen. Its memory serves again, once {@link #clearSpare} has gone through it. */
    void thaw() {
        spare = frozen;
        spareCleared = 0;
        frozen = null;
    }

    /** Clears some of the memory that the last checkpoint set free; whether there is more. */
    boolean clearSpare() {
        Overlay s = spare;
        if (s == null || spareCleared == s.segments()) {
            return false;
        }
        int to = Math.min(spareCleared + CLEARED_PER_STEP, s.segments());
        s.clear(spareCleared, to);
        spareCleared = to;
        return true;
    }

    /** The overlay that a record of this journal block belongs to. */
    Overlay of(long blockSeq) {
        Overlay f = frozen;
        return f != null && blockSeq <= cut ? f : active;
    }

    long records() {
        Overlay f = frozen;
        return active.records() + (f == null ? 0 : f.records());
    }

    /** Slot field of a block as far as the overlays know, or {@link #IN_PAGE}; see {@link #crc}, {@link #wseqLow}. */
    long resolve(int volume, long block) {
        long key = Overlay.key(volume, block);
        long found = resolve(active, key);
        Overlay f = frozen;
        if (f != null && (found == IN_PAGE || found == ExtentPage.LOST)) {
            long below = resolve(f, key);
            return below == IN_PAGE ? found : below;
        }
        return found;
    }

    int crc() {
        return crc;
    }

    int wseqLow() {
        return wseqLow;
    }

    /** Highest wseq of an extent's changes as far as the overlays know. */
    long maxWseq(int volume, long extent) {
        long key = Overlay.extentKey(volume, extent);
        Overlay f = frozen;
        return Math.max(maxWseq(active, key), f == null ? 0 : maxWseq(f, key));
    }

    private static long maxWseq(Overlay overlay, long extentKey) {
        OverlaySegment segment = overlay.segmentOf(extentKey);
        int extent = segment.findExtent(extentKey);
        return extent == OverlaySegment.NONE ? 0 : segment.maxWseq(extent);
    }

    private long resolve(Overlay overlay, long key) {
        OverlaySegment segment = overlay.segmentOf(key >>> 8);
        int entry = segment.find(key);
        if (entry != OverlaySegment.NONE) {
            crc = segment.crc(entry);
            wseqLow = segment.wseqLow(entry);
            return segment.slot(entry);
        }
        int extent = segment.findExtent(key >>> 8);
        if (extent != OverlaySegment.NONE && segment.base(extent) != OverlaySegment.NO_BASE) {
            crc = 0;
            wseqLow = segment.baseWseqLow(extent);
            return segment.base(extent);
        }
        return IN_PAGE;
    }
}
