package storage.cairn.api.resource;

import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Version;
import org.jspecify.annotations.Nullable;

/** A disk, named by the UUID of its label: the same one wherever it is plugged in. */
@Group(Api.GROUP)
@Version(Api.VERSION)
@Kind("Disk")
@ValidationRule(value = Api.NAME_IS_UUID, message = "a Disk is named by the UUID of its label")
public final class Disk extends CustomResource<DiskSpec, DiskStatus> {
    @Override
    protected @Nullable DiskSpec initSpec() {
        return null;
    }
}
