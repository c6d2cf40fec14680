package storage.cairn.engine.store;

/**
 * Knows for each slot of a disk whether it is free, and hands out runs of free ones.
 *
 * <p>A slot that is not free is in exactly one of three sets:
 * <ul>
 *   <li><i>pages</i>: the checkpoint that is being built (or the last one) refers to it. This set is what is
 *       persisted, and only a checkpoint changes it;
 *   <li><i>overlay</i>: written since, mapped by the overlay, being written, or in quarantine;
 *   <li><i>pending</i>: the last durable checkpoint refers to it and the one being built does not. These become free
 *       together, once that one is durable and no reader is left.
 * </ul>
 *
 * <p>Allocation is next-fit, so that sequential writes stay sequential on disk and overlay slots lie close together.
 */
final class SlotAllocator {
    /** Words looked through for a run that is long enough before a shorter one is taken: 1 GiB of disk. */
    private static final int SEARCH_WORDS = 4_096;

    private final Layout layout;
    private final int chunks;
    private final SlotMap pages;
    private final SlotMap overlay;
    private final boolean[] dirty;
    private SlotMap pending;
    private long cursor;
    private int runLength;

    SlotAllocator(Layout layout) {
        this.layout = layout;
        this.chunks = chunks(layout);
        this.pages = new SlotMap(chunks);
        this.overlay = new SlotMap(chunks);
        this.pending = new SlotMap(chunks);
        this.dirty = new boolean[chunks];
    }

    static int chunks(Layout layout) {
        return Math.toIntExact((layout.slots() + SlotMap.CHUNK_SLOTS - 1) / SlotMap.CHUNK_SLOTS);
    }

    int chunks() {
        return chunks;
    }

    long free() {
        return layout.slots() - pages.count() - overlay.count() - pending.count();
    }

    long inPages() {
        return pages.count();
    }

    long inOverlay() {
        return overlay.count();
    }

    long pending() {
        return pending.count();
    }

    boolean isPage(long slot) {
        return pages.get(index(slot));
    }

    boolean isPending(long slot) {
        return pending.get(index(slot));
    }

    boolean isOverlay(long slot) {
        return overlay.get(index(slot));
    }

    /**
     * Takes a run of 1 to {@code want} slots for the overlay and returns its first; {@link #runLength} tells how many.
     * -1 when no slot is free.
     */
    long allocate(int want) {
        if (want < 1) {
            throw new IllegalArgumentException("a run of " + want + " slots");
        }
        long start = find(want);
        if (start < 0) {
            return -1;
        }
        for (long i = start; i < start + runLength; i++) {
            overlay.set(i);
        }
        cursor = start + runLength;
        return layout.firstSlot() + start;
    }

    /** Whether {@link #allocate} would find {@code want} free slots one behind the other. */
    boolean hasRun(int want) {
        return find(want) >= 0 && runLength == want;
    }

    int runLength() {
        return runLength;
    }

    /** Gives back a slot of the overlay set that nothing refers to any more. */
    void releaseOverlay(long slot) {
        overlay.clear(index(slot));
    }

    /** At recovery: a replayed record refers to this slot. False when something else does already. */
    boolean claim(long slot) {
        long index = index(slot);
        if (pages.get(index) || overlay.get(index)) {
            return false;
        }
        overlay.set(index);
        return true;
    }

    /** At recovery and when a run of exactly these slots is known to be free. */
    void moveToPages(long slot) {
        long index = index(slot);
        overlay.clear(index);
        pages.set(index);
        dirty[SlotMap.chunk(index)] = true;
    }

    /** The checkpoint being built no longer refers to this slot; the durable one does. */
    void retire(long slot) {
        long index = index(slot);
        pages.clear(index);
        pending.set(index);
        dirty[SlotMap.chunk(index)] = true;
    }

    /** The overlay gave this slot up to the checkpoint, which drops it: it becomes free with the pending ones. */
    void retireOverlay(long slot) {
        long index = index(slot);
        overlay.clear(index);
        pending.set(index);
    }

