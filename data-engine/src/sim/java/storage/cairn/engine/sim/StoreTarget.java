package storage.cairn.engine.sim;

import java.util.UUID;
import storage.cairn.engine.port.DiskId;

/** The disks and stores that a simulation runs on. */
enum StoreTarget {
    /** The store in memory: proves the simulation itself, and is quick. */
    IN_MEMORY(1 << 10) {
        @Override
        StoreUnderTest make(SimClock clock, SimRandom random, Faults faults, Trace trace, int number, int blocks) {
            return new StoreUnderTest.InMemory(new MemoryDisk(diskId(number), blocks, random, faults));
        }
    },

    /** The real store, with a volatile cache below it in two of three worlds. */
    EXTENT(1 << 13) {
        @Override
        StoreUnderTest make(SimClock clock, SimRandom random, Faults faults, Trace trace, int number, int blocks) {
            SimRandom ofStore = random.fork();
            boolean volatileCache = random.below(3) > 0;
            SimDisk disk = new SimDisk(clock, random, faults, trace, number, blocks, volatileCache);
            return new ExtentStoreUnderTest(ofStore, disk, diskId(number));
        }
    };

    private final int smallestBlocks;

    StoreTarget(int smallestBlocks) {
        this.smallestBlocks = smallestBlocks;
    }

    /** The smallest disk that makes sense for it. */
    int smallestBlocks() {
        return smallestBlocks;
    }

    /**
     * @param number of the disk in its world, from 1
     * @param blocks size of the disk
     */
    abstract StoreUnderTest make(SimClock clock, SimRandom random, Faults faults, Trace trace, int number, int blocks);

    /** As it is written on a command line. */
    String label() {
        return this == IN_MEMORY ? "memory" : "extent";
    }

    static DiskId diskId(int number) {
        return new DiskId(new UUID(0x6361_6972_6e00_4000L, 0x8000_0000_0000_0000L | number));
    }
}
