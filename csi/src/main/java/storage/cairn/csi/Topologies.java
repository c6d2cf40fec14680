package storage.cairn.csi;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import storage.cairn.csi.spec.Topology;
import storage.cairn.csi.spec.TopologyRequirement;

/**
 * Where volumes can be used: wherever an engine runs, since it reaches replicas on other nodes. A node also tells its
 * name, by which CreateVolume learns the node that a pod was scheduled to; no volume is ever tied to it.
 */
final class Topologies {
    static final String ENGINE = "topology.cairn.storage/engine";
    static final String NODE = "topology.cairn.storage/node";
    private static final String YES = "true";

    private Topologies() {}

    static Topology ofNode(String node) {
        return Topology.newBuilder()
                .putSegments(ENGINE, YES)
                .putSegments(NODE, node)
                .build();
    }

    static List<Topology> ofVolume() {
        return List.of(Topology.newBuilder().putSegments(ENGINE, YES).build());
    }

    /** The node that is preferred, if one is named; with WaitForFirstConsumer it is where the pod will run. */
    static @Nullable String preferred(TopologyRequirement requirement) {
        for (Topology each : requirement.getPreferredList()) {
            String node = each.getSegmentsMap().get(NODE);
            if (node != null) {
                return node;
            }
        }
        return null;
    }

    /** @throws CsiException INVALID_ARGUMENT for topologies that no volume of ours has */
    static void require(TopologyRequirement requirement) {
        List<Topology> requisite = requirement.getRequisiteList();
        if (!requisite.isEmpty() && requisite.stream().noneMatch(each -> isOurs(each.getSegmentsMap()))) {
            throw new CsiException(
                    io.grpc.Status.Code.RESOURCE_EXHAUSTED,
                    "none of the nodes that accessibility_requirements name has an engine: label one of them so that"
                            + " the StorageCluster selects it");
        }
    }

    private static boolean isOurs(Map<String, String> segments) {
        return YES.equals(segments.get(ENGINE)) || segments.containsKey(NODE);
    }
}