    /** Everything pending is free. */
    void releasePending() {
        pending = new SlotMap(chunks);
    }

    boolean dirty(int chunk) {
        return dirty[chunk];
    }

    void clean(int chunk) {
        dirty[chunk] = false;
    }

    /** Slots of the page set within a chunk. */
    int pagesIn(int chunk) {
        return pages.count(chunk);
    }

    /** Writes the page set of a chunk as an allocation page: see {@link AllocationPage}. */
    void encode(int chunk, Mem mem, int page, long checkpointId) {
        AllocationPage.encode(mem, page, chunk, pages.words(chunk), checkpointId);
    }

    /** Takes over the page set of a chunk from an allocation page. */
    void decode(int chunk, Mem mem, int page) throws StoreException {
        long[] words = AllocationPage.decode(mem, page, chunk);
        long limit = Math.min(SlotMap.CHUNK_SLOTS, layout.slots() - (long) chunk * SlotMap.CHUNK_SLOTS);
        for (int i = 0; i < words.length; i++) {
            long beyond = limit - i * 64L;
            if (words[i] != 0 && beyond < 64 && (beyond <= 0 || words[i] >>> beyond != 0)) {
                throw new StoreException("allocation page " + chunk + " names slots beyond the end of the disk");
            }
        }
        pages.load(chunk, words);
    }

    private long index(long slot) {
        if (!layout.isSlot(slot)) {
            throw new IllegalStateException("block " + slot + " is no slot");
        }
        return slot - layout.firstSlot();
    }

    /** Index of the first slot of the run found, which {@link #runLength} is long, or -1. */
    private long find(int want) {
        long slots = layout.slots();
        if (free() == 0) {
            return -1;
        }
        if (cursor >= slots) {
            cursor = 0;
        }
        long best = -1;
        int bestLength = 0;
        long run = -1;
        int length = 0;
        long looked = 0;
        long position = cursor;
        for (long seen = 0; seen < slots + 64; ) {
            if (position >= slots) {
                position = 0;
                run = -1;
                length = 0;
            }
            int chunk = SlotMap.chunk(position);
            int inChunk = (int) (position % SlotMap.CHUNK_SLOTS);
            if (inChunk == 0 && used(chunk) == chunkSlots(chunk)) {
                position += chunkSlots(chunk);
                seen += chunkSlots(chunk);
                run = -1;
                length = 0;
                continue;
            }
            long word = usedWord(chunk, inChunk >> 6) >>> (inChunk & 63);
            int left = (int) Math.min(64 - (inChunk & 63), slots - position);
            int free = Math.min(left, Long.numberOfTrailingZeros(word));
            if (free > 0) {
                if (run < 0) {
                    run = position;
                    length = 0;
                }
                length = Math.min(want, length + free);
                if (length > bestLength) {
                    best = run;
                    bestLength = length;
                }
                if (length == want) {
                    break;
                }
            }
            int step = free;
            if (free < left) {
                step += Math.min(left - free, Long.numberOfTrailingZeros(~(word >>> free)));
                run = -1;
                length = 0;
            }
            position += step;
            seen += step;
            looked++;
            if (looked > SEARCH_WORDS && bestLength > 0) {
                break;
            }
        }
        runLength = bestLength;
        return best;
    }

    private long usedWord(int chunk, int word) {
        return word(pages, chunk, word) | word(overlay, chunk, word) | word(pending, chunk, word);
    }

    private static long word(SlotMap map, int chunk, int word) {
        long[] words = map.words(chunk);
        return words == null ? 0 : words[word];
    }

    private int used(int chunk) {
        return pages.count(chunk) + overlay.count(chunk) + pending.count(chunk);
    }

    private int chunkSlots(int chunk) {
        return (int) Math.min(SlotMap.CHUNK_SLOTS, layout.slots() - (long) chunk * SlotMap.CHUNK_SLOTS);
    }
}
