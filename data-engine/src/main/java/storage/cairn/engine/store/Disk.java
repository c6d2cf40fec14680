package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Clock;

/** What all parts of one store share: the device, the loop, the layout, and whether the disk has failed. */
final class Disk {
    /** Reads of a page before it counts as lost: what is lost costs a resync or the disk. */
    static final int PAGE_ATTEMPTS = 4;

    final BlockDevice device;
    final Clock clock;
    final Layout layout;
    final StoreMetrics metrics = new StoreMetrics();

    private @Nullable String failure;
    private @Nullable Runnable onFailure;

    Disk(BlockDevice device, Clock clock, Layout layout) {
        this.device = device;
        this.clock = clock;
        this.layout = layout;
    }

    void onFailure(Runnable task) {
        onFailure = task;
    }

    boolean failed() {
        return failure != null;
    }

    @Nullable
    String failure() {
        return failure;
    }

    /** The disk takes part in nothing from now on. The first reason stays. */
    void fail(String reason) {
        if (failure == null) {
            failure = reason;
            if (onFailure != null) {
                onFailure.run();
            }
        }
    }
}
