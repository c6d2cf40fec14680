package storage.cairn.engine.sim;

import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;

/** A volume of a {@link World}, as its users know it. */
final class SimVolume {
    final String name;
    final History history;
    /** Incarnation of the last owner by the configuration store's word that acked a write; null: none yet. */
    @Nullable
    UUID ackedBy;

    private final int blocks;
    private @Nullable Configuration known;

    SimVolume(String name, int blocks) {
        this.name = name;
        this.blocks = blocks;
        this.history = new History(name);
    }

    int blocks() {
        return blocks;
    }

    long sizeBytes() {
        return (long) blocks * BlockDevice.BLOCK_BYTES;
    }

    void served(Configuration configuration) {
        known = configuration;
    }

    boolean isServed() {
        return known != null && known.attachId() != null;
    }

    Configuration known() {
        return Objects.requireNonNull(known);
    }

    String export() {
        return name + "/" + known().attachId();
    }
}
