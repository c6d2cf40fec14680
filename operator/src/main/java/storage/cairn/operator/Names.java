package storage.cairn.operator;

import java.util.Map;
import java.util.TreeMap;

/** Names and labels of what the operator makes. */
final class Names {
    static final String CLUSTER = "cairn";
    static final String FIELD_MANAGER = "cairn-operator";
    static final String ENGINE = "cairn-engine";
    static final String REPLICA_MANAGER = "cairn-replica-manager";
    static final String FAILOVER = "cairn-failover";
    static final String SCHEDULER = "cairn-scheduler";
    static final String IDENTITY = "cairn-identity";
    static final String NUMBERS = "cairn-node-numbers";
    static final String GUARD = "cairn-guard-";
    static final String STORAGE_CLASS = "cairn-";
    static final String DEFAULT_POOL = "default";

    /** On a pod: what it was made from. A pod with another one than the DaemonSet's template is to be restarted. */
    static final String REVISION = "cairn.storage/revision";

    /** On the StorageCluster, "true": engines are upgraded though volumes lack copies. */
    static final String UPGRADE_ANYWAY = "cairn.storage/upgrade-anyway";

    /** On the StorageCluster, its clusterId: the secret is lost for good, and a new one may be made. */
    static final String NEW_SECRET = "cairn.storage/new-secret";

    static final String NAME = "app.kubernetes.io/name";
    static final String NODE = "cairn.storage/node-number";
    private static final String PART_OF = "app.kubernetes.io/part-of";
    private static final String MANAGED_BY = "app.kubernetes.io/managed-by";

    /** Selects all that the operator made. */
    static final String MANAGED = MANAGED_BY + "=" + FIELD_MANAGER;

    private Names() {}

    /** By which a workload finds its pods. */
    static Map<String, String> selector(String name) {
        return Map.of(NAME, name);
    }

    static Map<String, String> labels(String name) {
        Map<String, String> labels = new TreeMap<>();
        labels.put(NAME, name);
        labels.put(PART_OF, "cairn");
        labels.put(MANAGED_BY, FIELD_MANAGER);
        return labels;
    }
}
