package storage.cairn.campaign;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.client.nbd.NbdCommand;
import storage.cairn.engine.sim.History;
import storage.cairn.engine.sim.Stamps;

/** One request of a {@link Writer}: what it asks for, and what its answer means for the volume's history. */
final class Request {
    static final int BLOCK_BYTES = Stamps.SECTORS * Stamps.SECTOR_BYTES;

    final NbdCommand.Type type;
    /** In sectors. */
    final int sector;

    final int sectors;
    final boolean small;
    final @Nullable ByteBuffer data;
    final List<History.Pending> changes = new ArrayList<>();
    long calledNanos;

    /**
     * @param small whether its registers are sectors, else blocks
     */
    Request(NbdCommand.Type type, int sector, int sectors, boolean small) {
        this.type = type;
        this.sector = sector;
        this.sectors = sectors;
        this.small = small;
        boolean transfers = type == NbdCommand.Type.READ || type == NbdCommand.Type.WRITE;
        this.data = transfers ? ByteBuffer.allocate(sectors * Stamps.SECTOR_BYTES) : null;
    }

    boolean changes() {
        return type != NbdCommand.Type.READ && type != NbdCommand.Type.FLUSH;
    }

    int firstBlock() {
        return sector / Stamps.SECTORS;
    }

    int endBlock() {
        return (sector + sectors + Stamps.SECTORS - 1) / Stamps.SECTORS;
    }

    /** Enters what it changes; values count up from {@code firstValue}, or are 0 when it zeroes. */
    void enter(History history, long firstValue, long nowNanos) {
        calledNanos = nowNanos;
        int step = small ? 1 : Stamps.SECTORS;
        for (int i = 0; i < sectors; i += step) {
            long value = type == NbdCommand.Type.WRITE ? firstValue + i / step : 0;
            changes.add(history.writing((long) sector + i, value, nowNanos));
            ByteBuffer bytes = data;
            if (bytes != null) {
                for (int part = 0; part < step; part++) {
                    Stamps.putSector(bytes, (i + part) * Stamps.SECTOR_BYTES, value);
                }
            }
        }
    }

    int values() {
        return small ? sectors : sectors / Stamps.SECTORS;
    }

    void done(History history, long nowNanos) {
        changes.forEach(change -> history.written(change, nowNanos));
        if (type == NbdCommand.Type.READ) {
            read(history, nowNanos);
        }
    }

    private void read(History history, long nowNanos) {
        int step = small ? 1 : Stamps.SECTORS;
        for (int i = 0; i < sectors; i += step) {
            history.read((long) sector + i, value(i, step), calledNanos, nowNanos);
        }
    }

    /** What the register of {@code step} sectors at sector {@code i} of this request was read as. */
    long value(int i, int step) {
        ByteBuffer bytes = data;
        if (bytes == null) {
            throw new IllegalStateException(type + " has no data");
        }
        long value = Stamps.getSector(bytes, i * Stamps.SECTOR_BYTES);
        for (int part = 1; part < step; part++) {
            if (Stamps.getSector(bytes, (i + part) * Stamps.SECTOR_BYTES) != value) {
                return Stamps.GARBAGE;
            }
        }
        return value;
    }

    NbdCommand into(NbdCommand command) {
        long offset = (long) sector * Stamps.SECTOR_BYTES;
        ByteBuffer bytes = data;
        return bytes != null
                ? command.transfer(type, offset, bytes)
                : command.range(type, type == NbdCommand.Type.FLUSH ? 0 : offset, sectors * Stamps.SECTOR_BYTES);
    }

    @Override
    public String toString() {
        return type + " of " + sectors + " sectors at " + sector;
    }
}
