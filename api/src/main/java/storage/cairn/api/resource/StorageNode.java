package storage.cairn.api.resource;

import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Version;
import org.jspecify.annotations.Nullable;

/** A node with an engine, named like the Node. */
@Group(Api.GROUP)
@Version(Api.VERSION)
@Kind("StorageNode")
public final class StorageNode extends CustomResource<StorageNodeSpec, StorageNodeStatus> {
    @Override
    protected @Nullable StorageNodeSpec initSpec() {
        return null;
    }
}
