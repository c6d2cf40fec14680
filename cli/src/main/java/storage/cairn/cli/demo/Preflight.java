package storage.cairn.cli.demo;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Sizes;

/** Looks, before anything is started, whether this machine has what the demo needs, and says what is missing. */
final class Preflight {
    /** What an engine takes: its heap, its buffers and its JVM. */
    private static final long ENGINE_BYTES = 500L << 20;

    private static final long CLIENT_BYTES = 300L << 20;
    /** Logs, the configuration store and what a filesystem takes for itself. */
    private static final long SLACK_BYTES = 128L << 20;

    private static final Map<String, String> PECULIAR = Map.of(
            "tmpfs", "is memory: what is durable here is gone with the machine",
            "ramfs", "is memory: what is durable here is gone with the machine",
            "overlay", "is a container's writable layer: its speed is not that of the disk below",
            "btrfs", "copies on write: the engine switches that off for its disk file, or refuses it",
            "zfs", "copies on write, which the engine refuses or pays for with every write",
            "nfs", "is a network filesystem: what is durable is up to its server",
            "nfs4", "is a network filesystem: what is durable is up to its server",
            "fuseblk", "is a filesystem in user space: what is durable is up to it",
            "9p", "is a shared folder of a host: what is durable is up to it");

    private final Screen screen;
    private final DemoOptions options;

    Preflight(Screen screen, DemoOptions options) {
        this.screen = screen;
        this.options = options;
    }

    /** Checks everything, and makes the folder of this demo. */
    Path check(DemoFolder made) {
        system();
        memory();
        Path base = options.baseDir() == null ? suitable() : made.base(options.baseDir());
        space(base, true);
        Path folder = made.make(base);
        filesystem(folder);
        return folder;
    }

    private void system() {
        String system = System.getProperty("os.name");
        String processor = System.getProperty("os.arch");
        if (!system.equals("Linux")) {
            throw new Failure(ExitCode.FAILED, "Cairn's engines run on Linux, this is " + system);
        }
        if (!processor.equals("amd64") && !processor.equals("aarch64")) {
            throw new Failure(ExitCode.FAILED, "Cairn's engines run on x86_64 and aarch64, this is " + processor);
        }
        if (Stream.of("/usr/bin/setsid", "/bin/setsid").noneMatch(tool -> Files.isExecutable(Path.of(tool)))) {
            throw new Failure(ExitCode.FAILED, "The program setsid is missing: install the package util-linux");
        }
        int cores = Runtime.getRuntime().availableProcessors();
        screen.ok("Linux " + System.getProperty("os.version") + " on " + processor + " with " + cores
                + (cores == 1 ? " core" : " cores") + ", JDK " + Runtime.version());
    }

    private void memory() {
        long needed = options.nodes() * ENGINE_BYTES + CLIENT_BYTES;
        long available = availableBytes();
        if (available < needed) {
            throw new Failure(
                    ExitCode.FAILED,
                    options.nodes() + " engines and the load need about " + Sizes.format(needed) + " of memory, and "
                            + Sizes.format(available) + " are available: end something, or use fewer --nodes");
        }
        screen.ok("Memory: " + Sizes.format(available) + " available, at most " + Sizes.format(needed) + " needed");
    }

    private static long availableBytes() {
        long bytes = Long.MAX_VALUE;
        try {
            for (String line : Files.readAllLines(Path.of("/proc/meminfo"))) {
                if (line.startsWith("MemAvailable:")) {
                    bytes = Long.parseLong(line.replaceAll("\\D", "")) << 10;
                }
            }
            Path limit = Path.of("/sys/fs/cgroup/memory.max");
            Path used = Path.of("/sys/fs/cgroup/memory.current");
            if (Files.exists(limit) && Files.exists(used)) {
                String max = Files.readString(limit).strip();
                if (!max.equals("max")) {
                    long left = Long.parseLong(max)
                            - Long.parseLong(Files.readString(used).strip());
                    bytes = Math.min(bytes, Math.max(0, left));
                }
            }
        } catch (IOException e) {
            throw new Failure(ExitCode.FAILED, "The memory of this machine cannot be read: " + e.getMessage(), e);
        }
        return bytes;
    }

    /** The first usual folder for lasting files that has the space and is on a disk, else the first with space. */
    private Path suitable() {
        List<Path> candidates = new ArrayList<>();
        candidates.add(Path.of("/var/tmp"));
        candidates.add(Path.of(System.getProperty("user.home"), ".cache"));
        candidates.add(Path.of(System.getProperty("java.io.tmpdir")));
        List<Path> roomy = candidates.stream()
                .filter(Files::isDirectory)
                .filter(Files::isWritable)
                .filter(folder -> space(folder, false))
                .toList();
        if (roomy.isEmpty()) {
            throw new Failure(
                    ExitCode.FAILED,
                    "None of " + candidates + " is writable and has " + Sizes.format(neededBytes())
                            + " left: name a folder by --data-dir, or a smaller --disk-size and --size");
        }
        return roomy.stream()
                .filter(folder -> !PECULIAR.containsKey(type(folder)))
                .findFirst()
                .orElse(roomy.getFirst());
    }

    private long neededBytes() {
        return options.nodes() * options.diskBytes() + SLACK_BYTES;
    }

    private boolean space(Path base, boolean mustHave) {
        try {
            FileStore store = Files.getFileStore(base);
            long usable = store.getUsableSpace();
            boolean enough = usable >= neededBytes();
            if (mustHave && !enough) {
                throw new Failure(
                        ExitCode.FAILED,
                        base + " has " + Sizes.format(usable) + " left, and " + Sizes.format(neededBytes())
                                + " are needed: name another --data-dir, or a smaller --disk-size and --size");
            }
            if (mustHave) {
                screen.ok("Space: " + Sizes.format(usable) + " left in " + base + ", " + Sizes.format(neededBytes())
                        + " needed");
            }
            return enough;
        } catch (IOException e) {
            throw new Failure(ExitCode.FAILED, "The space in " + base + " cannot be read: " + e.getMessage(), e);
        }
    }

    private void filesystem(Path folder) {
        String type = type(folder);
        if (PECULIAR.containsKey(type)) {
            screen.note("The filesystem, " + type + ", " + PECULIAR.get(type));
        } else {
            screen.ok("Filesystem: " + type);
        }
    }

    private static String type(Path folder) {
        try {
            return Files.getFileStore(folder).type();
        } catch (IOException e) {
            throw new Failure(ExitCode.FAILED, "The filesystem of " + folder + " cannot be read: " + e.getMessage(), e);
        }
    }
}
