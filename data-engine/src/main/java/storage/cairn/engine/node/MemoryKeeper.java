package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.kube.NodeResources;
import storage.cairn.engine.kube.NodeResources.Claim;
import storage.cairn.engine.kube.NodeResources.Joining;
import storage.cairn.engine.port.Log.Level;

/**
 * Keeps what an engine should know when it starts without the API server, and has it confirmed when it did start so: who
 * is somebody else now, or serves a disk that is another's, ends at once and starts anew. For one thread.
 */
final class MemoryKeeper {
    private final NodeResources resources;
    private final Path folder;
    private final String bootId;
    private final TreeSet<UUID> unconfirmed = new TreeSet<>();
    /** What this engine began with, until it is confirmed; null: it was told all by the API server. */
    private @Nullable NodeMemory begunWith;

    private @Nullable NodeMemory kept;
    private String problem = "";

    MemoryKeeper(NodeResources resources, Path folder, String bootId, @Nullable NodeMemory begunWith) {
        this.resources = resources;
        this.folder = folder;
        this.bootId = bootId;
        this.begunWith = begunWith;
    }

    boolean confirmed() {
        return begunWith == null;
    }

    List<NodeMemory.Held> disks() {
        NodeMemory memory = begunWith;
        return memory == null ? List.of() : memory.disks();
    }

    NodeResources.@Nullable Selection selection() {
        NodeResources.Selection heard = resources.selection();
        NodeMemory memory = begunWith;
        return heard != null || memory == null ? heard : memory.selection();
    }

    /** Takes a disk's label; answers who has it, empty when it was had, also when it was had before on this boot. */
    String claim(UUID label) {
        NodeMemory memory = begunWith;
        return switch (resources.claim(label.toString(), bootId)) {
            case Claim.Had _ -> "";
            case Claim.Refused refused -> refused.reason();
            case Claim.NotAsked notAsked -> {
                if (memory == null || !memory.holds(label)) {
                    yield notAsked.reason();
                }
                unconfirmed.add(label);
                yield "";
            }
        };
    }

    /** Asks the API server whether all is still as it was remembered. */
    void confirm() {
        NodeMemory memory = begunWith;
        if (memory == null) {
            return;
        }
        if (!(resources.join() instanceof Joining.Seat seat)) {
            return;
        }
        if (seat.node() != memory.number() || !seat.clusterId().equals(memory.clusterId())) {
            stop("this was node " + memory.number() + ", and is node " + seat.node() + " now, of cluster "
                    + seat.clusterId());
        }
        for (UUID label : List.copyOf(unconfirmed)) {
            switch (resources.claim(label.toString(), bootId)) {
                case Claim.Had _ -> unconfirmed.remove(label);
                case Claim.Refused refused -> stop("disk " + label + " carries a label " + refused.reason());
                case Claim.NotAsked _ -> {
                    return;
                }
            }
        }
        begunWith = null;
        EngineLog.event(Level.INFO, "MemoryConfirmed", "the API server knows this node and its disks as it did before");
    }

    private static void stop(String reason) {
        FatalStop.fatal("started without the API server", new IllegalStateException(reason));
    }

    /** Writes down how it is now, if that is another than before. */
    void keep(String nodeName, ClusterMap cluster, int peerPort, DiskAdmission disks) {
        NodeResources.Selection selection = resources.selection();
        if (selection == null || begunWith != null || bootId.equals(KubernetesNode.UNKNOWN)) {
            return;
        }
        NodeMemory now = new NodeMemory(
                nodeName,
                bootId,
                cluster.self().node(),
                cluster.clusterId(),
                peerPort,
                cluster.addresses(),
                selection,
                disks.held());
        if (now.equals(kept)) {
            return;
        }
        String failure = "";
        try {
            now.write(folder);
            kept = now;
        } catch (IOException e) {
            failure = e.toString();
        }
        if (!failure.equals(problem)) {
            problem = failure;
            EngineLog.event(
                    failure.isEmpty() ? Level.INFO : Level.WARN, "MemoryNotKept", failure.isEmpty() ? "over" : failure);
        }
    }
}
