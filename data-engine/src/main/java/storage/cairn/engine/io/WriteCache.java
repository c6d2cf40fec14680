package storage.cairn.engine.io;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Asks sysfs whether a device keeps completed writes in a cache that a power cut empties. */
final class WriteCache {
    private final Path sysDevBlock;

    WriteCache() {
        this(Path.of("/sys/dev/block"));
    }

    WriteCache(Path sysDevBlock) {
        this.sysDevBlock = sysDevBlock;
    }

    /** True unless the kernel says that the device has none. */
    boolean isVolatile(int major, int minor) {
        if (major == 0) {
            return true;
        }
        try {
            Path device = sysDevBlock.resolve(major + ":" + minor).toRealPath();
            if (Files.exists(device.resolve("partition"))) {
                device = device.resolveSibling(".").normalize();
            }
            String cache = Files.readString(device.resolve("queue/write_cache"), StandardCharsets.US_ASCII);
            return !cache.strip().equals("write through");
        } catch (IOException e) {
            // The kernel does not tell: then it may be volatile, which is always right and only slower.
            return true;
        }
    }
}
