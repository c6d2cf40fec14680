package storage.cairn.operator;

import java.util.Map;

/**
 * What the operator is told by its environment, which the chart writes.
 *
 * @param namespace where it runs, and where everything with a namespace is made
 * @param image of Cairn's components, with registry and tag
 * @param guardImage of the pods that hold a drain; it needs do nothing but wait
 * @param pullPolicy when kubelet pulls, unless the StorageCluster says
 * @param version of this operator
 * @param replicaManager whether the image has one, and it is to run
 * @param schedulerImage of upstream's kube-scheduler; empty: pods are not put near their data
 */
record Settings(
        String namespace,
        String image,
        String guardImage,
        String pullPolicy,
        String version,
        boolean replicaManager,
        String schedulerImage) {
    static Settings of(Map<String, String> environment, String version) {
        return new Settings(
                required(environment, "CAIRN_NAMESPACE"),
                required(environment, "CAIRN_IMAGE"),
                required(environment, "CAIRN_GUARD_IMAGE"),
                environment.getOrDefault("CAIRN_PULL_POLICY", "IfNotPresent"),
                version,
                Boolean.parseBoolean(environment.getOrDefault("CAIRN_REPLICA_MANAGER", "false")),
                environment.getOrDefault("CAIRN_SCHEDULER_IMAGE", ""));
    }

    private static String required(Map<String, String> environment, String name) {
        String value = environment.get(name);
        if (value == null || value.isBlank()) {
            throw new IllegalArgumentException(name + " is not set: install the operator by its chart, which sets it");
        }
        return value;
    }
}
