package storage.cairn.engine.replication;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Status;

/** A read or write of a host, from its arrival until the host was told and nothing of it is under way. */
abstract class HostOp extends RangeLock.Entry {
    private HostVolume.@Nullable Done host;
    private long hostTag;

    /** Whose operation it is. */
    @Nullable
    ClientVolume client;

    long startedNanos;
    /** Place in {@link HostQueue}'s list, -1 while it is in none. */
    int place = -1;

    final void from(HostVolume.Done done, long tag) {
        host = done;
        hostTag = tag;
    }

    /** Whether the host was told how it ended. */
    final boolean told() {
        return host == null;
    }

    /** Tells the host, once. */
    final void tell(Status status) {
        HostVolume.Done done = host;
        if (done != null) {
            host = null;
            done.done(hostTag, status);
        }
    }

    abstract int bytes();

    /** It was admitted: goes on by itself from here. */
    abstract void begin();

    /** The host was told of a failure: ends what has not taken effect yet. */
    abstract void withdraw();

    /** The owner stopped: gives back its memory. Nothing else of it matters any more. */
    abstract void discard();
}
