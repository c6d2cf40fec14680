package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodCondition;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeStatus.Traffic;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeStatus;

/** Says for pods whether their data is on their node, and why not. */
final class Locality {
    private Locality() {}

    /**
     * One claim of one pod.
     *
     * @param node where the pod is; empty: nowhere yet
     * @param readBytes of the volume since that node serves it, and {@code remoteReadBytes} of those from other nodes;
     *     null: the node has not told
     * @param why it is not local, empty when it is
     */
    record Line(
            String namespace,
            String pod,
            String node,
            String claim,
            String volume,
            boolean local,
            @Nullable Long readBytes,
            @Nullable Long remoteReadBytes,
            String why) {}

    /** Of pods that have not ended, in the order of their names. */
    static List<Line> of(
            List<Pod> pods,
            List<PersistentVolumeClaim> claims,
            List<PersistentVolume> bound,
            List<Volume> volumes,
            List<StorageNode> nodes) {
        Map<String, String> handles = new HashMap<>();
        for (PersistentVolume each : bound) {
            if (each.getSpec().getCsi() != null
                    && Api.DRIVER.equals(each.getSpec().getCsi().getDriver())) {
                handles.put(Tables.name(each), each.getSpec().getCsi().getVolumeHandle());
            }
        }
        Map<String, String> ids = new HashMap<>();
        for (PersistentVolumeClaim claim : claims) {
            String handle = handles.get(claim.getSpec().getVolumeName());
            if (handle != null) {
                ids.put(claim.getMetadata().getNamespace() + "/" + Tables.name(claim), handle);
            }
        }
        Map<String, Volume> byId = new HashMap<>();
        volumes.forEach(volume -> byId.put(volume.getSpec().id(), volume));
        Map<String, Traffic> traffic = new HashMap<>();
        for (StorageNode node : nodes) {
            if (node.getStatus() != null && node.getStatus().traffic() != null) {
                node.getStatus().traffic().forEach(each -> traffic.put(key(Tables.name(node), each.volume()), each));
            }
        }
        List<Line> lines = new ArrayList<>();
        for (Pod pod : pods) {
            String phase = pod.getStatus() == null ? "" : pod.getStatus().getPhase();
            if ("Succeeded".equals(phase) || "Failed".equals(phase)) {
                continue;
            }
            for (String claim : claimsOf(pod)) {
                String id = ids.get(pod.getMetadata().getNamespace() + "/" + claim);
                if (id != null) {
                    String node = pod.getSpec().getNodeName() == null
                            ? ""
                            : pod.getSpec().getNodeName();
                    lines.add(line(pod, node, claim, id, byId.get(id), traffic.get(key(node, id))));
                }
            }
        }
        lines.sort(
                Comparator.comparing(Line::namespace).thenComparing(Line::pod).thenComparing(Line::claim));
        return lines;
    }

    private static List<String> claimsOf(Pod pod) {
        List<String> claims = new ArrayList<>();
        pod.getSpec().getVolumes().forEach(volume -> {
            if (volume.getPersistentVolumeClaim() != null) {
                claims.add(volume.getPersistentVolumeClaim().getClaimName());
            } else if (volume.getEphemeral() != null) {
                claims.add(Tables.name(pod) + "-" + volume.getName());
            }
        });
        return claims;
    }

    private static String key(String node, String volume) {
        return node + "/" + volume;
    }

    private static Line line(
            Pod pod, String node, String claim, String id, @Nullable Volume volume, @Nullable Traffic traffic) {
        String why = node.isEmpty() ? waiting(pod) : why(node, id, volume);
        return new Line(
                pod.getMetadata().getNamespace(),
                Tables.name(pod),
                node,
                claim,
                volume == null ? id : Tables.name(volume),
                why.isEmpty(),
                traffic == null ? null : traffic.readBytes(),
                traffic == null ? null : traffic.remoteReadBytes(),
                why);
    }

    private static String waiting(Pod pod) {
        if (pod.getStatus() != null) {
            for (PodCondition condition : pod.getStatus().getConditions()) {
                if ("PodScheduled".equals(condition.getType()) && condition.getMessage() != null) {
                    return condition.getMessage();
                }
            }
        }
        return "the pod has no node yet";
    }

    private static String why(String node, String id, @Nullable Volume volume) {
        if (volume == null) {
            return "there is no Volume with the id " + id;
        }
        VolumeStatus status = volume.getStatus();
        if (status == null || status.replicas() == null) {
            return "no replica manager has seen the volume yet";
        }
        TreeSet<String> whole = new TreeSet<>();
        String here = "";
        for (VolumeStatus.Replica replica : status.replicas()) {
            if (replica.state() == VolumeStatus.State.IN_SYNC && replica.node() != null) {
                whole.add(replica.node());
            } else if (node.equals(replica.node())) {
                here = replica.state() == VolumeStatus.State.SYNCING
                        ? "its replica there is being brought up to date; "
                        : "its replica there is out of sync; ";
            }
        }
        return whole.contains(node) ? "" : here + "all of it is on " + String.join(", ", whole);
    }
}
