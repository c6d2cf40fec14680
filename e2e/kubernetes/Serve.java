import java.nio.file.Path;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.ControlClient;

/**
 * Makes a node the owner of a volume, by the control socket of its engine, and prints the name of the export. Run as a
 * source file: the folder of the engine's sockets, and the volume's name.
 */
final class Serve {
    public static void main(String[] args) {
        Path sockets = Path.of(args[0]);
        ClusterFile.Node node = new ClusterFile.Node(
                1, "-", sockets.resolve("control.sock").toString(), "-", sockets.resolve("nbd.sock").toString(), "-", "-");
        try (ControlClient client = ControlClient.connect(node)) {
            ServeVolumeRequest request = ServeVolumeRequest.newBuilder().setName(args[1]).build();
            System.out.println(client.call(60, stub -> stub.serveVolume(request)).getExportName());
        }
    }
}
