package storage.cairn.engine.crash;

import java.util.function.Consumer;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;

/** The kinds of {@link CrashTarget} and how each is opened after a crash. */
enum TargetKind {
    PLAIN,
    CARELESS;

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
        };
    }

    /**
     * Opens the target and hands it over, on the loop.
     *
     * @param seed of everything that is left to chance
     * @param fresh whether the disk is new and is to be formatted
     */
    void open(
            BlockDevice device,
            Clock clock,
            BufferPool buffers,
            long seed,
            boolean fresh,
            Consumer<CrashTarget> opened) {
        switch (this) {
            case PLAIN -> opened.accept(new PlainTarget(device, buffers, false));
            case CARELESS -> opened.accept(new PlainTarget(device, buffers, true));
        }
    }
}
