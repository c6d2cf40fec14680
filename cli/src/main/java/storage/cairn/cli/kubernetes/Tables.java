package storage.cairn.cli.kubernetes;

import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.HasMetadata;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeStatus;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.cli.base.Sizes;
import storage.cairn.cli.base.Table;

/** Prints resources as tables, each with the reason why it is not better below. */
final class Tables {
    private static final JsonMapper JSON = new JsonMapper();

    private Tables() {}

    static String name(HasMetadata object) {
        return object.getMetadata().getName();
    }

    private static String text(@Nullable Object value) {
        if (value instanceof Enum<?>) {
            // As it is written in the resource.
            return JSON.convertValue(value, String.class);
        }
        return value == null ? "-" : value.toString();
    }

    private static String bytes(@Nullable Long value) {
        return value == null ? "-" : Sizes.format(value);
    }

    static void nodes(PrintWriter out, List<StorageNode> nodes) {
        Table table = new Table("NODE", "NUMBER>", "VERSION", "I/O", "ATTACH", "DISKS>", "REPLICAS>", "OWNED>");
        for (StorageNode node : nodes) {
            StorageNodeStatus status = node.getStatus();
            table.row(
                    name(node),
                    node.getSpec().number(),
                    status == null ? "-" : text(status.version()),
                    status == null ? "-" : text(status.ioMode()),
                    status == null ? "-" : text(status.attachStrategy()),
                    status == null ? "-" : text(status.disks()),
                    status == null ? "-" : text(status.replicas()),
                    status == null ? "-" : text(status.owned()));
        }
        table.print(out);
        for (StorageNode node : nodes) {
            StorageNodeStatus status = node.getStatus();
            if (status != null && "pool".equals(status.ioMode())) {
                out.println("Node " + name(node) + " does its I/O by a pool of threads: " + text(status.ioReason()));
            }
            told(out, "Node " + name(node), status == null ? null : status.conditions());
        }
    }

    static void disks(PrintWriter out, List<Disk> disks) {
        Table table = new Table("DISK", "NODE", "POOL", "STATE", "MEDIA", "SIZE>", "USED>", "REPLICAS>", "PATH");
        for (Disk disk : disks) {
            DiskStatus status = disk.getStatus();
            Capacity capacity = status == null ? null : status.capacity();
            table.row(
                    name(disk),
                    status == null ? "-" : text(status.node()),
                    disk.getSpec() == null ? "-" : text(disk.getSpec().pool()),
                    status == null ? "-" : text(status.state()),
                    status == null ? "-" : text(status.media()),
                    capacity == null ? "-" : bytes(capacity.rawBytes()),
                    capacity == null ? "-" : bytes(capacity.usedBytes()),
                    status == null ? "-" : text(status.replicas()),
                    status == null ? "-" : text(status.path()));
        }
        table.print(out);
        for (Disk disk : disks) {
            DiskStatus status = disk.getStatus();
            if (status != null && status.reason() != null && !status.reason().isEmpty()) {
                out.println("Disk " + name(disk) + ": " + status.reason());
            }
            told(out, "Disk " + name(disk), status == null ? null : status.conditions());
        }
    }

    static void volumes(PrintWriter out, List<Volume> volumes) {
        Table table = new Table("VOLUME", "SIZE>", "POOL", "PHASE", "OWNER", "REPLICAS (NODE:STATE)");
        for (Volume volume : volumes) {
            VolumeStatus status = volume.getStatus();
            table.row(
                    name(volume),
                    text(volume.getSpec().size()),
                    volume.getSpec().pool(),
                    status == null ? "-" : text(status.phase()),
                    status == null ? "-" : text(status.owner()),
                    status == null ? "-" : replicas(status));
        }
        table.print(out);
        for (Volume volume : volumes) {
            VolumeStatus status = volume.getStatus();
            if (status == null) {
                out.println("Volume " + name(volume) + ": no replica manager has seen it yet");
            } else if (status.reason() != null && !status.reason().isEmpty()) {
                out.println("Volume " + name(volume) + ": " + status.reason());
            }
        }
    }

    private static String replicas(VolumeStatus status) {
        List<String> all = new ArrayList<>();
        if (status.replicas() != null) {
            status.replicas().forEach(each -> all.add(text(each.node()) + ":" + text(each.state())));
        }
        return String.join(" ", all);
    }

    /** How far an evacuation is. */
    private static void told(PrintWriter out, String of, @Nullable List<Condition> conditions) {
        if (conditions != null) {
            for (Condition condition : conditions) {
                if ("Evacuated".equals(condition.getType())) {
                    out.println(of + " is evacuated: " + condition.getMessage());
                }
            }
        }
    }
}
