package storage.cairn.cli;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.DeleteVolumeRequest;
import storage.cairn.api.v1alpha1.ListVolumesRequest;
import storage.cairn.api.v1alpha1.MoveVolumeRequest;
import storage.cairn.api.v1alpha1.ReleaseVolumeRequest;
import storage.cairn.api.v1alpha1.Replica;
import storage.cairn.api.v1alpha1.ResizeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Sizes;
import storage.cairn.cli.base.Table;
import storage.cairn.cli.cluster.ClusterStatus;
import storage.cairn.cli.cluster.ExportUris;
import storage.cairn.cli.cluster.LocalCluster;
import storage.cairn.client.attach.Attachment;
import storage.cairn.client.attach.Attachments;

/** {@code cairn volume ...}. */
@Command(
        name = "volume",
        description = "Makes, shows, serves and deletes volumes.",
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Examples:",
            "  cairn volume create data --size 10GiB",
            "  cairn volume serve data",
            "  cairn volume attach data",
        })
final class VolumeCommands {
    /** A request that the configuration store answers. */
    private static final int QUICK_SECONDS = 30;
    /** One that may have to wait for the leases of a former owner, or for data. */
    private static final int PATIENT_SECONDS = 120;

    private final Cairn cairn;

    VolumeCommands(Cairn cairn) {
        this.cairn = cairn;
    }

    @Command(
            name = "create",
            description = "Makes a volume. A name that is in use is refused.",
            sortOptions = false,
            footer = {
                "",
                "Examples:",
                "  cairn volume create data --size 10GiB",
                "  cairn volume create scratch --size 1GiB --replicas 2 --min-in-sync 1",
            })
    int create(
            @Parameters(paramLabel = "NAME", description = "1 to 63 of a-z, 0-9 and '-'.") String name,
            @Option(
                            names = "--size",
                            required = true,
                            paramLabel = "SIZE",
                            description = "What a host sees: 1MiB or more, a multiple of 4KiB.")
                    Size size,
            @Option(
                            names = "--replicas",
                            paramLabel = "N",
                            description = "1 to 5, each on another node. Default: 3, or all nodes if there are fewer")
                    @Nullable
                    Integer replicas,
            @Option(
                            names = "--min-in-sync",
                            paramLabel = "N",
                            description = "Writes wait while fewer replicas are in sync. Default: half, rounded up")
                    @Nullable
                    Integer minInSync) {
        requireAtLeastOne("--replicas", replicas);
        requireAtLeastOne("--min-in-sync", minInSync);
        CreateVolumeRequest request = CreateVolumeRequest.newBuilder()
                .setName(name)
                .setSizeBytes(size.bytes())
                .setReplicas(replicas == null ? 0 : replicas)
                .setMinInSync(minInSync == null ? 0 : minInSync)
                .build();
        Requests requests = new Requests(cairn);
        if (requests.exists(name)) {
            throw new Failure(
                    ExitCode.REFUSED,
                    "There is a volume '" + name + "' already: choose another name, or see 'cairn volume inspect "
                            + name + "'");
        }
        show(requests.create(PATIENT_SECONDS, request));
        return ExitCode.OK.number();
    }

    @Command(
            name = "list",
            description = "Lists all volumes.",
            footer = {"", "Examples:", "  cairn volume list", "  cairn volume list -o json | jq -r '.volumes[].name'"})
    int list() {
        LocalCluster cluster = cairn.cluster();
        List<Volume> known = ClusterStatus.ask(cluster).volumes();
        List<Volume> stored = new Requests(cairn)
                .any(
                        QUICK_SECONDS,
                        stub -> stub.listVolumes(ListVolumesRequest.getDefaultInstance())
                                .getVolumesList());
        List<Volume> volumes = stored.stream()
                .map(volume -> known.stream()
                        .filter(seen -> seen.getId().equals(volume.getId()) && seen.getEpoch() >= volume.getEpoch())
                        .findFirst()
                        .orElse(volume))
                .sorted(Comparator.comparing(Volume::getName))
                .toList();
        cairn.print(
                Map.of("volumes", StatusCommand.volumeViews(cluster, volumes)),
                () -> StatusCommand.volumes(cairn, cluster, volumes));
        return ExitCode.OK.number();
    }

    @Command(
            name = "inspect",
            description = "Shows everything about one volume.",
            footer = {"", "Examples:", "  cairn volume inspect data", "  cairn volume inspect data -o json"})
    int inspect(@Parameters(paramLabel = "NAME", description = "Name of the volume.") String name) {
        show(new Requests(cairn).find(name));
        return ExitCode.OK.number();
    }

