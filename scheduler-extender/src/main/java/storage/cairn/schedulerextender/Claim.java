package storage.cairn.schedulerextender;

import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.VolumeSpec.Locality;

/** A claim of a pod that is, or will be, one of our volumes. */
sealed interface Claim {
    /** Its name, for people. */
    String name();

    /**
     * It has its volume.
     *
     * @param volume id of the volume, as the PersistentVolume's volumeHandle says
     */
    record Bound(String name, String volume) implements Claim {}

    /**
     * Its volume is made once its pod has a node.
     *
     * @param pool empty: the class names none, and there is not just one
     * @param replicas 0: as the pool says
     * @param spread null: as the pool says
     * @param selectedNode that kube-scheduler chose before, where room is kept for it; empty: none
     */
    record Unbound(
            String name,
            long bytes,
            String pool,
            int replicas,
            Locality locality,
            @Nullable Spread spread,
            String selectedNode)
            implements Claim {}
}
