package storage.cairn.operator;

import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.StorageCluster;

/**
 * Whether this cluster is known, new, or has lost its identity. One that was lost is not made up again while disks carry
 * it: engines with another secret do not know each other, and with another id they do not know their disks.
 */
sealed interface Recognition {
    record Known(Identity identity) implements Recognition {}

    /**
     * To be made now.
     *
     * @param clusterId null: any
     */
    record Fresh(@Nullable String clusterId) implements Recognition {}

    /**
     * @param why with what to do
     */
    record Lost(String why) implements Recognition {}

    /**
     * @param stored as the secret {@link Names#IDENTITY} has it, null when it is not there
     */
    static Recognition of(StorageCluster cluster, @Nullable Identity stored, Observed observed, Settings settings) {
        String told = cluster.getStatus() == null ? null : cluster.getStatus().clusterId();
        if (stored != null) {
            return told == null || told.equals(stored.clusterId())
                    ? new Known(stored)
                    : new Lost("the secret " + name(settings) + " is of cluster " + stored.clusterId()
                            + ", and the disks here carry " + told + ": put that cluster's secret in its place");
        }
        String wanted = told == null ? cluster.getSpec().clusterId() : told;
        int volumes = Math.max(observed.volumes(), observed.memberships().size());
        long disks = observed.disks().stream()
                .filter(disk -> disk.getSpec() != null && disk.getSpec().pool() != null)
                .count();
        if (disks == 0 && volumes == 0) {
            return new Fresh(wanted);
        }
        if (wanted != null && wanted.equals(permitted(cluster))) {
            return new Fresh(wanted);
        }
        return new Lost("the secret " + name(settings) + " is gone, and " + disks + " disks in pools and " + volumes
                + " volumes are of this cluster. Engines that run go on; none can start. Put the secret back from its"
                + " copy. If there is none: "
                + (wanted == null ? "name the id that the engines' logs tell in spec.clusterId, and " : "")
                + "kubectl annotate storagecluster cairn " + Names.NEW_SECRET + "="
                + (wanted == null ? "THAT-ID" : wanted) + " " + Names.UPGRADE_ANYWAY
                + "=true makes a new one; data stays, and volumes stand still until every engine has restarted");
    }

    private static String name(Settings settings) {
        return Names.IDENTITY + " in namespace " + settings.namespace();
    }

    /** The id for which somebody wants a new secret. */
    static @Nullable String permitted(StorageCluster cluster) {
        return cluster.getMetadata().getAnnotations() == null
                ? null
                : cluster.getMetadata().getAnnotations().get(Names.NEW_SECRET);
    }
}
