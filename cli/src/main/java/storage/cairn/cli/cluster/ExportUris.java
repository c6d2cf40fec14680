package storage.cairn.cli.cluster;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;

/** Where NBD clients reach an export: one URI for each node, the owner's first. */
public final class ExportUris {
    private ExportUris() {}

    /** Over the unix sockets of this machine. */
    public static List<String> unix(LocalCluster cluster, ServeVolumeResponse export) {
        return each(
                cluster,
                export,
                node -> "nbd+unix:///" + export.getExportName() + "?socket=" + percentEncoded(node.nbdSocket()));
    }

    /** Over TCP. */
    public static List<String> tcp(LocalCluster cluster, ServeVolumeResponse export) {
        return each(cluster, export, node -> "nbd://" + node.nbdAddress() + "/" + export.getExportName());
    }

    private static List<String> each(
            LocalCluster cluster, ServeVolumeResponse export, Function<ClusterFile.Node, String> uri) {
        List<ClusterFile.Node> nodes = new ArrayList<>(cluster.nodes());
        nodes.sort(Comparator.comparing(node -> node.node() != export.getOwnerNode()));
        return nodes.stream().map(uri).toList();
    }

    private static String percentEncoded(String path) {
        return URLEncoder.encode(path, StandardCharsets.UTF_8)
                .replace("+", "%20")
                .replace("%2F", "/");
    }
}
