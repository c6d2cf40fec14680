package storage.cairn.engine.store;

import java.util.Arrays;

/**
 * Overlay slots that nothing maps any more, until the record that unmapped them is stable, no checkpoint is being made
 * that leaves it to a replay, and no reader is left (invariant I19). First in, first out.
 */
final class Quarantine {
    private final SlotAllocator allocator;
    private final Readers readers;
    private long[] slots = new long[256];
    private long[] blockSeqs = new long[256];
    private long[] stamps = new long[256];
    private int head;
    private int size;
    private long lastBlockSeq;

    Quarantine(SlotAllocator allocator, Readers readers) {
        this.allocator = allocator;
        this.readers = readers;
    }

    int size() {
        return size;
    }

    /** @param blockSeq journal block of the record that unmapped the slot */
    void add(long slot, long blockSeq) {
        if (size == slots.length) {
            grow();
        }
        lastBlockSeq = Math.max(lastBlockSeq, blockSeq);
        int at = head + size++ & slots.length - 1;
        slots[at] = slot;
        blockSeqs[at] = lastBlockSeq;
        stamps[at] = readers.stamp();
    }

    /** @param through last journal block whose records may set slots free: see {@link Checkpoint#outOfUseThrough} */
    void release(long through) {
        while (size > 0 && blockSeqs[head] <= through && readers.gone(stamps[head])) {
            allocator.releaseOverlay(slots[head]);
            head = head + 1 & slots.length - 1;
            size--;
        }
    }

    private void grow() {
        int length = slots.length;
        slots = grown(slots, head, length);
        blockSeqs = grown(blockSeqs, head, length);
        stamps = grown(stamps, head, length);
        head = 0;
    }

    private static long[] grown(long[] ring, int head, int length) {
        long[] more = Arrays.copyOfRange(ring, head, head + length * 2);
        System.arraycopy(ring, 0, more, length - head, head);
        return more;
    }
}
