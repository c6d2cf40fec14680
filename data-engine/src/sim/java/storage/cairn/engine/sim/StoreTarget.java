package storage.cairn.engine.sim;

import java.util.UUID;
import storage.cairn.engine.port.DiskId;

/** Makes the disks and stores that a simulation runs on. */
interface StoreTarget {
    /**
     * @param number of the disk in its world, from 1
     * @param blocks size of the disk
     */
    StoreUnderTest make(SimClock clock, SimRandom random, Faults faults, Trace trace, int number, int blocks);

    /** The store in memory: proves the simulation itself, and is quick. */
    StoreTarget IN_MEMORY = (clock, random, faults, trace, number, blocks) ->
            new StoreUnderTest.InMemory(new MemoryDisk(diskId(number), blocks, random, faults));

    /** The real store, with a volatile cache below it in two of three worlds. */
    StoreTarget EXTENT = (clock, random, faults, trace, number, blocks) -> {
        SimRandom ofStore = random.fork();
        boolean volatileCache = random.below(3) > 0;
        SimDisk disk = new SimDisk(clock, random, faults, trace, number, blocks, volatileCache);
        return new ExtentStoreUnderTest(ofStore, disk, diskId(number));
    };

    static DiskId diskId(int number) {
        return new DiskId(new UUID(0x6361_6972_6e00_4000L, 0x8000_0000_0000_0000L | number));
    }
}
