package storage.cairn.engine.sim;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.store.ReplicaStore;

/** A disk with a store on it, as a simulation opens, kills and opens it again. */
interface StoreUnderTest {
    DiskId id();

    /** Opens the store for {@code process}; the answer comes later, or never when the process dies before. */
    void open(SimProcess process, Opened opened);

    /** The process that has it open was killed. */
    void killed();

    /** The machine lost power. */
    void powerCut();

    /** A new, empty disk takes the place of this one. */
    void replace();

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
        public void powerCut() {
            disk.crash();
        }

        @Override
        public void replace() {
            disk.crash();
            disk.volumes().clear();
        }

        @Override
        public @Nullable String audit(ReplicaStore store) {
            return null;
        }
    }
}
