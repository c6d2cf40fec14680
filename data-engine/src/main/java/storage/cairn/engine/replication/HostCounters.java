package storage.cairn.engine.replication;

/** What hosts have asked since the takeover. */
final class HostCounters {
    long reads;
    long readBytes;
    /** Of those, what came from replicas of other nodes. */
    long remoteReadBytes;

    long writes;
    long writeBytes;

    /** All of them together. */
    long operations() {
        return reads + writes;
    }
}
