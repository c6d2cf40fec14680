package storage.cairn.engine.sim;

import java.util.Arrays;

/** Where each stamp was ever to be written: what a read gives that was written nowhere else is no foreign content. */
final class StampPlaces {
    /** Below these bits of a stamp is its place within the operation. */
    static final int SHIFT = 16;

    private static final int FIRST_PLACES = 64;

    /** First block and number of blocks, by the number of the stamp; 0 blocks: nowhere. */
    private int[] places = new int[FIRST_PLACES];

    void add(long firstStamp, long block, int count) {
        int place = 2 * Math.toIntExact(firstStamp >>> SHIFT);
        if (place >= places.length) {
            places = Arrays.copyOf(places, 2 * place);
        }
        places[place] = (int) block;
        places[place + 1] = count;
    }

    /** Whether this block was once to be written with that, or is empty. */
    boolean plausible(int block, long stamp) {
        if (stamp == 0) {
            return true;
        }
        long place = 2 * (stamp >>> SHIFT);
        if (place >= places.length) {
            return false;
        }
        int first = places[(int) place];
        int count = places[(int) place + 1];
        return block - first == (stamp & ((1 << SHIFT) - 1)) && block < first + count;
    }
}
