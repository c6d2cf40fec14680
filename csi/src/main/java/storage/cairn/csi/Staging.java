package storage.cairn.csi;

import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.client.attach.Attachment;
import storage.cairn.client.attach.Attachments;
import storage.cairn.csi.spec.VolumeCapability;

/**
 * Brings a volume to this node and takes it away: the engine here owns it, it is a block device, it has a filesystem,
 * and that is mounted where kubelet wants it. Each step is recorded before the next one, and looked at anew when a
 * request is repeated, by this process or a later one.
 *
 * <pre>
 * nothing - attached - (formatting - ready) - mounted - published to pods
 * </pre>
 */
final class Staging {
    private static final Logger LOG = LogManager.getLogger(Staging.class);
    private static final long LOOK_SECONDS = 10;

    private final String node;
    private final VolumeResources volumes;
    private final EngineControl engine;
    private final Attachments attachments;
    private final StagedVolumes staged;

    Staging(String node, VolumeResources volumes, EngineControl engine, Attachments attachments, StagedVolumes staged) {
        this.node = node;
        this.volumes = volumes;
        this.engine = engine;
        this.attachments = attachments;
        this.staged = staged;
    }

    /** What a request for staging says. */
    record Wanted(String id, Path path, String filesystem, List<String> mountFlags) {
        static Wanted of(String id, String path, VolumeCapability capability) {
            VolumeNames.requireId(id);
            if (path.isEmpty()) {
                throw CsiException.invalid("staging_target_path is missing");
            }
            AccessModes.require(capability);
            List<String> flags = new ArrayList<>(capability.getMount().getMountFlagsList());
            for (String flag : flags) {
                if (flag.isBlank() || flag.chars().anyMatch(c -> c <= ' ')) {
                    throw CsiException.invalid("mount flag '" + flag + "' is none");
                }
            }
            if (capability.hasMount() && AccessModes.isReadOnly(capability)) {
                flags.add("ro");
            }
            return new Wanted(
                    id,
                    absolute(path),
                    capability.hasBlock() ? "" : AccessModes.filesystem(capability),
                    List.copyOf(flags));
        }
    }

    /** A path as kubelet gives it: absolute, and what it looks like. */
    static Path absolute(String text) {
        Path path = Path.of(text);
        if (!path.isAbsolute() || !path.equals(path.normalize())) {
            throw CsiException.invalid("path " + text + " is not absolute, or has '.' or '..' in it");
        }
        return path;
    }

    void stage(Wanted wanted, Deadline deadline) {
        Volume volume = volumes.require(wanted.id());
        Optional<StagedVolume> before = staged.find(wanted.id());
        if (before.isPresent() && before.get().phase() == StagedVolume.Phase.READY) {
            if (!before.get().isSame(wanted.path().toString(), wanted.filesystem(), wanted.mountFlags())) {
                throw new CsiException(
                        Status.Code.ALREADY_EXISTS,
                        "volume " + wanted.id() + " is staged at "
                                + before.get().stagingPath()
                                + (before.get().isBlock()
                                        ? " as a block device"
                                        : " as " + before.get().filesystem())
                                + " already: unstage it there first");
            }
            if (works(before.get())) {
                return;
            }
            LOG.warn("volume {} was staged and its device or mount is dead: it is staged anew", wanted.id());
            clear(before.get());
        }
        requireLocality(volume);
        String name = volume.getMetadata().getName();
        Attachment attachment = attachments.attach(wanted.id(), () -> engine.serve(name, deadline));
        growBehind(volume, deadline);
        StagedVolume record = new StagedVolume(
                wanted.id(),
                name,
                attachment.exportName(),
                StagedVolume.Phase.READY,
                wanted.path().toString(),
                wanted.filesystem(),
                wanted.mountFlags(),
                before.map(StagedVolume::published).orElse(List.of()));
        if (!record.isBlock()) {
            boolean begun = before.isPresent()
                    && before.get().phase() == StagedVolume.Phase.FORMATTING
                    && before.get().exportName().equals(attachment.exportName());
            format(record, attachment, begun, deadline);
            mount(record, attachment);
        }
        staged.put(record);
    }

