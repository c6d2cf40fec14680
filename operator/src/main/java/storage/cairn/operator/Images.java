package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.LocalObjectReference;
import java.util.List;
import storage.cairn.api.resource.StorageClusterSpec;
import storage.cairn.api.resource.StorageClusterSpec.PullPolicy;

/** Which image the components run: the operator's own, unless the StorageCluster says otherwise. */
final class Images {
    private static final String NAME = "cairn";

    private Images() {}

    static String image(StorageClusterSpec spec, Settings settings) {
        String own = settings.image();
        int colon = own.lastIndexOf(':');
        boolean tagged = colon > own.lastIndexOf('/');
        String name = tagged ? own.substring(0, colon) : own;
        String tag = tagged ? own.substring(colon + 1) : "latest";
        StorageClusterSpec.Images images = spec.images();
        if (images != null && images.repository() != null) {
            name = images.repository() + "/" + NAME;
        }
        if (images != null && images.tag() != null) {
            tag = images.tag();
        }
        return name + ":" + tag;
    }

    static String pullPolicy(StorageClusterSpec spec, Settings settings) {
        StorageClusterSpec.Images images = spec.images();
        PullPolicy policy = images == null ? null : images.pullPolicy();
        // The API server fills in the default, which is no wish of anybody: the chart's value then counts.
        if (policy == null || policy == PullPolicy.IF_NOT_PRESENT) {
            return settings.pullPolicy();
        }
        return policy == PullPolicy.ALWAYS ? "Always" : "Never";
    }

    static List<LocalObjectReference> pullSecrets(StorageClusterSpec spec) {
        StorageClusterSpec.Images images = spec.images();
        List<LocalObjectReference> secrets = images == null ? null : images.pullSecrets();
        return secrets == null ? List.of() : secrets;
    }
}
