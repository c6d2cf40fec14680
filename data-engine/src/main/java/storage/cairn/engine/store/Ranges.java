package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.List;

/** A few ranges of blocks. */
final class Ranges {
    private record Range(long block, int count) {}

    private final List<Range> ranges = new ArrayList<>();

    int size() {
        return ranges.size();
    }

    void add(long block, int count) {
        ranges.add(new Range(block, count));
    }

    void remove(long block, int count) {
        ranges.remove(new Range(block, count));
    }

    void removeOldest() {
        ranges.removeFirst();
    }

    void clear() {
        ranges.clear();
    }

    boolean overlap(long block, int count) {
        for (int i = 0; i < ranges.size(); i++) {
            Range range = ranges.get(i);
            if (range.block < block + count && block < range.block + range.count) {
                return true;
            }
        }
        return false;
    }

    /** Takes out a range that covers this one; false when there is none. */
    boolean take(long block, int count) {
        for (int i = 0; i < ranges.size(); i++) {
            Range range = ranges.get(i);
            if (block >= range.block && block + count <= range.block + range.count) {
                ranges.remove(i);
                return true;
            }
        }
        return false;
    }
}
