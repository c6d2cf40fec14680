package storage.cairn.engine.store;

import java.util.Arrays;

/** The extents of an overlay by rising volume and number, put in order in bounded steps: sorted runs, then a merge. */
final class ExtentOrder {
    private static final int RUN = 16_384;
    private static final int SEGMENTS_PER_STEP = 16;

    private final Overlay overlay;
    private final long[] keys;
    private int[] heap = {};
    private int[] positions = {};
    private int heapSize;
    private int segment;
    private int gathered;
    private int sorted;

    ExtentOrder(Overlay overlay) {
        this.overlay = overlay;
        this.keys = new long[Math.toIntExact(overlay.extents())];
    }

    /** Does one step of the preparation; true when it is complete. */
    boolean prepare() {
        if (segment < overlay.segments()) {
            int end = Math.min(segment + SEGMENTS_PER_STEP, overlay.segments());
            for (; segment < end; segment++) {
                OverlaySegment part = overlay.segment(segment);
                for (int i = 0; i < part.extents(); i++) {
                    keys[gathered++] = part.extentKey(i);
                }
            }
            return false;
        }
        if (sorted < keys.length) {
            int end = Math.min(sorted + RUN, keys.length);
            Arrays.sort(keys, sorted, end);
            sorted = end;
            return false;
        }
        int runs = (keys.length + RUN - 1) / RUN;
        heap = new int[runs];
        positions = new int[runs];
        for (int i = 0; i < runs; i++) {
            positions[i] = i * RUN;
            heap[i] = i;
        }
        heapSize = runs;
        for (int i = runs / 2 - 1; i >= 0; i--) {
            sift(i);
        }
        return true;
    }

    boolean isEmpty() {
        return heapSize == 0;
    }

    /** The least key that is left. */
    long peek() {
        return keys[positions[heap[0]]];
    }

    long next() {
        int run = heap[0];
        long key = keys[positions[run]++];
        if (positions[run] == Math.min((run + 1) * RUN, keys.length)) {
            heap[0] = heap[--heapSize];
        }
        sift(0);
        return key;
    }

    private void sift(int from) {
        int at = from;
        while (true) {
            int least = at;
            for (int child = 2 * at + 1; child <= 2 * at + 2; child++) {
                if (child < heapSize && keys[positions[heap[child]]] < keys[positions[heap[least]]]) {
                    least = child;
                }
            }
            if (least == at) {
                return;
            }
            int swap = heap[at];
            heap[at] = heap[least];
            heap[least] = swap;
            at = least;
        }
    }
}
