package storage.cairn.schedulerextender;

import java.util.List;

/** Which claims a pod uses. */
record PodVolumes(String namespace, String name, String uid, List<Use> uses) {
    PodVolumes {
        uses = List.copyOf(uses);
    }

    /**
     * A claim in the pod's namespace.
     *
     * @param templateClass of a generic ephemeral volume, whose claim is made after the pod: its class; empty for
     *     others, and where it names none
     */
    record Use(String claim, String templateClass) {}
}
