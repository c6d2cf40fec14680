package storage.cairn.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.Peer;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.Durations;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Sizes;
import storage.cairn.cli.base.Table;
import storage.cairn.cli.cluster.ClusterStatus;
import storage.cairn.cli.cluster.LocalCluster;
import storage.cairn.client.attach.Attachments;

/** {@code cairn status}: nodes, disks and volumes of the local cluster. */
@Command(
        name = "status",
        description = {"Shows the nodes, disks and volumes of the local cluster.", "Exit code 5 when no node answers."},
        footer = {"", "Examples:", "  cairn status", "  cairn status -o json | jq '.volumes[].phase'"})
final class StatusCommand implements Callable<Integer> {
    private final Cairn cairn;

    StatusCommand(Cairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() {
        LocalCluster cluster = cairn.cluster();
        ClusterStatus status = ClusterStatus.ask(cluster);
        Views.ClusterView view = new Views.ClusterView(
                cluster.file().clusterId(),
                cluster.dir().toString(),
                status.nodes().stream().map(Views.NodeView::of).toList(),
                Views.DiskView.all(status),
                volumeViews(cluster, status.volumes()));
        cairn.print(view, () -> {
            cairn.out()
                    .println("Cluster " + cluster.file().clusterId() + " in " + cluster.dir() + ": "
                            + status.answering() + " of " + status.nodes().size() + " nodes answer");
            cairn.out().println();
            nodes(cairn, status);
            if (!view.disks().isEmpty()) {
                cairn.out().println();
                disks(cairn, view.disks());
            }
            if (!view.volumes().isEmpty()) {
                cairn.out().println();
                volumes(cairn, cluster, status.volumes());
                LostDisks.find(status).forEach(lost -> cairn.out().println(lost.advice()));
            }
        });
        return status.answering() == 0 ? ExitCode.UNREACHABLE.number() : ExitCode.OK.number();
    }

    static void nodes(Cairn cairn, ClusterStatus cluster) {
        Table table = new Table("NODE>", "STATE", "PID>", "UP>", "I/O", "MEMORY>", "PEERS", "NBD", "METRICS");
        for (ClusterStatus.Node node : cluster.nodes()) {
            NodeStatus status = node.status();
            table.row(
                    node.node(),
                    Views.NodeView.state(node),
                    node.pid() == 0 ? "-" : node.pid(),
                    status == null ? "-" : Durations.format(status.getUptimeMillis()),
                    status == null ? "-" : status.getIoMode(),
                    status == null ? "-" : Sizes.format(status.getResidentBytes()),
                    status == null ? "-" : peers(status),
                    node.place().nbdAddress(),
                    "http://" + node.place().metricsAddress() + "/metrics");
        }
        table.print(cairn.out());
        versions(cairn, cluster);
        for (ClusterStatus.Node node : cluster.nodes()) {
            NodeStatus status = node.status();
            if (status == null && node.pid() != 0) {
                cairn.out().println("Node " + node.node() + ": " + node.problem());
            }
            if (status != null) {
                unreached(cairn, cluster, status, node.node());
            }
            if (status != null && status.getIoMode().equals("pool")) {
                cairn.out()
                        .println("Node " + node.node() + " does its I/O by " + status.getIoMode() + ": "
                                + status.getIoModeReason());
            }
        }
    }

    static void disks(Cairn cairn, List<Views.DiskView> disks) {
        Table table = new Table(
                "NODE>", "DISK", "KIND", "STATE", "SIZE>", "USED>", "REPLICAS>", "DURABILITY", "DIRECT", "PATH");
        for (Views.DiskView disk : disks) {
            table.row(
                    disk.node(),
                    disk.id(),
                    disk.kind(),
                    disk.state(),
                    Sizes.format(disk.capacityBytes()),
                    Sizes.format(disk.usedBytes()),
                    disk.replicas(),
                    disk.durability(),
                    disk.direct() ? "yes" : "no",
                    disk.path());
        }
        table.print(cairn.out());
        for (Views.DiskView disk : disks) {
            if (disk.reason() != null) {
                cairn.out().println("Disk of node " + disk.node() + ": " + disk.reason());
            }
            if (!disk.damage().isEmpty()) {
                cairn.out().println("Disk of node " + disk.node() + ": " + disk.damage());
            }
        }
    }

    static List<Views.VolumeView> volumeViews(LocalCluster cluster, List<Volume> volumes) {
        Attachments attachments = new Attachments(cluster.dir());
        return volumes.stream()
                .map(volume -> Views.VolumeView.of(volume, attachments.look(volume.getName())))
                .toList();
    }

    static void volumes(Cairn cairn, LocalCluster cluster, List<Volume> volumes) {
        Attachments attachments = new Attachments(cluster.dir());
        Table table = new Table(
                "VOLUME", "SIZE>", "PHASE", "OWNER>", "EPOCH>", "REPLICAS (NODE:STATE)", "CLIENTS>", "DEVICE");
        List<String> remarks = new ArrayList<>();
        for (Volume volume : volumes) {
            Optional<Attachments.Found> attached = attachments.look(volume.getName());
            table.row(
                    volume.getName(),
                    Sizes.format(volume.getSizeBytes()),
                    volume.getPhase(),
                    volume.getOwnerNode() == 0 ? "-" : volume.getOwnerNode(),
                    volume.getEpoch(),
                    Views.replicas(volume),
                    volume.hasActivity() ? volume.getActivity().getClients() : "-",
                    attached.map(StatusCommand::device).orElse("-"));
            if (!volume.getReason().isEmpty()) {
                remarks.add("Volume " + volume.getName() + ": " + Views.reason(volume));
            }
            attached.map(Attachments.Found::trouble)
                    .filter(trouble -> !trouble.isEmpty())
                    .ifPresent(trouble -> remarks.add("The device of volume " + volume.getName() + ": " + trouble));
        }
        table.print(cairn.out());
        remarks.forEach(cairn.out()::println);
    }

    static String device(Attachments.Found found) {
        return found.trouble().isEmpty() ? found.attachment().device() : Views.AttachmentView.state(found);
    }

    /** Engines of other versions may not understand each other: to be seen before something else is suspected. */
    private static void versions(Cairn cairn, ClusterStatus cluster) {
        TreeMap<String, List<Integer>> nodes = new TreeMap<>();
        for (ClusterStatus.Node node : cluster.nodes()) {
            NodeStatus status = node.status();
            if (status != null) {
                nodes.computeIfAbsent(status.getVersion(), unused -> new ArrayList<>())
                        .add(node.node());
            }
        }
        if (nodes.size() > 1) {
            cairn.out()
                    .println("The nodes run different versions: "
                            + nodes.entrySet().stream()
                                    .map(each -> each.getKey() + " on " + each.getValue())
                                    .collect(Collectors.joining(", "))
                            + "; restart them one after the other with the same one");
        }
    }

    /** Why a node does not reach another one that runs. */
    private static void unreached(Cairn cairn, ClusterStatus cluster, NodeStatus status, int from) {
        for (Peer peer : status.getPeersList()) {
            boolean runs = cluster.nodes().stream().anyMatch(node -> node.node() == peer.getNode() && node.pid() != 0);
            if (!peer.getConnected() && runs) {
                cairn.out()
                        .println("Node " + from + " does not reach node " + peer.getNode() + ": " + peer.getReason());
            }
        }
    }

    private static String peers(NodeStatus status) {
        long connected = status.getPeersList().stream()
                .filter(peer -> peer.getConnected())
                .count();
        return connected + "/" + status.getPeersCount();
    }
}
