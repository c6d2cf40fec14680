package storage.cairn.benchmarks;

import java.nio.file.Path;
import java.util.List;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.cli.cluster.ControlClient;
import storage.cairn.cli.cluster.EngineCommand;
import storage.cairn.cli.cluster.ExportUris;
import storage.cairn.cli.cluster.LocalCluster;

/**
 * Creates and serves volumes of a local cluster that runs, spread over its nodes as owners, and prints the URI of each:
 * {@code OpenVolumes DIR FIRST COUNT MIB}. The command line would start a JVM for each step.
 */
public final class OpenVolumes {
    private static final int TIMEOUT_SECONDS = 60;

    private OpenVolumes() {}

    public static void main(String[] args) {
        if (args.length != 4) {
            throw new IllegalArgumentException("OpenVolumes DIR FIRST COUNT MIB");
        }
        LocalCluster cluster = LocalCluster.open(Path.of(args[0]), EngineCommand.ofThisBuild());
        int first = Integer.parseInt(args[1]);
        int count = Integer.parseInt(args[2]);
        long sizeBytes = Long.parseLong(args[3]) << 20;
        List<ControlClient> nodes =
                cluster.nodes().stream().map(ControlClient::connect).toList();
        for (int i = first; i < first + count; i++) {
            System.out.println(open(cluster, nodes.get(i % nodes.size()), "v" + i, sizeBytes));
        }
        nodes.forEach(ControlClient::close);
    }

    private static String open(LocalCluster cluster, ControlClient owner, String name, long sizeBytes) {
        CreateVolumeRequest create = CreateVolumeRequest.newBuilder()
                .setName(name)
                .setSizeBytes(sizeBytes)
                .build();
        ServeVolumeRequest serve = ServeVolumeRequest.newBuilder().setName(name).build();
        owner.call(TIMEOUT_SECONDS, stub -> stub.createVolume(create));
        ServeVolumeResponse served = owner.call(TIMEOUT_SECONDS, stub -> stub.serveVolume(serve));
        return ExportUris.unix(cluster, served).getFirst();
    }
}
