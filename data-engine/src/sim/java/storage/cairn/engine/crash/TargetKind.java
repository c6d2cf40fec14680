package storage.cairn.engine.crash;

import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;

/** The kinds of {@link CrashTarget} and how each is opened after a crash. */
enum TargetKind {
    /** Blocks at their places on the device, each flushed. */
    PLAIN,
    /** The same, acked before it is flushed. */
    CARELESS,
    /** A replica in an extent store. */
    STORE;

    /** Hears how opening ended, once, on the loop. */
    interface Opened {
        void opened(CrashTarget target);

        void failed(String reason);
    }

    static TargetKind of(String name) {
        for (TargetKind kind : values()) {
            if (kind.name().equalsIgnoreCase(name)) {
                return kind;
            }
        }
        throw new IllegalArgumentException("no target is called " + name);
    }

    /** Whether it promises nothing about writes of several blocks, nor about torn ones. */
    boolean singleBlocks() {
        return switch (this) {
            case PLAIN, CARELESS -> true;
            case STORE -> false;
        };
    }

    /**
     * Opens the target, on the loop.
     *
     * @param seed of everything that is left to chance
     * @param fresh whether the disk is new and is to be formatted
     */
    void open(BlockDevice device, Clock clock, BufferPool buffers, long seed, boolean fresh, Opened opened) {
        switch (this) {
            case PLAIN -> opened.opened(new PlainTarget(device, buffers, false));
            case CARELESS -> opened.opened(new PlainTarget(device, buffers, true));
            case STORE -> ReplicaTarget.open(device, clock, buffers, seed, fresh, opened);
        }
    }
}
