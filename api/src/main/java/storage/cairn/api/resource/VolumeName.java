package storage.cairn.api.resource;

import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Version;
import org.jspecify.annotations.Nullable;

/**
 * Which volume has a name: what makes names unique among memberships. That of a deleted volume, or of one that never
 * came to be, is free for the next. Nobody edits it by hand.
 */
@Group(Api.GROUP)
@Version(Api.VERSION)
@Kind("VolumeName")
@ValidationRule(
        value = "self.metadata.name.matches('" + Api.VOLUME_NAME_PATTERN + "')",
        message = "not the name of a volume")
public final class VolumeName extends CustomResource<VolumeNameSpec, Void> {
    @Override
    protected @Nullable VolumeNameSpec initSpec() {
        return null;
    }
}
