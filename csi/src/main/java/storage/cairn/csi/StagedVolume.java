package storage.cairn.csi;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.ArrayList;
import java.util.List;

/**
 * A volume that was staged on this node, as its file records it.
 *
 * @param id of the volume
 * @param volume its name
 * @param exportName of the attachment that {@code phase} is told of
 * @param stagingPath where kubelet wants it
 * @param filesystem on it; empty for a block volume
 * @param mountFlags that it is mounted with
 * @param published where pods have it
 */
record StagedVolume(
        String id,
        String volume,
        String exportName,
        Phase phase,
        String stagingPath,
        String filesystem,
        List<String> mountFlags,
        List<Target> published) {

    /** How far staging came. */
    enum Phase {
        /** A filesystem is being made on this very attachment, and was never mounted. */
        FORMATTING,
        /** It is mounted, or is a device, or was and is to be again. */
        READY
    }

    /** Where a pod has it. */
    record Target(String path, boolean readOnly) {}

    StagedVolume {
        mountFlags = List.copyOf(mountFlags);
        published = List.copyOf(published);
    }

    @JsonIgnore
    boolean isBlock() {
        return filesystem.isEmpty();
    }

    /** Whether a request means what is there. */
    boolean isSame(String otherPath, String otherFilesystem, List<String> otherFlags) {
        return stagingPath.equals(otherPath) && filesystem.equals(otherFilesystem) && mountFlags.equals(otherFlags);
    }

    StagedVolume phase(Phase next, String export) {
        return new StagedVolume(id, volume, export, next, stagingPath, filesystem, mountFlags, published);
    }

    StagedVolume with(Target target) {
        List<Target> targets = new ArrayList<>(without(target.path()).published());
        targets.add(target);
        return new StagedVolume(id, volume, exportName, phase, stagingPath, filesystem, mountFlags, targets);
    }

    StagedVolume without(String path) {
        List<Target> targets =
                published.stream().filter(each -> !each.path().equals(path)).toList();
        return new StagedVolume(id, volume, exportName, phase, stagingPath, filesystem, mountFlags, targets);
    }
}
