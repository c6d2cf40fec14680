package storage.cairn.engine.store;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Compares the overlays with the slot sets: each overlay slot is mapped once, and none is counted twice. */
final class Invariants {
    private Invariants() {}

    static void check(SlotAllocator allocator, Mappings mappings, Quarantine quarantine, long capacity) {
        long sum = allocator.free() + allocator.inPages() + allocator.inOverlay() + allocator.pending();
        if (sum != capacity) {
            throw new IllegalStateException("slots: " + sum + " accounted for, " + capacity + " there");
        }
        long[] slots = new long[(int) mappings.records()];
        int n = collect(mappings.active(), slots, 0);
        Overlay frozen = mappings.frozen();
        if (frozen != null) {
            n = collect(frozen, slots, n);
        }
        Arrays.sort(slots, 0, n);
        for (int i = 0; i < n; i++) {
            if (i > 0 && slots[i] == slots[i - 1]) {
                throw new IllegalStateException("slot " + slots[i] + " is mapped twice");
            }
            if (!allocator.isOverlay(slots[i]) && !mayBePage(allocator, frozen, slots[i])) {
                throw new IllegalStateException("slot " + slots[i] + " is mapped and free");
            }
        }
        if (quarantine.size() > allocator.inOverlay()) {
            throw new IllegalStateException("more slots in quarantine than taken");
        }
    }

    /** A frozen overlay's slot moves to the pages while its checkpoint is being written. */
    private static boolean mayBePage(SlotAllocator allocator, @Nullable Overlay frozen, long slot) {
        return frozen != null && (allocator.isPage(slot) || allocator.isPending(slot));
    }

    private static int collect(Overlay overlay, long[] into, int from) {
        int n = from;
        for (int s = 0; s < overlay.segments(); s++) {
            OverlaySegment segment = overlay.segment(s);
            for (int i = 0; i < segment.blocks(); i++) {
                if (segment.slot(i) > ExtentPage.LAST_SPECIAL) {
                    into[n++] = segment.slot(i);
                }
            }
        }
        return n;
    }
}
