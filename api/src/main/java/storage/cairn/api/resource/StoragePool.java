package storage.cairn.api.resource;

import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Version;
import org.jspecify.annotations.Nullable;

/** Disks that volumes are placed on as if they were one. */
@Group(Api.GROUP)
@Version(Api.VERSION)
@Kind("StoragePool")
public final class StoragePool extends CustomResource<StoragePoolSpec, StoragePoolStatus> {
    @Override
    protected @Nullable StoragePoolSpec initSpec() {
        return null;
    }
}
