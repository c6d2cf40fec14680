package storage.cairn.schedulerextender;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.VolumeSpec.Locality;

/** Finds out which claims of a pod are ours, and what is known of them. */
final class Claims {
    static final String SELECTED_NODE = "volume.kubernetes.io/selected-node";

    private static final String WAIT = "WaitForFirstConsumer";

    private final Objects objects;

    /** What Kubernetes knows; null: it knows of none. */
    interface Objects {
        @Nullable
        PersistentVolumeClaim claim(String namespace, String name);

        @Nullable
        PersistentVolume volume(String name);

        @Nullable
        StorageClass storageClass(String name);

        /** The pool of claims whose class names none: the only one; empty when there are more or none. */
        String onlyPool();
    }

    Claims(Objects objects) {
        this.objects = objects;
    }

    /**
     * Our claims of a pod. A claim that is not there, is not bound and waits for no pod, or belongs to another pod's
     * ephemeral volume is kube-scheduler's own concern: it puts the pod off until that has changed.
     */
    List<Claim> of(PodVolumes pod) {
        List<Claim> claims = new ArrayList<>();
        for (PodVolumes.Use use : pod.uses()) {
            PersistentVolumeClaim found = objects.claim(pod.namespace(), use.claim());
            Claim claim = found == null ? null : claim(found);
            if (claim != null && claims.stream().noneMatch(each -> each.name().equals(claim.name()))) {
                claims.add(claim);
            }
        }
        return claims;
    }

    private @Nullable Claim claim(PersistentVolumeClaim found) {
        String name = found.getMetadata().getName();
        String bound = found.getSpec().getVolumeName();
        if (bound != null && !bound.isEmpty()) {
            PersistentVolume volume = objects.volume(bound);
            String handle = volume == null ? null : handle(volume);
            return handle == null ? null : new Claim.Bound(name, handle);
        }
        StorageClass storageClass = objects.storageClass(className(found));
        if (storageClass == null
                || !Api.DRIVER.equals(storageClass.getProvisioner())
                || !WAIT.equals(storageClass.getVolumeBindingMode())) {
            return null;
        }
        return unbound(found, storageClass);
    }

    /** The claim's volume that is to be made, as its class says. */
    Claim.Unbound unbound(PersistentVolumeClaim claim, StorageClass storageClass) {
        Map<String, String> annotations = claim.getMetadata().getAnnotations();
        Map<String, String> parameters = storageClass.getParameters() == null ? Map.of() : storageClass.getParameters();
        String pool = parameters.getOrDefault("pool", "");
        return new Claim.Unbound(
                claim.getMetadata().getName(),
                bytes(claim),
                pool.isEmpty() ? objects.onlyPool() : pool,
                replicas(parameters.getOrDefault("replicas", "")),
                locality(parameters.getOrDefault("locality", "")),
                spread(parameters.getOrDefault("spread", "")),
                annotations == null ? "" : annotations.getOrDefault(SELECTED_NODE, ""));
    }

    static String className(PersistentVolumeClaim claim) {
        String name = claim.getSpec().getStorageClassName();
        return name == null ? "" : name;
    }

    /** Id of our volume behind a PersistentVolume; null: it is not ours. */
    static @Nullable String handle(PersistentVolume volume) {
        var csi = volume.getSpec().getCsi();
        return csi == null || !Api.DRIVER.equals(csi.getDriver()) ? null : csi.getVolumeHandle();
    }

    static long bytes(PersistentVolumeClaim claim) {
        var resources = claim.getSpec().getResources();
        Map<String, Quantity> requests = resources == null ? null : resources.getRequests();
        Quantity storage = requests == null ? null : requests.get("storage");
        return storage == null ? 0 : storage.getNumericalAmount().longValue();
    }

    /** What cannot be read is refused by the driver, with words; here it counts as not given. */
    private static int replicas(String text) {
        return text.matches("[1-5]") ? Integer.parseInt(text) : 0;
    }

    private static Locality locality(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "none" -> Locality.NONE;
            case "required" -> Locality.REQUIRED;
            default -> Locality.PREFERRED;
        };
    }

    private static @Nullable Spread spread(String text) {
        return switch (text.toLowerCase(Locale.ROOT)) {
            case "node" -> Spread.NODE;
            case "zone" -> Spread.ZONE;
            case "rack" -> Spread.RACK;
            default -> null;
        };
    }
}
