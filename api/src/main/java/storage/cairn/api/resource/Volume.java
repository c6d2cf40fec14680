package storage.cairn.api.resource;

import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Version;
import org.jspecify.annotations.Nullable;

/** A replicated volume, as people ask for it and see it. What replicas it has is decided in its membership. */
@Group(Api.GROUP)
@Version(Api.VERSION)
@Kind("Volume")
@ValidationRule(
        value = "self.metadata.name.matches('" + Api.VOLUME_NAME_PATTERN + "')",
        message = "name a volume with 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit")
public final class Volume extends CustomResource<VolumeSpec, VolumeStatus> {
    @Override
    protected @Nullable VolumeSpec initSpec() {
        return null;
    }
}
