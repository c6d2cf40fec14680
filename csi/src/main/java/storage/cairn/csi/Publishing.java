package storage.cairn.csi;

import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import storage.cairn.csi.spec.NodePublishVolumeRequest;

/** Shows a staged volume to a pod at a path of its own, by a bind mount, and hides it again. */
final class Publishing {
    private final Staging staging;
    private final StagedVolumes staged;

    Publishing(Staging staging, StagedVolumes staged) {
        this.staging = staging;
        this.staged = staged;
    }

    void publish(NodePublishVolumeRequest request) {
        StagedVolume record = staging.requireStaged(request.getVolumeId());
        Path target = Staging.absolute(request.getTargetPath());
        boolean readOnly = request.getReadonly() || AccessModes.isReadOnly(request.getVolumeCapability());
        boolean block = request.getVolumeCapability().hasBlock();
        if (block != record.isBlock()) {
            throw CsiException.invalid("volume " + record.id() + " is staged as "
                    + (record.isBlock() ? "a block device" : "a filesystem") + " and wanted as the other");
        }
        requireAlone(record, request, target);
        if (Files.isSymbolicLink(target)) {
            throw CsiException.invalid(target + " is a symbolic link");
        }
        Optional<MountTable.Mount> there = MountTable.read().at(target);
        if (there.isPresent()) {
            requireSame(record, there.get(), target, readOnly);
        } else {
            mount(record, target, readOnly);
        }
        staged.put(record.with(new StagedVolume.Target(target.toString(), readOnly)));
    }

    /** ReadWriteOncePod: one pod alone. */
    private static void requireAlone(StagedVolume record, NodePublishVolumeRequest request, Path target) {
        if (!AccessModes.isForOnePod(request.getVolumeCapability())) {
            return;
        }
        for (StagedVolume.Target other : record.published()) {
            if (!other.path().equals(target.toString())
                    && MountTable.read().at(Path.of(other.path())).isPresent()) {
                throw CsiException.precondition("volume " + record.id() + " is for one pod alone (ReadWriteOncePod),"
                        + " and another one has it at " + other.path());
            }
        }
    }

    private void requireSame(StagedVolume record, MountTable.Mount mount, Path target, boolean readOnly) {
        String device = staging.device(record);
        boolean ours = record.isBlock()
                ? ("/dev" + mount.root()).equals(device)
                : mount.source().equals(device);
        if (!ours) {
            throw CsiException.precondition(target + " is in use: " + mount.source() + " is mounted there");
        }
        if (mount.readOnly() != readOnly && !record.isBlock()) {
            throw new CsiException(
                    Status.Code.ALREADY_EXISTS,
                    "volume " + record.id() + " is published at " + target + " already, "
                            + (mount.readOnly() ? "read-only" : "for writing"));
        }
    }

    private void mount(StagedVolume record, Path target, boolean readOnly) {
        if (record.isBlock()) {
            String device = staging.device(record);
            makeFile(target);
            Commands.must("mount", "--bind", device, target.toString());
        } else {
            Path source = Path.of(record.stagingPath());
            if (MountTable.read().at(source).isEmpty()) {
                throw CsiException.precondition(
                        "volume " + record.id() + " is not mounted at " + source + " any more: stage it again");
            }
            Staging.makeFolder(target);
            Commands.must("mount", "--bind", source.toString(), target.toString());
        }
        if (readOnly) {
            Commands.must("mount", "-o", "remount,bind,ro", target.toString());
        }
    }

    private static void makeFile(Path target) {
        try {
            if (target.getParent() != null) {
                Files.createDirectories(target.getParent());
            }
            if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
                Files.createFile(target);
            } else if (!Files.isRegularFile(target, LinkOption.NOFOLLOW_LINKS)) {
                throw CsiException.invalid(target + " exists and is no file that a device could be shown as");
            }
        } catch (IOException e) {
            throw CsiException.internal(target + " cannot be made: " + e, e);
        }
    }

    void unpublish(String id, Path target) {
        Staging.unmountAll(target);
        try {
            // Nothing that has content: that would be somebody's data, without a mount over it.
            Files.deleteIfExists(target);
        } catch (IOException e) {
            throw CsiException.internal(
                    target + " cannot be removed: " + e + ". Is something in it that is no volume's? Move it away", e);
        }
        staged.find(id).ifPresent(record -> staged.put(record.without(target.toString())));
    }
}