    @Command(
            name = "delete",
            description = "Deletes a volume and its data on all replicas. Refused while a client is connected to it.",
            footer = {"", "Examples:", "  cairn volume delete data", "  cairn volume delete data --force"})
    int delete(
            @Parameters(paramLabel = "NAME", description = "Name of the volume.") String name,
            @Option(names = "--force", description = "Also while clients are connected; they get errors.")
                    boolean force) {
        LocalCluster cluster = cairn.cluster();
        refuseWhileAttached(cluster, name, "delete it");
        DeleteVolumeRequest request =
                DeleteVolumeRequest.newBuilder().setName(name).setForce(force).build();
        new Requests(cairn).owner(name, PATIENT_SECONDS, stub -> stub.deleteVolume(request));
        cairn.done("volume", name, "Deleted", "Volume " + name + " is deleted.");
        return ExitCode.OK.number();
    }

    @Command(
            name = "serve",
            description = {
                "Makes a node the owner of a volume and gives it a new NBD export; older exports end.",
                "Prints one URI for each node, the owner's first: a client that loses the owner goes on to the next."
            },
            sortOptions = false,
            footer = {
                "",
                "Examples:",
                "  cairn volume serve data",
                "  nbdinfo \"$(cairn volume serve data -o json | jq -r '.uris[0]')\"",
                "  fio --name=t --ioengine=nbd --rw=randwrite --bs=4k --iodepth=32 \\",
                "      --size=256m --uri=\"$(cairn volume serve data | head -n 1)\"",
            })
    int serve(
            @Parameters(paramLabel = "NAME", description = "Name of the volume.") String name,
            @Option(
                            names = "--node",
                            paramLabel = "N",
                            description = "Which node. Default: its owner, else the first with a replica in sync")
                    @Nullable
                    Integer node,
            @Option(names = "--tcp", description = "Print TCP URIs rather than those of unix sockets.") boolean tcp) {
        LocalCluster cluster = cairn.cluster();
        refuseWhileAttached(cluster, name, "serve it anew");
        ServeVolumeResponse served = serve(new Requests(cairn), name, node);
        List<String> uris = tcp ? ExportUris.tcp(cluster, served) : ExportUris.unix(cluster, served);
        cairn.print(Map.of("uris", uris), () -> uris.forEach(cairn.out()::println));
        return ExitCode.OK.number();
    }

    @Command(
            name = "release",
            description = "Ends the export of a volume and the ownership: any node may serve it next, at once.",
            footer = {"", "Example:", "  cairn volume release data"})
    int release(@Parameters(paramLabel = "NAME", description = "Name of the volume.") String name) {
        LocalCluster cluster = cairn.cluster();
        refuseWhileAttached(cluster, name, "release it");
        release(new Requests(cairn), name);
        cairn.done("volume", name, "Released", "Volume " + name + " is released.");
        return ExitCode.OK.number();
    }

    @Command(
            name = "move",
            description = "Hands a served volume to another node; clients reconnect there with the same export.",
            footer = {"", "Example:", "  cairn volume move data 2"})
    int move(
            @Parameters(index = "0", paramLabel = "NAME", description = "Name of the volume.") String name,
            @Parameters(index = "1", paramLabel = "N", description = "Number of the node, from 1.") int node) {
        LocalCluster cluster = cairn.cluster();
        cluster.requireNode(node);
        MoveVolumeRequest request =
                MoveVolumeRequest.newBuilder().setName(name).setNode(node).build();
        show(new Requests(cairn).owner(name, PATIENT_SECONDS, stub -> stub.moveVolume(request)));
        return ExitCode.OK.number();
    }

    @Command(
            name = "resize",
            description = "Grows a volume; hosts see the new size when they connect next, or ask for it.",
            footer = {"", "Example:", "  cairn volume resize data --size 20GiB"})
    int resize(
            @Parameters(paramLabel = "NAME", description = "Name of the volume.") String name,
            @Option(names = "--size", required = true, paramLabel = "SIZE", description = "The new size.") Size size) {
        ResizeVolumeRequest request = ResizeVolumeRequest.newBuilder()
                .setName(name)
                .setSizeBytes(size.bytes())
                .build();
        show(new Requests(cairn).owner(name, PATIENT_SECONDS, stub -> stub.resizeVolume(request)));
        return ExitCode.OK.number();
    }

    @Command(
            name = "attach",
            description = {
                "Makes a volume a block device of this machine, by what its kernel allows: its nbd driver, else a FUSE"
                        + " file below a loop device with 4KiB sectors. Needs root. Again, it prints the same device.",
                "Making a filesystem and mounting it is yours. While no engine serves the volume, I/O waits, for an hour;"
                        + " then it fails."
            },
            footer = {
                "",
                "Examples:",
                "  dev=$(sudo cairn volume attach data --data-dir ~/.cairn)",
                "  sudo mkfs.ext4 \"$dev\" && sudo mount \"$dev\" /mnt",
            })
    int attach(@Parameters(paramLabel = "NAME", description = "Name of the volume.") String name) {
        LocalCluster cluster = cairn.cluster();
        Requests requests = new Requests(cairn);
        Attachment attachment;
        try (var _ = cluster.lock()) {
            Volume volume = requests.find(name);
            attachment = new Attachments(cluster.dir()).attach(volume.getName(), () -> {
                ServeVolumeResponse served = serve(requests, name, null);
                return new Attachments.Export(
                        served.getExportName(),
                        ExportUris.unix(cluster, served),
                        requests.find(name).getSizeBytes());
            });
        }
        cairn.print(attachment, () -> cairn.out().println(attachment.device()));
        return ExitCode.OK.number();
    }

