package storage.cairn.api.resource;

import java.util.Objects;

/** Names that all components and the API server agree on. */
public final class Api {
    public static final String GROUP = "cairn.storage";
    public static final String VERSION = "v1alpha1";

    /** Namespace of everything that is in one: that of the environment's CAIRN_NAMESPACE, which the operator sets. */
    public static final String NAMESPACE = Objects.requireNonNullElse(System.getenv("CAIRN_NAMESPACE"), "cairn-system");

    /** Name of the CSI driver, which PersistentVolumes and StorageClasses carry. */
    public static final String DRIVER = "csi.cairn.storage";

    /** Name of the one StorageCluster. */
    public static final String CLUSTER = "cairn";

    /** What comes before the name of a node in the name of its engine's Lease. */
    public static final String LEASE_PREFIX = "engine-";

    /**
     * Taint of a node whose volumes were given to others; its value names that failover. It goes when the node lives
     * again and is clean.
     */
    public static final String FAILED_TAINT = GROUP + "/failed";

    /** Annotation of a Node with that taint: the boot that it was in. */
    public static final String FAILED_BOOT = GROUP + "/failed-boot";

    /**
     * Annotation of a StorageNode: the value of the taint after which its driver has failed the devices, and unmounted
     * the filesystems, of volumes that others took over. A node that was started anew needs none.
     */
    public static final String CLEANED = GROUP + "/cleaned";

    /** Label of a Node or a Pod, "disabled": failover leaves it alone. */
    public static final String FAILOVER = GROUP + "/failover";

    /** Annotation of an engine's Lease: numbers of the nodes that it cannot reach, with commas between them. */
    public static final String UNREACHABLE = GROUP + "/unreachable";

    /** Annotation of an engine's Lease: numbers of the nodes that refuse its connections, so that no engine runs there. */
    public static final String REFUSED = GROUP + "/refused";

    /** Annotation of a Volume: the claim that it was made for, as namespace/name/uid; it is told what happens to it. */
    public static final String CLAIM = GROUP + "/claim";

    /** Annotation of a VolumeMembership: the disks that its volume is wanted on, with commas between them. */
    public static final String PLACEMENT = GROUP + "/placement";

    /** Annotation of a VolumeMembership: bytes that its volume is to have; it only grows. */
    public static final String SIZE = GROUP + "/size";

    /** Before the UUID of a disk, in an annotation of a VolumeMembership: a later configuration that it holds. */
    public static final String WITNESS_PREFIX = "witness." + GROUP + "/";

    /** Annotation of a Volume: somebody wants it recovered from its disks; the value says how. */
    public static final String RECOVER = GROUP + "/recover";

    public static final String RECOVER_FROM_DISKS = "from-disks";
    public static final String RECOVER_ACCEPT_LOSS = "accept-loss";

    /** Before the epoch that whoever asks has seen: {@link #RECOVER} of a volume with too few in-sync replicas. */
    public static final String FORCE_ONLINE_PREFIX = "force-online:";

    /** After that epoch: also from an older replica, without what was written since. */
    public static final String FORCE_ACCEPT_LOSS = ":accept-loss";

    /** A volume has no fewer bytes, and always a multiple of 4 KiB. */
    public static final long MIN_VOLUME_BYTES = 1L << 20;

    /** A volume has no more bytes. */
    public static final long MAX_VOLUME_BYTES = 240L << 40;

    /** Text of a UUID as this project writes it. */
    static final String UUID_PATTERN = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

    static final String NAME_IS_UUID = "self.metadata.name.matches('" + UUID_PATTERN + "')";

    /** Name of a volume, shorter than Kubernetes allows: it is also the name of an export. */
    static final String VOLUME_NAME_PATTERN = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

    private Api() {}
}
