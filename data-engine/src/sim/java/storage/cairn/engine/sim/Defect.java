package storage.cairn.engine.sim;

/**
 * Ways in which a part of the simulated world can be built wrong, one for each rule that the checkers must be able to
 * see broken. Reachable from the simulator's tests only.
 */
enum Defect {
    /** Everything is built right. */
    NONE,
    /** A disk completes writes before they are there. */
    EARLY_COMPLETION,
    /** A disk answers flushes and does nothing. */
    LYING_FLUSH,
    /** A store completes writes before they are durable. */
    EARLY_ACK,
    /** A store completes some writes that it drops. */
    DROPPED_WRITE,
    /** A store completes some writes that it puts one block further on. */
    MISDIRECTED_WRITE,
    /** A store that comes back has forgotten the newest entry of its tail. */
    FORGOTTEN_TAIL,
    /** A store goes on with the epoch before the one it had made durable. */
    FORGOTTEN_EPOCH,
    /** A store takes operations of epochs that are over. */
    STALE_EPOCH_TAKEN,
    /** A store applies a resend over what came later. */
    RESEND_OVERWRITES,
    /** A write that is cut off is there in part. */
    TORN_WRITE,
    /** A discard leaves its extent's maxWseq as it was. */
    DISCARD_NOT_COUNTED,
    /** Bytes that went bad are read as if they were good. */
    UNVERIFIED_READ,
    /** The configuration store applies changes on top of values that their author has not seen. */
    BLIND_SET,
    /** The configuration store refuses some changes, and makes them all the same a little later. */
    LATE_ACCEPT,
    /** The configuration store gives old values. */
    STALE_READ,
    /** A clock stands still while its process does. */
    FROZEN_CLOCK,
    /** Nobody hears on which disks a volume is wanted. */
    UNHEARD_WISH,
    /** A restarted machine's disk claims to have been cleanly closed. */
    FALSELY_CLEAN
}
