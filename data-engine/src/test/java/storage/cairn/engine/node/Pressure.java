package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether this machine held processes up since a moment, by what the kernel counts in /proc/pressure. */
final class Pressure {
    private static final double BUSY_SHARE = 0.2;

    private final long startNanos = System.nanoTime();
    private final long startMicros = stalledMicros();

    /** Whether some process waited for a processor, or all for a drive, a fifth of the time or more. */
    boolean isBusy() {
        return (stalledMicros() - startMicros) * 1_000.0 > BUSY_SHARE * (System.nanoTime() - startNanos);
    }

    private static long stalledMicros() {
        return total("cpu", "some") + total("io", "full");
    }

    /** 0 where the kernel does not count it. */
    private static long total(String resource, String kind) {
        try {
            return Files.readAllLines(Path.of("/proc/pressure", resource)).stream()
                    .filter(line -> line.startsWith(kind))
                    .mapToLong(line -> Long.parseLong(line.substring(line.lastIndexOf('=') + 1)))
                    .sum();
        } catch (IOException notCounted) {
            return 0;
        }
    }
}