    /** A volume that may only be used where its data is says so here; the scheduler knows it before. */
    private void requireLocality(Volume volume) {
        List<String> nodes = VolumeResources.nodesWithData(volume);
        if (volume.getSpec().locality() == VolumeSpec.Locality.REQUIRED && !nodes.contains(node)) {
            throw CsiException.precondition("volume " + volume.getSpec().id() + " has locality 'required', and node "
                    + node + " has no replica of it in sync: run the pod on "
                    + (nodes.isEmpty() ? "a node that has, as soon as there is one" : String.join(" or ", nodes)));
        }
    }

    /** A volume that was asked to grow while no node had it. */
    private void growBehind(Volume volume, Deadline deadline) {
        String name = volume.getMetadata().getName();
        long wanted = VolumeResources.sizeBytes(volume);
        if (engine.volume(name, deadline).getSizeBytes() < wanted) {
            engine.resize(name, wanted, deadline);
        }
        attachments.grow(volume.getSpec().id(), wanted);
    }

    private void format(StagedVolume record, Attachment attachment, boolean begun, Deadline deadline) {
        String device = attachment.device();
        Map<String, String> found = Filesystems.probe(device);
        boolean formatted = engine.volume(record.volume(), deadline).getFormatted();
        String type = found.getOrDefault("TYPE", "");
        FilesystemGuard.Seen seen = new FilesystemGuard.Seen(
                type,
                type.isEmpty() && !found.isEmpty() ? String.join(", ", found.values()) : "",
                formatted,
                begun,
                found.isEmpty() && Filesystems.isBlank(device, Filesystems.deviceBytes(device)));
        switch (FilesystemGuard.decide(seen, record.filesystem())) {
            case FilesystemGuard.Decision.Use ignored -> Filesystems.check(record.filesystem(), device);
            case FilesystemGuard.Decision.Refuse refuse ->
                throw CsiException.precondition("volume " + record.id() + " is not mounted: " + refuse.reason());
            case FilesystemGuard.Decision.Make ignored -> {
                staged.put(record.phase(StagedVolume.Phase.FORMATTING, attachment.exportName()));
                engine.markFormatted(record.volume(), attachId(attachment.exportName()), deadline);
                Filesystems.make(record.filesystem(), device);
            }
        }
    }

    private void mount(StagedVolume record, Attachment attachment) {
        // Before it is mounted, and pods may write: from now on nothing is made anew.
        staged.put(record);
        Path path = Path.of(record.stagingPath());
        Optional<MountTable.Mount> there = MountTable.read().at(path);
        if (there.isPresent()) {
            if (!there.get().source().equals(attachment.device())) {
                throw CsiException.precondition(
                        path + " is in use: " + there.get().source() + " is mounted there");
            }
        } else {
            makeFolder(path);
            List<String> line = new ArrayList<>(List.of("mount", "-t", record.filesystem()));
            if (!record.mountFlags().isEmpty()) {
                line.addAll(List.of("-o", String.join(",", record.mountFlags())));
            }
            line.addAll(List.of(attachment.device(), path.toString()));
            Commands.must(line.toArray(String[]::new));
        }
        if (!record.mountFlags().contains("ro")) {
            growMounted(record, attachment.device(), path);
        }
    }

    /** A filesystem that does not grow is of use as it is; kubelet asks again for its growth, and tells of the failure. */
    private static void growMounted(StagedVolume record, String device, Path path) {
        try {
            Filesystems.grow(record.filesystem(), device, path);
        } catch (CsiException e) {
            LOG.warn("volume={} its filesystem is smaller than it: {}", record.id(), e.getMessage());
        }
    }

    static void makeFolder(Path path) {
        try {
            if (Files.isSymbolicLink(path)) {
                throw CsiException.invalid(path + " is a symbolic link");
            }
            Files.createDirectories(path);
        } catch (IOException e) {
            throw CsiException.internal(path + " cannot be made: " + e, e);
        }
    }

    /** Whether its device is the one that was made, and answers, by way of the mount if there is one. */
    boolean works(StagedVolume record) {
        Optional<Attachment> attachment = attachments.find(record.id());
        if (attachment.isEmpty()) {
            return false;
        }
        String device = attachment.get().device();
        if (!Commands.run(LOOK_SECONDS, "dd", "if=" + device, "of=/dev/null", "bs=4096", "count=1", "iflag=direct")
                .ok()) {
            return false;
        }
        if (record.isBlock()) {
            return true;
        }
        Path path = Path.of(record.stagingPath());
        boolean mounted = MountTable.read()
                .at(path)
                .filter(mount -> mount.source().equals(device))
                .isPresent();
        return mounted
                && Commands.run(LOOK_SECONDS, "stat", "--", path.toString()).ok();
    }

