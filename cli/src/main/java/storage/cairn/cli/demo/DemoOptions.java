package storage.cairn.cli.demo;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a demo is to do.
 *
 * @param nodes engines to start, 1 to 16
 * @param sizeBytes of the volume
 * @param diskBytes of each engine's disk
 * @param seconds of load before each fault
 * @param faults whether processes are killed
 * @param keep whether the cluster stays at the end
 * @param baseDir folder in which the demo makes its own; null: the first suitable one
 * @param ioMode {@code auto}, {@code io_uring} or {@code pool}
 */
public record DemoOptions(
        int nodes,
        long sizeBytes,
        long diskBytes,
        int seconds,
        boolean faults,
        boolean keep,
        @Nullable Path baseDir,
        String ioMode) {}
