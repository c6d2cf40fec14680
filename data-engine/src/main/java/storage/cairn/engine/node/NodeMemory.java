package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.SortedMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.kube.NodeResources;
import storage.cairn.engine.port.Log.Level;

/**
 * What the API server told an engine last, in {@code kubernetes.json} of its folder: with it an engine that ended while
 * the API server is away takes its place again.
 *
 * <p>Good on the machine's present boot only. Since then nobody can have had its number or its disks but itself: a number
 * is never given twice, and a disk's label was taken with this boot id. Memberships are not remembered: an owner begins by
 * a compare-and-set, as always, and a replica serves those who prove to be its owner.
 *
 * @param peerPort where engines connect to each other
 * @param addresses of all engines, by their numbers
 * @param disks that were in service here
 */
record NodeMemory(
        String nodeName,
        String bootId,
        int number,
        UUID clusterId,
        int peerPort,
        SortedMap<Integer, String> addresses,
        NodeResources.Selection selection,
        List<Held> disks) {
    private static final String FILE = "kubernetes.json";
    private static final long MOST_BYTES = 1 << 20;

    /** A disk whose label this node took. */
    record Held(UUID id, String pool, boolean evacuate) {}

    NodeResources.Joining.Seat seat() {
        return new NodeResources.Joining.Seat(number, clusterId, peerPort);
    }

    boolean holds(UUID disk) {
        return disks.stream().anyMatch(each -> each.id().equals(disk));
    }

    /** What is remembered of this node since its machine started; null when there is nothing. */
    static @Nullable NodeMemory read(Path folder, String nodeName, String bootId) {
        Path file = folder.resolve(FILE);
        try {
            if (!Files.exists(file) || Files.size(file) > MOST_BYTES) {
                return null;
            }
            NodeMemory memory = ConfigLoader.JSON.readValue(Files.readAllBytes(file), NodeMemory.class);
            return memory.nodeName().equals(nodeName) && memory.bootId().equals(bootId) ? memory : null;
        } catch (IOException e) {
            // Of another version perhaps: then the API server has to tell it all, as it does at the first start.
            EngineLog.event(Level.WARN, "MemoryNotRead", file + ": " + e.getMessage());
            return null;
        }
    }

    /** Puts it in the place of what was there: whoever reads finds one or the other. A boot later it is of no use. */
    void write(Path folder) throws IOException {
        Path fresh = folder.resolve(FILE + ".new");
        Files.write(fresh, ConfigLoader.JSON.writeValueAsBytes(this));
        Files.move(fresh, folder.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
    }
}
