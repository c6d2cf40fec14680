package storage.cairn.engine.io;

/** A disk whose operations are done by threads that block in pread, pwrite and fdatasync. */
final class PooledDevice extends QueuedDevice {
    PooledDevice(DiskFile disk, LoopClock clock, FatalHandler fatal, BlockingIo blocking) {
        super(disk, clock, fatal, blocking);
    }

    @Override
    void begin(Request request) {
        beginBlocking(request);
    }

    @Override
    void closing() {
        // The threads belong to the engine loop.
    }
}
