package storage.cairn.engine.replication;

import java.util.List;
import storage.cairn.engine.replication.NodeView.VolumeView;

/** How a request about volumes ended; given once, on the loop, never inside the call that asked. */
public sealed interface VolumeAnswer {
    /** It holds now. */
    record Done(VolumeView volume) implements VolumeAnswer {}

    /** All volumes, by name. */
    record All(List<VolumeView> volumes) implements VolumeAnswer {}

    /** It does not hold: {@code reason} says what is wrong, with which thing, and what to do. */
    record Failed(Problem problem, String reason) implements VolumeAnswer {}

    enum Problem {
        /** The request makes no sense. */
        INVALID,
        NOT_FOUND,
        ALREADY_EXISTS,
        /** Not in this state of the volume. */
        PRECONDITION,
        /** Too little space or too few nodes. */
        EXHAUSTED,
        /** Something did not answer; the same request may succeed later. It may have taken effect. */
        UNAVAILABLE
    }

    interface Receiver {
        void answered(VolumeAnswer answer);
    }
}
