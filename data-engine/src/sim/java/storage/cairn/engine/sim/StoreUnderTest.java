package storage.cairn.engine.sim;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.ReplicaStore;

/** A disk with a store on it, as a simulation opens, kills and opens it again. */
interface StoreUnderTest {
    DiskId id();

    /** Opens the store for {@code process}; the answer comes later, or never when the process dies before. */
    void open(SimProcess process, Opened opened);

    /** The process that has it open was killed. */
    void killed();

    /** Whether a superblock copy is being written: the moment at which a crash has most to break. */
    boolean fragile();

    /** The machine lost power. */
    void powerCut();

    /** From now on the medium loses and misdirects nothing, unless that is told, and does not rot by itself. */
    void keepMediumHonest();

    /** Whether writes may be lost or misdirected from now on. */
    void losesWrites(boolean loses);

    /** A new, empty disk takes the place of this one. */
    void replace();

    /** Whether {@link #peek} tells anything. */
    boolean canPeek();

    /** What the disk durably holds of a block, as its process would find it; null when that cannot be told from here. */
    byte @Nullable [] peek(VolumeId volume, long block);

    /** As {@link #peek}, or null now and then where that is dear: what would be left if power were lost now. */
    byte @Nullable [] sample(VolumeId volume, long block);

    /** Blocks that its replica of a volume has; -1 when that cannot be told from here. */
    long blocks(VolumeId volume);

    /** A mapped block of the volume goes bad on the medium, if this disk has such a way. */
    void rot(VolumeId volume, long block);

    /** What is wrong with the books of the open and idle store, or null: slot accounting, slots mapped twice. */
    @Nullable
    String audit(ReplicaStore store);

    /** Told how an attempt to open ended. */
    interface Opened {
        /**
         * @param store the open store, or null
         * @param problem why it could not be opened
         */
        void opened(@Nullable ReplicaStore store, String problem);
    }

    /** The store in memory, which does nothing wrong. */
    record InMemory(MemoryDisk disk) implements StoreUnderTest {
        private static final byte[] ZEROES = new byte[BlockDevice.BLOCK_BYTES];

        @Override
        public DiskId id() {
            return disk.id();
        }

        @Override
        public void open(SimProcess process, Opened opened) {
            process.after(1_000_000, () -> opened.opened(disk.open(process), ""));
        }

        @Override
        public void killed() {
            disk.crash();
        }

        @Override
        public boolean fragile() {
            return false;
        }

        @Override
        public void powerCut() {
            disk.crash();
        }

        @Override
        public void keepMediumHonest() {
            // It never does anything else.
        }

        @Override
        public void losesWrites(boolean loses) {
            disk.losesWrites(loses);
        }

        @Override
        public void replace() {
            disk.crash();
            disk.volumes().clear();
        }

        @Override
        public boolean canPeek() {
            return true;
        }

        @Override
        public byte @Nullable [] peek(VolumeId volume, long block) {
            MemoryVolume held = disk.volumes().get(volume);
            MemoryVolume.Cell cell = held == null ? null : held.cell(block);
            byte[] bytes = cell == null ? null : cell.bytes();
            return bytes == null ? ZEROES : bytes;
        }

        @Override
        public byte @Nullable [] sample(VolumeId volume, long block) {
            return peek(volume, block);
        }

        @Override
        public long blocks(VolumeId volume) {
            MemoryVolume held = disk.volumes().get(volume);
            return held == null ? -1 : held.blocks();
        }

        @Override
        public void rot(VolumeId volume, long block) {
            disk.rot(volume, block);
        }

        @Override
        public @Nullable String audit(ReplicaStore store) {
            return null;
        }
    }
}
