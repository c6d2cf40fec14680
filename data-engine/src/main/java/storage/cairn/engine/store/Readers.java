package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;

/** The lookups under way in the order they began, so that a slot is not reused while one may still read it. */
final class Readers {
    private static final long LEFT = 0;

    private @Nullable Lookup oldest;
    private @Nullable Lookup newest;
    private long entered;

    /** What a slot that has just been unmapped is stamped with. */
    long stamp() {
        return entered;
    }

    /** Whether all that had entered by then have left. */
    boolean gone(long stamp) {
        return oldest == null || oldest.ticket > stamp;
    }

    void enter(Lookup reader) {
        reader.ticket = ++entered;
        reader.older = newest;
        reader.newer = null;
        if (newest == null) {
            oldest = reader;
        } else {
            newest.newer = reader;
        }
        newest = reader;
    }

    /** It reads no more slots and no more pages; one that has left already changes nothing. */
    void leave(Lookup reader) {
        if (reader.ticket == LEFT) {
            return;
        }
        reader.ticket = LEFT;
        if (reader.older == null) {
            oldest = reader.newer;
        } else {
            reader.older.newer = reader.newer;
        }
        if (reader.newer == null) {
            newest = reader.older;
        } else {
            reader.newer.older = reader.older;
        }
        reader.older = null;
        reader.newer = null;
    }
}
