package storage.cairn.engine.port;

import java.util.List;

/**
 * Where the memberships of volumes are decided: one compare-and-set register for each volume.
 *
 * <p>All calls are asynchronous; answers come on the loop of the caller, never inside the call. Reads are
 * linearizable (a quorum read, never a cache).
 */
public interface ConfigStore {
    /** The current value. */
    void get(VolumeId volume, Answer<Read> answer);

    /**
     * Replaces the value if its version is still {@code expected}. {@link Versioned#NONE} as {@code expected}
     * creates it, and fails with a conflict if the volume, or another volume of that name, exists.
     */
    void compareAndSet(VolumeId volume, long expected, Configuration value, Answer<Written> answer);

    /** Every volume, tombstones included. For start and for people: not for each I/O, not for each second. */
    void list(Answer<Listed> answer);

    /** Calls {@code changed} on the loop soon after a value changed, perhaps more often. A hint: read to know. */
    Watch watch(Changed changed);

    /**
     * @param version of the register, opaque but for equality
     */
    record Versioned(long version, Configuration value) {
        /** The version of a volume that is not there. */
        public static final long NONE = 0;
    }

    /** What a read told. */
    sealed interface Read {
        record Found(Versioned current) implements Read {}

        record Absent() implements Read {}

        /** The store did not answer: nothing is known. */
        record Unavailable(String reason) implements Read {}
    }

    /** What became of a compare-and-set. */
    sealed interface Written {
        record Applied(long version) implements Written {}

        /** Not applied, and never will be: another value is there. Read it. This alone fences nobody. */
        record Conflict() implements Written {}

        /**
         * It may have been applied, may be applied later, or never. Only reading it applied (by its changeId) or a
         * later successful compare-and-set settles it.
         */
        record Unknown(String reason) implements Written {}

        /** Refused before anything was sent; certainly not applied. */
        record Refused(String reason) implements Written {}
    }

    sealed interface Listed {
        record All(List<Versioned> volumes) implements Listed {}

        record Unavailable(String reason) implements Listed {}
    }

    interface Answer<T> {
        void accept(T outcome);
    }

    interface Changed {
        void changed(VolumeId volume);
    }

    interface Watch {
        void stop();
    }
}
