package storage.cairn.api.resource;

import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Version;
import org.jspecify.annotations.Nullable;

/** Cairn on this Kubernetes: which nodes and disks it uses and how it is set up. There is one, named cairn. */
@Group(Api.GROUP)
@Version(Api.VERSION)
@Kind("StorageCluster")
@ValidationRule(value = "self.metadata.name == 'cairn'", message = "there is one StorageCluster: name it 'cairn'")
public final class StorageCluster extends CustomResource<StorageClusterSpec, StorageClusterStatus> {
    @Override
    protected @Nullable StorageClusterSpec initSpec() {
        return null;
    }
}
