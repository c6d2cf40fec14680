package storage.cairn.engine.store;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Status;

/** Answers that are due, told in their order once the store's state is settled and never inside the asking call. */
final class Completions {
    private Replica.@Nullable Done[] dones = new Replica.Done[256];
    private long[] tags = new long[256];
    private Status[] statuses = new Status[256];
    private int head;
    private int size;
    private boolean telling;

    Completions() {
        Arrays.fill(statuses, Status.OK);
    }

    void add(Replica.Done done, long tag, Status status) {
        if (size == dones.length) {
            grow();
        }
        int at = head + size++ & dones.length - 1;
        dones[at] = done;
        tags[at] = tag;
        statuses[at] = status;
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** Tells all that are due, those that become due meanwhile included. */
    void tell() {
        if (telling) {
            return;
        }
        telling = true;
        try {
            while (size > 0) {
                int at = head;
                Replica.Done done = dones[at];
                dones[at] = null;
                head = head + 1 & dones.length - 1;
                size--;
                if (done != null) {
                    done.done(tags[at], statuses[at]);
                }
            }
        } finally {
            telling = false;
        }
    }

    private void grow() {
        int length = dones.length;
        Replica.@Nullable Done[] moreDones = new Replica.Done[length * 2];
        long[] moreTags = new long[length * 2];
        Status[] moreStatuses = new Status[length * 2];
        Arrays.fill(moreStatuses, Status.OK);
        for (int i = 0; i < size; i++) {
            int at = head + i & length - 1;
            moreDones[i] = dones[at];
            moreTags[i] = tags[at];
            moreStatuses[i] = statuses[at];
        }
        dones = moreDones;
        tags = moreTags;
        statuses = moreStatuses;
        head = 0;
    }
}
