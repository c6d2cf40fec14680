package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Predicate;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.DiskFile;
import storage.cairn.engine.io.Disks;
import storage.cairn.engine.io.ForeignData;
import storage.cairn.engine.kube.NodeResources.FileDisk;
import storage.cairn.engine.kube.NodeResources.Selection;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Log.Level;
import storage.cairn.engine.store.Label;

/**
 * Looks at the disks of this node that a selection names, and changes nothing on them. A disk without a label gets the
 * identity that its label will have: made of the cluster, the node and its serial number, or its path.
 */
final class DiskDiscovery {
    private static final int MAX_FOUND = 256;

    private final UUID cluster;
    private final String nodeName;
    private final Path sysBlock;

    /**
     * @param sysBlock /sys/class/block
     */
    DiskDiscovery(UUID cluster, String nodeName, Path sysBlock) {
        this.cluster = cluster;
        this.nodeName = nodeName;
        this.sysBlock = sysBlock;
    }

    /**
     * A disk that was found.
     *
     * @param ours whether it has a label of this cluster
     * @param problem why it cannot be taken, empty when it can
     */
    record Found(
            UUID id,
            String path,
            long bytes,
            long makeBytes,
            String media,
            String model,
            String serial,
            boolean ours,
            String problem) {}

    /**
     * Looks at each disk that is not in use by this engine. One that has several names is looked at once.
     *
     * @param inUse whether a path is served here
     */
    List<Found> look(Selection selection, Predicate<String> inUse) {
        List<Found> found = new ArrayList<>();
        for (List<Path> names : byDevice(paths(selection))) {
            if (found.size() < MAX_FOUND && names.stream().noneMatch(path -> inUse.test(path.toString()))) {
                Found each = device(names.getFirst(), selection);
                if (each != null) {
                    found.add(each);
                }
            }
        }
        for (FileDisk file : selection.files()) {
            if (!inUse.test(file.path())) {
                found.add(file(file));
            }
        }
        return found;
    }

    /** Links to one device, as in /dev/disk/by-id, beside each other. */
    private static List<List<Path>> byDevice(TreeSet<Path> paths) {
        Map<Path, List<Path>> names = new TreeMap<>();
        for (Path path : paths) {
            Path device;
            try {
                device = path.toRealPath();
            } catch (IOException e) {
                EngineLog.event(Level.DEBUG, "DeviceGone", path + ": " + e);
                continue;
            }
            names.computeIfAbsent(device, _ -> new ArrayList<>()).add(path);
        }
        return List.copyOf(names.values());
    }

    private static TreeSet<Path> paths(Selection selection) {
        TreeSet<Path> paths = new TreeSet<>();
        for (String pattern : selection.devices()) {
            try (DirectoryStream<Path> matching = matching(pattern)) {
                for (Path each : matching) {
                    if (paths.size() < MAX_FOUND && !excluded(each, selection.exclude())) {
                        paths.add(each);
                    }
                }
            } catch (IOException | DirectoryIteratorException | IllegalArgumentException e) {
                EngineLog.event(Level.WARN, "DevicesNotListed", pattern + ": " + e.getMessage());
            }
        }
        return paths;
    }

    private static DirectoryStream<Path> matching(String pattern) throws IOException {
        Path path = Path.of(pattern);
        Path folder = path.getParent();
        if (folder == null) {
            throw new IllegalArgumentException("a whole path is needed, as /dev/nvme*n1");
        }
        return Files.newDirectoryStream(folder, path.getFileName().toString());
    }

    private static boolean excluded(Path path, List<String> patterns) {
        for (String pattern : patterns) {
            if (matches(pattern, path, true)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether a name matches.
     *
     * @param otherwise the answer when the pattern is none: the one that leaves a disk alone
     */
    private static boolean matches(String pattern, Path name, boolean otherwise) {
        try {
            return FileSystems.getDefault().getPathMatcher("glob:" + pattern).matches(name);
        } catch (PatternSyntaxException e) {
            EngineLog.event(
                    Level.WARN,
                    "NoPattern",
                    "'" + pattern + "', so that " + name + " is left alone: " + e.getMessage());
            return otherwise;
        }
    }

    /** Null: the selection leaves it alone. */
    private @Nullable Found device(Path path, Selection selection) {
        String name;
        try {
            name = String.valueOf(path.toRealPath().getFileName());
        } catch (IOException e) {
            EngineLog.event(Level.DEBUG, "DeviceGone", path + ": " + e);
            return null;
        }
        String media = media(name);
        String model = text(sysBlock.resolve(name).resolve("device/model"));
        String serial = text(sysBlock.resolve(name).resolve("device/serial"));
        if (!selection.media().isEmpty() && !selection.media().contains(media)) {
            return null;
        }
        if (!selection.model().isEmpty()
                && !matches(selection.model(), Path.of(model.isEmpty() ? "unknown" : model.replace('/', '_')), false)) {
            return null;
        }
        UUID future = identity(serial.isEmpty() ? path.toString() : model + " " + serial);
        try (Opened opened = new Opened(Disks.open(path, Disks.Buffered.ALLOWED))) {
            long bytes = opened.file.blocks() * BlockDevice.BLOCK_BYTES;
            if (bytes < selection.minBytes()) {
                return null;
            }
            return content(opened.file, future, bytes, media, model, serial);
        } catch (IOException e) {
            return new Found(
                    future, path.toString(), 0, 0, media, model, serial, false, String.valueOf(e.getMessage()));
        }
    }

    private record Opened(DiskFile file) implements AutoCloseable {
        @Override
        public void close() {
            file.close();
        }
    }

    private Found content(DiskFile file, UUID future, long bytes, String media, String model, String serial)
            throws IOException {
        Label label = DiskOpening.label(file);
        String path = file.path().toString();
        if (label != null && label.cluster().equals(cluster)) {
            return new Found(label.disk().uuid(), path, bytes, 0, media, model, serial, true, "");
        }
        String foreign = label != null
                ? path + " holds disk " + label.disk() + " of another Cairn cluster, " + label.cluster()
                : ForeignData.find(file);
        return new Found(
                future,
                path,
                bytes,
                0,
                media,
                model,
                serial,
                false,
                foreign == null ? "" : foreign + "; wipe it (wipefs, and the first and last MiB) to have it taken");
    }

    private Found file(FileDisk wanted) {
        UUID future = identity(wanted.path());
        Path path = Path.of(wanted.path());
        if (!Files.exists(path)) {
            return new Found(future, wanted.path(), wanted.sizeBytes(), wanted.sizeBytes(), "file", "", "", false, "");
        }
        try (Opened opened = new Opened(Disks.open(path, Disks.Buffered.ALLOWED))) {
            return content(opened.file, future, opened.file.blocks() * BlockDevice.BLOCK_BYTES, "file", "", "");
        } catch (IOException e) {
            return new Found(future, wanted.path(), 0, 0, "file", "", "", false, String.valueOf(e.getMessage()));
        }
    }

    private UUID identity(String what) {
        return UUID.nameUUIDFromBytes((cluster + "/" + nodeName + "/" + what).getBytes(StandardCharsets.UTF_8));
    }

    private String media(String name) {
        if (name.startsWith("nvme")) {
            return "nvme";
        }
        return text(sysBlock.resolve(name).resolve("queue/rotational")).equals("1") ? "hdd" : "ssd";
    }

    /** What a file of sysfs says, empty when it is not there. */
    private static String text(Path file) {
        try {
            return Files.readString(file, StandardCharsets.US_ASCII).strip();
        } catch (IOException e) {
            return "";
        }
    }
}
