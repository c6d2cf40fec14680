package storage.cairn.csi;

import java.util.List;
import java.util.Set;
import storage.cairn.csi.spec.VolumeCapability;
import storage.cairn.csi.spec.VolumeCapability.AccessMode.Mode;

/** Which ways of use a volume allows: one node at a time, as a filesystem of a known type or as a block device. */
final class AccessModes {
    static final String DEFAULT_FILESYSTEM = "ext4";
    static final Set<String> FILESYSTEMS = Set.of("ext4", "xfs", "btrfs");

    private static final Set<Mode> SUPPORTED = Set.of(
            Mode.SINGLE_NODE_WRITER,
            Mode.SINGLE_NODE_READER_ONLY,
            Mode.SINGLE_NODE_SINGLE_WRITER,
            Mode.SINGLE_NODE_MULTI_WRITER);

    private AccessModes() {}

    /** @throws CsiException INVALID_ARGUMENT when the request lacks what it needs, or wants what there is not */
    static void require(List<VolumeCapability> capabilities) {
        if (capabilities.isEmpty()) {
            throw CsiException.invalid("volume_capabilities is missing: say how the volume is to be used");
        }
        for (VolumeCapability each : capabilities) {
            String problem = problem(each);
            if (!problem.isEmpty()) {
                throw CsiException.invalid(problem);
            }
        }
        boolean block = capabilities.stream().anyMatch(VolumeCapability::hasBlock);
        if (block && capabilities.stream().anyMatch(VolumeCapability::hasMount)) {
            throw CsiException.invalid("a volume is either a block device or a filesystem, not both");
        }
    }

    static void require(VolumeCapability capability) {
        require(List.of(capability));
    }

    /** Why a volume cannot be used like this; empty when it can. */
    static String problem(VolumeCapability capability) {
        if (!capability.hasBlock() && !capability.hasMount()) {
            return "volume_capability has no access type: say block or mount";
        }
        Mode mode = capability.getAccessMode().getMode();
        if (!SUPPORTED.contains(mode)) {
            return "access mode " + mode + " is not possible: a volume is used on one node at a time"
                    + " (ReadWriteOnce or ReadWriteOncePod)";
        }
        String type = filesystem(capability);
        if (capability.hasMount() && !FILESYSTEMS.contains(type)) {
            return "filesystem '" + type + "' is not supported: use ext4, xfs or btrfs"
                    + " (csi.storage.k8s.io/fstype of the StorageClass)";
        }
        if (capability.hasMount()
                && !capability.getMount().getVolumeMountGroup().isEmpty()) {
            return "volume_mount_group is not supported: Kubernetes changes the group itself";
        }
        return "";
    }

    static String filesystem(VolumeCapability capability) {
        String given = capability.getMount().getFsType();
        return given.isEmpty() ? DEFAULT_FILESYSTEM : given;
    }

    /** Whether one pod alone may use it. */
    static boolean isForOnePod(VolumeCapability capability) {
        return capability.getAccessMode().getMode() == Mode.SINGLE_NODE_SINGLE_WRITER;
    }

    static boolean isReadOnly(VolumeCapability capability) {
        return capability.getAccessMode().getMode() == Mode.SINGLE_NODE_READER_ONLY;
    }
}
