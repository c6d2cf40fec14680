package storage.cairn.replicamanager;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.VolumeMembershipSpec;

/** One step for one volume. */
sealed interface Action {
    /** Records the volume for the first time. */
    record Record(VolumeMembershipSpec first) implements Action {}

    /** Tells engines where the volume is wanted. */
    record Want(List<String> disks) implements Action {}

    /** Tells engines how large the volume is to be. */
    record Grow(long sizeBytes) implements Action {}

    /** Notes when the data is erased; null: it is not. */
    record DeleteAfter(@Nullable Instant instant) implements Action {}

    /** Puts a tombstone in the place of this very configuration. */
    record Bury(VolumeMembershipSpec before) implements Action {}

    /** Has more replicas needed for each write of a volume that nobody serves. */
    record Protect(VolumeMembershipSpec before, VolumeMembershipSpec next) implements Action {}

    /** Replaces a configuration, as somebody asked: by what disks hold, or by the replicas that are left. */
    record Recover(VolumeMembershipSpec before, VolumeMembershipSpec next) implements Action {}

    /** Holds the resource for as long as the data is there. */
    record Hold() implements Action {}

    /** Lets the resource go; its data is gone. */
    record LetGo() implements Action {}
}
