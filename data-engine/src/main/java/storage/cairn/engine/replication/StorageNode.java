package storage.cairn.engine.replication;

import java.util.List;
import java.util.random.RandomGenerator;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.store.ReplicaStore;

/**
 * The heart of an engine: serves this node's replicas to its peers and owns the volumes that hosts use here.
 *
 * <p>Everything happens on one loop: calls come on it, answers are given on it. Nothing happens before
 * {@link #start}. The transport behind {@code network} cuts frames with {@code protocol.Frames#FRAMING}.
 */
public final class StorageNode implements Exports {
    public StorageNode(
            NodeIdentity identity,
            NodeSettings settings,
            Clock clock,
            RandomGenerator random,
            Network network,
            ConfigStore configStore,
            NodeBuffers buffers,
            Log log) {
        throw new UnsupportedOperationException();
    }

    /** Accepts peers, connects to them, learns the volumes from the configuration store, resumes deletions. */
    public void start() {}

    /** Takes an open disk into use, before or after {@link #start}. */
    public void addStore(ReplicaStore store) {}

    /** Stops using a disk: its replicas here count as gone. The caller closes it. */
    public void removeStore(DiskId disk, String reason) {}

    /**
     * Refuses new exports, hands every owned volume to a node that can take it (else releases it), waits for what is
     * under way, gives its leases back and closes all streams. The stores stay open: close each with what
     * {@code done} tells.
     */
    public void shutdown(ShutDown done) {}

    /**
     * Makes a volume with its replicas on the disks of distinct nodes with the most free space.
     *
     * @param name 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit
     * @param sizeBytes a multiple of 4,096, at least 1 MiB
     * @param replicas 1 to 5; 0: 3, or the number of nodes if that is less
     * @param minInSync 1 to replicas; 0: half of them, rounded up
     */
    public void createVolume(
            String name, long sizeBytes, int replicas, int minInSync, VolumeAnswer.Receiver receiver) {}

    /** Deletes a volume and its data; refused while it is served, unless {@code force}. */
    public void deleteVolume(String name, boolean force, VolumeAnswer.Receiver receiver) {}

    /** Grows a volume. Takes it over for that if nobody serves it; refused when another node serves it. */
    public void resizeVolume(String name, long sizeBytes, VolumeAnswer.Receiver receiver) {}

    /** Makes this node the owner, with a new attachId: every older export is refused from then on. */
    public void serve(String name, VolumeAnswer.Receiver receiver) {}

    /** Ends the export and gives up the ownership, wherever it is. */
    public void release(String name, VolumeAnswer.Receiver receiver) {}

    /** Hands the ownership to another node under the same attachId. */
    public void move(String name, int toNode, VolumeAnswer.Receiver receiver) {}

    /** The volume as the configuration store has it now. */
    public void getVolume(String name, VolumeAnswer.Receiver receiver) {}

    /** All volumes that are not deleted, as the configuration store has them now. */
    public void listVolumes(VolumeAnswer.Receiver receiver) {}

    /** What is known now; asks nobody. */
    public NodeView view() {
        throw new UnsupportedOperationException();
    }

    /** Whether the disks of this node are served and the volumes are known: ready for clients. */
    public boolean ready() {
        return false;
    }

    @Override
    public List<String> names(int limit) {
        return List.of();
    }

    @Override
    public void open(String exportName, HostVolume.Lost lost, Answer answer) {}

    /** Told when a shutdown is complete. */
    public interface ShutDown {
        /**
         * @param grantsOutstanding whether some owner elsewhere may still rely on a grant of this node: what
         *     {@link ReplicaStore#close} must be told
         * @param problems what could not be handed over, in words
         */
        void done(boolean grantsOutstanding, List<String> problems);
    }
}
