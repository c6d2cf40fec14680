package storage.cairn.replicamanager.failover;

/** What is held of a node. */
sealed interface Verdict {
    /** Nothing is to be done. */
    record Alive() implements Verdict {}

    /** It failed and lives again. */
    record Returned() implements Verdict {}

    /** It would be dead, if its Lease were read from the store itself and were unchanged. */
    record Unconfirmed() implements Verdict {}

    /** It seems to be dead, and nothing is done about it, for a reason. */
    record Held(Reason reason, String why) implements Verdict {}

    /** It is dead: force may be used. */
    record Dead(Cause cause, String why) implements Verdict {}

    /** Why nothing is done. */
    enum Reason {
        BRAKE,
        CUT_OFF,
        STILL_SERVING,
        OPTED_OUT,
        RATE
    }

    /** What died. */
    enum Cause {
        /** The machine: its pods do not run any more, or nobody can tell. */
        NODE,
        /** Only what serves its volumes: kubelet lives and ends its pods in order. */
        STORAGE
    }
}
