package storage.cairn.schedulerextender;

import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import java.util.Map;
import java.util.stream.Stream;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;

/** All resources of which a {@link Snapshot} is made. */
interface Resources {
    Stream<Volume> volumes();

    Stream<VolumeMembership> memberships();

    Stream<StoragePool> pools();

    Stream<Disk> disks();

    Stream<StorageNode> storageNodes();

    Stream<PersistentVolumeClaim> claims();

    /** Labels of the Kubernetes node, none when it is not there. */
    Map<String, String> labels(String node);

    /** Whether the engine of a node was heard of lately. */
    boolean isAlive(String node);
}
