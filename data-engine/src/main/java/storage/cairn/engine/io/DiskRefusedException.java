package storage.cairn.engine.io;

import java.io.IOException;
import java.nio.file.Path;

/** A file or device that cannot be used as a disk: which one, why, and what to do. */
public final class DiskRefusedException extends IOException {
    DiskRefusedException(Path path, String why) {
        super(path + ": " + why);
    }
}
