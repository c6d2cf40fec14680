package storage.cairn.engine.sim;

/** Makes the disk and store of a {@link StoreSim}. */
interface StoreTarget {
    StoreUnderTest make(SimClock clock, SimRandom random, Faults faults, Trace trace);

    /** The store in memory: proves the simulation itself. */
    StoreTarget IN_MEMORY = (clock, random, faults, trace) -> new StoreUnderTest.InMemory(
            new MemoryDisk(new storage.cairn.engine.port.DiskId(new java.util.UUID(1, 1)), 1 << 16, random, faults));
}
