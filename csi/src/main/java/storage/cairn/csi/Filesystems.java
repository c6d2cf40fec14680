package storage.cairn.csi;

import io.grpc.Status;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.Map;

/** The programs of ext4, xfs and btrfs, and blkid. */
final class Filesystems {
    private static final int BLKID_NOTHING = 2;
    private static final int FSCK_REPAIRED = 1;
    /** Linux, btrfs_ioctl_resize: less is refused. */
    private static final long BTRFS_GROWN_BYTES = 256L << 20;

    private static final int EDGE_BYTES = 1 << 20;
    private static final long LONG_SECONDS = 600;

    private Filesystems() {}

    /** What blkid recognises on a device, by probing it and not by its cache: {@code TYPE}, {@code PTTYPE}, ... */
    static Map<String, String> probe(String device) {
        Commands.Result result = Commands.run("blkid", "--probe", "--output", "export", device);
        if (result.exitCode() == BLKID_NOTHING) {
            return Map.of();
        }
        if (!result.ok()) {
            throw CsiException.precondition(device + " holds what blkid cannot tell apart (exit code "
                    + result.exitCode() + "): " + result.output());
        }
        Map<String, String> found = new HashMap<>();
        for (String line : result.output().split("\n")) {
            int equals = line.indexOf('=');
            if (equals > 0) {
                found.put(line.substring(0, equals), line.substring(equals + 1));
            }
        }
        return Map.copyOf(found);
    }

    /** Whether the first and the last MiB are zeroes, as those of a new volume are; each block is read with its checksum. */
    static boolean isBlank(String device, long sizeBytes) {
        try (FileChannel channel = FileChannel.open(Path.of(device), StandardOpenOption.READ)) {
            return isBlank(channel, 0, sizeBytes) && isBlank(channel, Math.max(0, sizeBytes - EDGE_BYTES), sizeBytes);
        } catch (IOException e) {
            throw CsiException.unavailable(device + " cannot be read: " + e.getMessage(), e);
        }
    }

    private static boolean isBlank(FileChannel channel, long from, long sizeBytes) throws IOException {
        ByteBuffer edge = ByteBuffer.allocate((int) Math.min(EDGE_BYTES, sizeBytes - from));
        while (edge.hasRemaining()) {
            if (channel.read(edge, from + edge.position()) < 0) {
                throw new IOException("it ends after " + (from + edge.position()) + " bytes");
            }
        }
        edge.flip();
        while (edge.hasRemaining()) {
            if (edge.get() != 0) {
                return false;
            }
        }
        return true;
    }

    /** Without discards: a volume that is blank has nothing to discard. */
    static void make(String type, String device) {
        switch (type) {
            case "ext4" -> Commands.must(LONG_SECONDS, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", "nodiscard", device);
            case "xfs" -> Commands.must(LONG_SECONDS, "mkfs.xfs", "-q", "-f", "-K", device);
            case "btrfs" -> Commands.must(LONG_SECONDS, "mkfs.btrfs", "-q", "-f", "-K", device);
            default -> throw new IllegalArgumentException("filesystem " + type);
        }
    }

    /** Mends what can be mended without a decision. xfs and btrfs look after themselves when they are mounted. */
    static void check(String type, String device) {
        if (!type.equals("ext4")) {
            return;
        }
        Commands.Result result = Commands.run(LONG_SECONDS, "e2fsck", "-p", device);
        if (result.exitCode() > FSCK_REPAIRED) {
            throw CsiException.precondition("the ext4 filesystem on " + device
                    + " has errors that are not mended without a person's decision (e2fsck -p ended with "
                    + result.exitCode() + "): " + result.output()
                    + ". Use the volume as a block volume and run e2fsck there, or restore a backup");
        }
    }

    /** Lets a mounted filesystem have all of its device; does nothing if it has. */
    static void grow(String type, String device, Path mountPoint) {
        switch (type) {
            case "ext4" -> Commands.must(LONG_SECONDS, "resize2fs", device);
            case "xfs" -> Commands.must(LONG_SECONDS, "xfs_growfs", mountPoint.toString());
            case "btrfs" -> {
                if (deviceBytes(device) < BTRFS_GROWN_BYTES) {
                    throw new CsiException(
                            Status.Code.OUT_OF_RANGE,
                            "btrfs grows to 256 MiB at least: ask for a larger volume, or use ext4 for such a small one");
                }
                Commands.must(LONG_SECONDS, "btrfs", "filesystem", "resize", "max", mountPoint.toString());
            }
            default -> throw new IllegalArgumentException("filesystem " + type);
        }
    }

    static long deviceBytes(String device) {
        return Long.parseLong(Commands.must("blockdev", "--getsize64", device));
    }
}
