import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.ClusterPlan;
import storage.cairn.cli.cluster.ControlClient;
import storage.cairn.cli.cluster.EngineCommand;
import storage.cairn.cli.cluster.ExportUris;
import storage.cairn.cli.cluster.LocalCluster;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdCommand;
import storage.cairn.client.nbd.NbdUri;

/** What many open volumes cost an engine: see the script {@code volumes}. */
public final class Volumes {
    private static final long TICKS_PER_SECOND = 100;

    private final LocalCluster cluster;
    private final List<NbdClient> clients = new ArrayList<>();

    private Volumes(LocalCluster cluster) {
        this.cluster = cluster;
    }

    public static void main(String[] args) throws Exception {
        Path parent = Path.of("");
        String counts = "100,500";
        int seconds = 60;
        for (int i = 0; i < args.length; i += 2) {
            switch (args[i]) {
                case "--dir" -> parent = Path.of(args[i + 1]);
                case "--volumes" -> counts = args[i + 1];
                case "--seconds" -> seconds = Integer.parseInt(args[i + 1]);
                default -> throw new IllegalArgumentException("unknown option " + args[i] + "; see --help");
            }
        }
        Path dir = Files.createTempDirectory(parent, "cairn-volumes-");
        LocalCluster cluster =
                LocalCluster.create(dir, new ClusterPlan(3, 4L << 30, "auto"), EngineCommand.ofThisBuild());
        List<Integer> nodes = cluster.nodes().stream().map(ClusterFile.Node::node).toList();
        try {
            nodes.forEach(cluster::start);
            cluster.awaitReady(nodes, Duration.ofMinutes(2), (ready, of) -> {});
            Volumes volumes = new Volumes(cluster);
            System.out.println("volumes  CPU of 3 engines, % of a core  resident MiB (each)  create ms  serve ms  I/O ms");
            long nothing = volumes.measure(0, seconds, "");
            for (String count : counts.split(",")) {
                int wanted = Integer.parseInt(count);
                String took = volumes.open(wanted);
                long with = volumes.measure(wanted, seconds, took);
                System.out.printf("         %d volumes add %.2f %% of a core%n", wanted, percent(with - nothing, seconds));
            }
            volumes.clients.forEach(NbdClient::close);
        } finally {
            nodes.forEach(cluster::kill);
            cluster.awaitEnd(nodes, Duration.ofSeconds(30));
            try (Stream<Path> files = Files.walk(dir)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** Opens volumes until there are {@code wanted}; says how long each step took on average. */
    private String open(int wanted) throws Exception {
        long createNanos = 0;
        long serveNanos = 0;
        long ioNanos = 0;
        int first = clients.size();
        for (int i = first; i < wanted; i++) {
            String name = "v" + i;
            int node = 1 + i % 3;
            try (ControlClient control = ControlClient.connect(cluster.node(node))) {
                long start = System.nanoTime();
                control.call(60, stub -> stub.createVolume(CreateVolumeRequest.newBuilder()
                        .setName(name)
                        .setSizeBytes(64L << 20)
                        .build()));
                long created = System.nanoTime();
                var served = control.call(
                        60,
                        stub -> stub.serveVolume(
                                ServeVolumeRequest.newBuilder().setName(name).build()));
                long ready = System.nanoTime();
                clients.add(use(ExportUris.unix(cluster, served).stream().map(NbdUri::parse).toList(), i));
                createNanos += created - start;
                serveNanos += ready - created;
                ioNanos += System.nanoTime() - ready;
            }
        }
        int opened = Math.max(1, wanted - first);
        return String.format("%9.0f %9.0f %7.0f", createNanos / 1e6 / opened, serveNanos / 1e6 / opened, ioNanos / 1e6 / opened);
    }

    /** Writes and reads a block, and leaves the connection open. */
    private static NbdClient use(List<NbdUri> uris, int number) throws Exception {
        NbdClient client = new NbdClient(uris, new NbdClient.Settings(4, 30_000), new Silent());
        client.awaitSizeBytes();
        ByteBuffer written = ByteBuffer.allocate(4096).putInt(0, number + 1);
        ByteBuffer back = ByteBuffer.allocate(4096);
        BlockingQueue<NbdCommand> ended = new LinkedBlockingQueue<>();
        client.submit(new NbdCommand(ended::add).transfer(NbdCommand.Type.WRITE, number * 4096L, written));
        require(ended.poll(30, TimeUnit.SECONDS), number);
        client.submit(new NbdCommand(ended::add).transfer(NbdCommand.Type.READ, number * 4096L, back));
        require(ended.poll(30, TimeUnit.SECONDS), number);
        if (back.getInt(0) != number + 1) {
            throw new IllegalStateException("volume v" + number + " gave back something else");
        }
        return client;
    }

    private static void require(NbdCommand command, int number) {
        if (command == null || command.error() != 0) {
            throw new IllegalStateException(
                    "volume v" + number + ": " + (command == null ? "no reply" : command.errorText()));
        }
    }

    /** CPU ticks that all engines take in {@code seconds} without I/O. */
    private long measure(int count, int seconds, String took) throws Exception {
        Thread.sleep(Duration.ofSeconds(15));
        long before = ticks();
        Thread.sleep(Duration.ofSeconds(seconds));
        long used = ticks() - before;
        StringBuilder resident = new StringBuilder();
        for (ClusterFile.Node node : cluster.nodes()) {
            try (Stream<String> lines = Files.lines(proc(node, "status"))) {
                lines.filter(line -> line.startsWith("VmRSS:"))
                        .forEach(line -> resident.append(' ').append(Long.parseLong(line.replaceAll("\\D", "")) >> 10));
            }
        }
        System.out.printf("%7d  %29.2f  %19s %s%n", count, percent(used, seconds), resident, took);
        return used;
    }

    private static double percent(long ticks, int seconds) {
        return 100.0 * ticks / TICKS_PER_SECOND / seconds;
    }

    private Path proc(ClusterFile.Node node, String file) {
        return Path.of("/proc", Long.toString(cluster.pid(node.node())), file);
    }

    /** Of all engines: proc_pid_stat(5), utime and stime. */
    private long ticks() throws IOException {
        long sum = 0;
        for (ClusterFile.Node node : cluster.nodes()) {
            String stat = Files.readString(proc(node, "stat"));
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            sum += Long.parseLong(fields[11]) + Long.parseLong(fields[12]);
        }
        return sum;
    }

    private static final class Silent implements NbdClient.Listener {
        @Override
        public void connected(NbdUri uri) {}

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {}

        @Override
        public void refused(NbdUri uri, String reason) {}
    }
}
