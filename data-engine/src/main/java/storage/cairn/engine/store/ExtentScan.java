package storage.cairn.engine.store;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Lists the extents that changed after some wseq: from the index pages of one moment, which carry the maxWseq of all
 * below, and from the overlays of that same moment.
 */
final class ExtentScan extends PageWaiter {
    private final Lookups lookups;
    private final Lookup reader;
    private final StoredReplica replica;
    private final long rootSlot;
    private final int rootCrc;
    private final long sinceSeq;
    private final int limit;
    private final long[] changed;
    private final long[] fromOverlay;
    private long extent;
    private int found;
    private int level = IndexPage.LEVELS;
    private long pageSlot;
    private int pageCrc;

    /** @param reader stands among the readers for as long as this runs */
    ExtentScan(Lookups lookups, Lookup reader, StoredReplica replica, long sinceSeq, long firstExtent, int limit) {
        this.lookups = lookups;
        this.reader = reader;
        this.replica = replica;
        this.rootSlot = replica.rootSlot();
        this.rootCrc = replica.rootCrc();
        this.sinceSeq = sinceSeq;
        this.limit = limit;
        this.changed = new long[limit];
        this.extent = firstExtent;
        this.fromOverlay = overlayExtents(lookups.mappings(), firstExtent);
        restart();
    }

    private void restart() {
        level = IndexPage.LEVELS;
        pageSlot = rootSlot;
        pageCrc = rootCrc;
    }

    @Override
    void pageReady() {
        Disk disk = lookups.disk();
        if (disk.failed()) {
            return;
        }
        if (pageLost) {
            disk.fail("index page at block " + pageSlot + " of volume " + replica.volume()
                    + " is unreadable: replace the disk; its replicas are rebuilt from others");
        } else {
            walk();
        }
    }

    void walk() {
        PageCache cache = lookups.cache();
        long end = rootSlot == 0 ? 0 : IndexPage.MAX_EXTENTS;
        while (found < limit && extent < end) {
            int frame = cache.find(pageSlot, pageCrc);
            if (frame < 0) {
                cache.load(pageSlot, pageCrc, this);
                return;
            }
            Mem mem = cache.mem(frame);
            int page = cache.page(frame);
            int entry = (int) (extent / IndexPage.span(level - 1) % IndexPage.FANOUT);
            while (entry < IndexPage.FANOUT && !qualifies(mem, page, entry)) {
                entry++;
            }
            long span = IndexPage.span(level - 1);
            long base = extent / (span * IndexPage.FANOUT) * span * IndexPage.FANOUT;
            if (entry == IndexPage.FANOUT) {
                extent = base + span * IndexPage.FANOUT;
                restart();
            } else {
                extent = Math.max(extent, base + entry * span);
                if (level == 1) {
                    changed[found++] = extent++;
                    if (extent % IndexPage.FANOUT == 0) {
                        restart();
                    }
                } else {
                    pageSlot = IndexPage.slot(mem, page, entry);
                    pageCrc = IndexPage.crc(mem, page, entry);
                    level--;
                }
            }
        }
        lookups.scanned(reader, merged());
    }

    private boolean qualifies(Mem mem, int page, int entry) {
        int flags = IndexPage.flags(mem, page, entry);
        return (flags & IndexPage.FLAG_PRESENT) != 0
                && (IndexPage.maxWseq(mem, page, entry) > sinceSeq || (flags & IndexPage.FLAG_LOST) != 0);
    }

    private long[] merged() {
        long[] both = Arrays.copyOf(changed, found + fromOverlay.length);
        System.arraycopy(fromOverlay, 0, both, found, fromOverlay.length);
        Arrays.sort(both);
        int n = 0;
        for (int i = 0; i < both.length; i++) {
            if (i == 0 || both[i] != both[i - 1]) {
                both[n++] = both[i];
            }
        }
        return Arrays.copyOf(both, Math.min(n, limit));
    }

    private long[] overlayExtents(Mappings mappings, long first) {
        long[] collected = collect(mappings.active(), first, new long[0]);
        @Nullable Overlay frozen = mappings.frozen();
        if (frozen != null) {
            collected = collect(frozen, first, collected);
        }
        Arrays.sort(collected);
        return collected;
    }

    private long[] collect(Overlay overlay, long first, long[] start) {
        long[] collected = start;
        int n = start.length;
        for (int s = 0; s < overlay.segments(); s++) {
            OverlaySegment segment = overlay.segment(s);
            for (int i = 0; i < segment.extents(); i++) {
                long key = segment.extentKey(i);
                boolean qualifies = segment.maxWseq(i) > sinceSeq || segment.base(i) == ExtentPage.LOST;
                if (Overlay.volumeOf(key) == replica.number() && Overlay.extentOf(key) >= first && qualifies) {
                    if (n == collected.length) {
                        collected = Arrays.copyOf(collected, Math.max(64, n * 2));
                    }
                    collected[n++] = Overlay.extentOf(key);
                }
            }
        }
        return Arrays.copyOf(collected, n);
    }
}
