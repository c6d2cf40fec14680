package storage.cairn.engine.nbd;

import org.jspecify.annotations.Nullable;

/** The commands that one connection has under way: a bounded pool, so that a steady load allocates none. */
final class NbdRequests {
    static final int MAX = 256;

    private final @Nullable NbdRequest[] all = new NbdRequest[MAX];
    private final int[] free = new int[MAX];
    private int freeCount = MAX;

    NbdRequests() {
        for (int i = 0; i < MAX; i++) {
            free[i] = MAX - 1 - i;
        }
    }

    boolean hasFree() {
        return freeCount > 0;
    }

    NbdRequest take() {
        int slot = free[--freeCount];
        NbdRequest request = all[slot];
        if (request == null) {
            request = new NbdRequest(slot);
            all[slot] = request;
        }
        return request;
    }

    /** The one that an operation with this tag was started for; null when there never was one. */
    @Nullable
    NbdRequest of(long tag) {
        return all[(int) (tag & 0xffff)];
    }

    void release(NbdRequest request) {
        free[freeCount++] = request.slot;
    }
}
