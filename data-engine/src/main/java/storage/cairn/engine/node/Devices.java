package storage.cairn.engine.node;

import storage.cairn.engine.io.DiskFile;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.port.BlockDevice;

/** Makes the device through which a disk is read and written. */
interface Devices {
    /** A device for I/O on {@code loop}; it owns {@code file} from now on. */
    BlockDevice open(EngineLoop loop, DiskFile file);
}
