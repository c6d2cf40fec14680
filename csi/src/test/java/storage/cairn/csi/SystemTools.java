package storage.cairn.csi;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/** What tests of the driver need of the machine; without it they are skipped, and say so. */
final class SystemTools {
    private SystemTools() {}

    /** The conformance suite, which {@code e2e/cluster build --api-server} builds of its Go module. */
    static Path sanity() {
        String home = System.getenv("CAIRN_E2E_DIR");
        Path binaries = (home == null ? Path.of(System.getProperty("user.home"), ".cache", "cairn-e2e") : Path.of(home))
                .resolve("bin");
        Path sanity = binaries.resolve("csi-sanity");
        assumeTrue(
                Files.isExecutable(sanity),
                "skipped: no csi-sanity in " + binaries + ": run 'e2e/cluster build --api-server'");
        return sanity;
    }

    static void requireAttach() throws IOException {
        assumeTrue(Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")), "needs root");
        assumeTrue(Files.exists(Path.of("/dev/fuse")), "needs /dev/fuse");
        assumeTrue(Files.exists(Path.of("/dev/loop-control")), "needs /dev/loop-control");
        for (String tool : List.of("nbdfuse", "losetup", "mkfs.ext4", "e2fsck", "resize2fs", "blkid", "mount")) {
            assumeTrue(Commands.run("which", tool).ok(), "needs " + tool);
        }
    }

    static void requireGrowing(String type) throws IOException {
        boolean known =
                Files.readString(Path.of("/proc/filesystems")).lines().anyMatch(line -> line.endsWith("\t" + type));
        assumeTrue(known, "skipped: this kernel has no " + type);
        assumeTrue(Commands.run("which", "mkfs." + type).ok(), "skipped: no mkfs." + type + " on this machine");
        assumeTrue(
                !type.equals("ext4") || mayGrowMounted(),
                "skipped: a mounted ext4 is grown with CAP_SYS_RESOURCE, which this process lacks");
    }

    /** Whether ext4 may be grown while it is mounted: capability 24, CAP_SYS_RESOURCE. */
    private static boolean mayGrowMounted() throws IOException {
        String capabilities = Files.readString(Path.of("/proc/self/status"))
                .lines()
                .filter(line -> line.startsWith("CapEff:"))
                .findFirst()
                .orElseThrow();
        return (Long.parseUnsignedLong(
                                        capabilities
                                                .substring("CapEff:".length())
                                                .strip(),
                                        16)
                                >> 24
                        & 1)
                == 1;
    }

    /** Copies what processes said to the folder that CAIRN_TEST_LOGS names, if it does. */
    static void keepLogs(Path folder) throws IOException {
        String kept = System.getenv("CAIRN_TEST_LOGS");
        if (kept == null) {
            return;
        }
        Files.createDirectories(Path.of(kept));
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file :
                    files.filter(each -> each.toString().endsWith(".out")).toList()) {
                Files.copy(file, Path.of(kept).resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    /** Loop devices whose file is in a folder: what a test left behind. */
    static List<String> loopDevicesBelow(Path folder) {
        return Commands.must("losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE")
                .lines()
                .filter(line -> line.contains(folder.toString()))
                .toList();
    }
}