    /** Takes the mount and the device of a volume away, whether they live or not. */
    private void clear(StagedVolume record) {
        if (!record.isBlock()) {
            unmountAll(Path.of(record.stagingPath()));
        }
        if (attachments.anythingOf(record.id())) {
            // Pods may have it mounted in places that only they see; the device is dead for them already.
            attachments.abandon(record.id());
        }
    }

    /** Volumes of which this node has something: a device, a mount, or a record of them. */
    Set<String> known() {
        Set<String> known = new TreeSet<>(attachments.volumes());
        known.addAll(staged.ids());
        return known;
    }

    /** The export by which this node has a volume, or had it last. */
    Optional<String> export(String id) {
        return attachments
                .look(id)
                .map(found -> found.attachment().exportName())
                .or(() -> staged.find(id).map(StagedVolume::exportName));
    }

    /**
     * Takes away what this node has of a volume that others have now. Pods that still have it get errors, and end when
     * kubelet hears that they were deleted.
     */
    void giveUp(String id) {
        // The device first: nothing that waits in memory may seem to be stored.
        attachments.abandon(id);
        staged.find(id).ifPresent(record -> {
            record.published().forEach(target -> unmountAll(Path.of(target.path())));
            unmountAll(Path.of(record.stagingPath()));
        });
    }

    /** Unmounts whatever lies on a path; what does not answer is let go. */
    static void unmountAll(Path path) {
        for (int left = MountTable.read().countAt(path); left > 0; left--) {
            if (!Commands.run("umount", path.toString()).ok()) {
                Commands.must("umount", "--lazy", path.toString());
            }
        }
    }

    void unstage(String id, Path path, Deadline deadline) {
        Optional<StagedVolume> record = staged.find(id);
        if (record.isPresent() && !record.get().published().isEmpty()) {
            List<StagedVolume.Target> still = record.get().published().stream()
                    .filter(target ->
                            MountTable.read().at(Path.of(target.path())).isPresent())
                    .toList();
            if (!still.isEmpty()) {
                throw CsiException.precondition("volume " + id + " is still published at "
                        + still.getFirst().path() + ": unpublish it there first");
            }
        }
        attachments.find(id).ifPresent(attachment -> flush(id, attachment.device()));
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)
                || MountTable.read().at(path).isPresent()) {
            unmountAll(path);
        }
        record.ifPresent(known -> unmountAll(Path.of(known.stagingPath())));
        if (attachments.anythingOf(id)) {
            String export = attachments.look(id).orElseThrow().attachment().exportName();
            attachments.detach(id);
            engine.release(export.substring(0, export.lastIndexOf('/')), attachId(export), deadline);
        }
        staged.remove(id);
    }

    /**
     * Not by unmounting alone: where another mount namespace has a copy of the mount, that writes nothing back, and the
     * device is taken away after it.
     */
    private static void flush(String id, String device) {
        Commands.Result flushed = Commands.run("blockdev", "--flushbufs", device);
        if (!flushed.ok()) {
            LOG.warn("volume={} what was written last to {} is not flushed: {}", id, device, flushed.output());
        }
    }

    /** Exports are called volume/attachId. */
    static String attachId(String export) {
        return export.substring(export.lastIndexOf('/') + 1);
    }

    /** The device of a volume that is staged here. */
    String device(StagedVolume record) {
        return attachments
                .find(record.id())
                .orElseThrow(() -> CsiException.unavailable(
                        "the device of volume " + record.id() + " is gone; it is made anew when the volume is staged"
                                + " again: delete the pod",
                        null))
                .device();
    }

    StagedVolume requireStaged(String id) {
        return staged.find(id)
                .filter(record -> record.phase() == StagedVolume.Phase.READY)
                .orElseThrow(() -> {
                    var unused = volumes.require(id);
                    return CsiException.precondition("volume " + id + " is not staged on node " + node);
                });
    }
}
