package storage.cairn.engine.posix;

/**
 * What the kernel knows of an open file.
 *
 * @param kind what it is
 * @param sizeBytes the length of a regular file; 0 for a device
 * @param allocatedBytes what it takes up on its filesystem
 * @param deviceMajor of a device: its own number; of a file: the number of the device below its filesystem (major 0
 *     when the filesystem has no single one)
 */
public record FileStatus(Kind kind, long sizeBytes, long allocatedBytes, int deviceMajor, int deviceMinor) {
    /** What an open file is. */
    public enum Kind {
        REGULAR,
        BLOCK_DEVICE,
        OTHER
    }
}