    @Command(
            name = "detach",
            description = "Takes the block device of a volume away, and releases the volume. Unmount it before.",
            footer = {"", "Example:", "  sudo umount /mnt && sudo cairn volume detach data --data-dir ~/.cairn"})
    int detach(@Parameters(paramLabel = "NAME", description = "Name of the volume.") String name) {
        LocalCluster cluster = cairn.cluster();
        try (var _ = cluster.lock()) {
            Attachments attachments = new Attachments(cluster.dir());
            if (!attachments.anythingOf(name)) {
                cairn.done("volume", name, "Detached", "Volume " + name + " is not attached.");
                return ExitCode.OK.number();
            }
            attachments.detach(name);
        }
        if (cluster.running().isEmpty()) {
            cairn.done("volume", name, "Detached", "Volume " + name + " is detached.");
            return ExitCode.OK.number();
        }
        release(new Requests(cairn), name);
        cairn.done("volume", name, "Detached", "Volume " + name + " is detached and released.");
        return ExitCode.OK.number();
    }

    private void show(Volume volume) {
        Optional<Attachments.Found> attached = new Attachments(cairn.cluster().dir()).look(volume.getName());
        cairn.print(Views.VolumeView.of(volume, attached), () -> {
            Table table = new Table("VOLUME", volume.getName());
            table.row("Id", volume.getId());
            table.row("Size", Sizes.format(volume.getSizeBytes()) + " (" + volume.getSizeBytes() + " bytes)");
            table.row("Phase", volume.getPhase());
            table.row("Reason", Views.reason(volume));
            table.row("Owner", volume.getOwnerNode() == 0 ? "-" : "node " + volume.getOwnerNode());
            table.row("Epoch", volume.getEpoch());
            table.row("In sync at least", volume.getMinInSync());
            attached.ifPresent(found -> table.row(
                    "Device", found.trouble().isEmpty() ? found.attachment().device() : "Lost: " + found.trouble()));
            for (Replica replica : volume.getReplicasList()) {
                table.row(
                        "Replica on node " + (replica.getNode() == 0 ? "?" : replica.getNode()),
                        replica.getState() + ", disk " + replica.getDisk());
            }
            table.print(cairn.out());
        });
    }

    private ServeVolumeResponse serve(Requests requests, String name, @Nullable Integer node) {
        LocalCluster cluster = requests.cluster();
        Volume volume = requests.find(name);
        int owner = volume.getOwnerNode();
        int where;
        if (node != null) {
            cluster.requireNode(node);
            where = node;
        } else if (owner != 0 && cluster.runs(owner)) {
            where = owner;
        } else {
            where = volume.getReplicasList().stream()
                    .filter(replica -> replica.getState().equals("InSync"))
                    .map(Replica::getNode)
                    .filter(number -> number != 0 && cluster.runs(number))
                    .findFirst()
                    .orElseGet(requests::answering);
        }
        ServeVolumeRequest request =
                ServeVolumeRequest.newBuilder().setName(name).build();
        try {
            return requests.on(where, PATIENT_SECONDS, stub -> stub.serveVolume(request));
        } catch (Failure e) {
            String reason =
                    e.code() == ExitCode.UNREACHABLE ? requests.find(name).getReason() : "";
            if (reason.isEmpty()) {
                throw e;
            }
            throw new Failure(
                    ExitCode.UNREACHABLE,
                    "Volume " + name + " could not be served within " + PATIENT_SECONDS + " s: " + reason,
                    e);
        }
    }

    private static void release(Requests requests, String name) {
        ReleaseVolumeRequest request =
                ReleaseVolumeRequest.newBuilder().setName(name).build();
        requests.owner(name, QUICK_SECONDS, stub -> stub.releaseVolume(request));
    }

    private static void refuseWhileAttached(LocalCluster cluster, String name, String what) {
        new Attachments(cluster.dir()).find(name).ifPresent(attachment -> {
            throw new Failure(
                    ExitCode.REFUSED,
                    "Volume " + name + " is attached as " + attachment.device() + ": 'cairn volume detach " + name
                            + "' before you " + what);
        });
    }

    private static void requireAtLeastOne(String option, @Nullable Integer value) {
        if (value != null && value < 1) {
            throw new Failure(ExitCode.USAGE, option + " " + value + ": at least 1");
        }
    }
}
