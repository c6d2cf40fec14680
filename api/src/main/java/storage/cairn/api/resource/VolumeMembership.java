package storage.cairn.api.resource;

import io.fabric8.generator.annotation.ValidationRule;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.model.annotation.Group;
import io.fabric8.kubernetes.model.annotation.Kind;
import io.fabric8.kubernetes.model.annotation.Plural;
import io.fabric8.kubernetes.model.annotation.Version;
import org.jspecify.annotations.Nullable;

/**
 * Which replicas of one volume hold every acked write, and who may serve it: the register that all engines agree by.
 * Named by the volume's id, so that a tombstone stays though its volume's name is used again. Nobody edits it by hand.
 */
@Group(Api.GROUP)
@Version(Api.VERSION)
@Kind("VolumeMembership")
@Plural("volumememberships")
@ValidationRule(value = Api.NAME_IS_UUID, message = "a VolumeMembership is named by its volume's id")
public final class VolumeMembership extends CustomResource<VolumeMembershipSpec, Void> {
    @Override
    protected @Nullable VolumeMembershipSpec initSpec() {
        return null;
    }
}
