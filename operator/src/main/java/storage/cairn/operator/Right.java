package storage.cairn.operator;

import java.util.ArrayList;
import java.util.List;

/**
 * What a service account of a workload may do by one binding of the chart. Without it that workload fails far from here;
 * the operator writes no roles, so that all it can do is to say what is gone.
 *
 * @param binding kind and name of what grants it
 * @param group of {@code resource}
 * @param everywhere whether in all namespaces, and not in the operator's alone
 */
record Right(String account, String binding, String verb, String group, String resource, boolean everywhere) {
    private static final String CAIRN = "cairn.storage";
    private static final String LEASES = "coordination.k8s.io";

    /** One of each binding. */
    static List<Right> of(Settings settings, boolean scheduler) {
        List<Right> all = new ArrayList<>(
                List.of(cluster(Names.ENGINE, "patch", CAIRN, "volumememberships"), namespaced(Names.ENGINE, "patch")));
        if (settings.replicaManager()) {
            all.add(cluster(Names.REPLICA_MANAGER, "update", CAIRN, "volumememberships"));
            all.add(namespaced(Names.REPLICA_MANAGER, "update"));
            all.add(cluster(Names.FAILOVER, "patch", "", "nodes"));
            all.add(namespaced(Names.FAILOVER, "update"));
        }
        if (scheduler) {
            all.add(cluster(Names.SCHEDULER, "list", CAIRN, "volumememberships"));
            all.add(namespaced(Names.SCHEDULER, "update"));
            all.add(new Right(
                    Names.SCHEDULER,
                    "ClusterRoleBinding cairn-scheduler-as-kube-scheduler",
                    "create",
                    "",
                    "pods/binding",
                    true));
            all.add(new Right(
                    Names.SCHEDULER,
                    "ClusterRoleBinding cairn-scheduler-as-volume-scheduler",
                    "patch",
                    "",
                    "persistentvolumes",
                    true));
        }
        return all;
    }

    private static Right cluster(String account, String verb, String group, String resource) {
        return new Right(account, "ClusterRoleBinding " + account, verb, group, resource, true);
    }

    private static Right namespaced(String account, String verb) {
        return new Right(account, "RoleBinding " + account, verb, LEASES, "leases", false);
    }

    /** What is wrong without it, and what to do. */
    String missing() {
        return "the service account " + account + " may not " + verb + " " + resource + ": " + binding
                + ", its role or the account is gone or changed; 'helm upgrade' with the chart makes them again";
    }
}
