import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.DeleteVolumeRequest;
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

/** What many open volumes cost engines that do nothing: see the script {@code volumes}. */
public final class Volumes {
    private static final double TICKS_PER_SECOND = 100;
    private static final int WINDOW_SECONDS = 10;
    /** Until what opening and deleting left to be done is done. */
    private static final Duration REST = Duration.ofSeconds(15);

    private final LocalCluster cluster;
    private final List<Integer> nodes;
    private final List<NbdClient> clients = new ArrayList<>();

    private Volumes(Path dir) throws IOException {
        cluster = LocalCluster.create(dir, new ClusterPlan(3, 4L << 30, "auto"), EngineCommand.ofThisBuild());
        nodes = cluster.nodes().stream().map(ClusterFile.Node::node).toList();
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
        Volumes with = new Volumes(dir.resolve("with"));
        Volumes without = new Volumes(dir.resolve("without"));
        try {
            both(with::start, without::start);
            System.out.println("volumes  CPU of 3 engines, % of a core: with  without  difference       "
                    + "resident MiB, with | without         create ms  serve ms  I/O ms");
            for (String count : counts.split(",")) {
                int wanted = Integer.parseInt(count);
                String[] took = {""};
                both(() -> took[0] = with.open(wanted), () -> without.open(wanted));
                without.close();
                Thread.sleep(REST);
                compare(with, without, wanted, seconds, took[0]);
            }
            with.clients.forEach(NbdClient::close);
        } finally {
            with.end();
            without.end();
            try (Stream<Path> files = Files.walk(dir)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    private interface Step {
        void run() throws Exception;
    }

    private static void both(Step one, Step other) throws Exception {
        CompletableFuture<Void> beside = CompletableFuture.runAsync(() -> {
            try {
                other.run();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        one.run();
        beside.get();
    }

    private void start() {
        nodes.forEach(cluster::start);
        cluster.awaitReady(nodes, Duration.ofMinutes(2), (ready, of) -> {});
    }

    private void end() {
        nodes.forEach(cluster::kill);
        cluster.awaitEnd(nodes, Duration.ofSeconds(30));
    }

    /** Both at the same time, window after window. */
    private static void compare(Volumes with, Volumes without, int count, int seconds, String took) throws Exception {
        int windows = Math.max(2, seconds / WINDOW_SECONDS);
        double[] differences = new double[windows];
        double loaded = 0;
        double base = 0;
        for (int i = 0; i < windows; i++) {
            long one = with.ticks();
            long other = without.ticks();
            Thread.sleep(Duration.ofSeconds(WINDOW_SECONDS));
            double more = percent(with.ticks() - one);
            double less = percent(without.ticks() - other);
            differences[i] = more - less;
            loaded += more / windows;
            base += less / windows;
        }
        System.out.printf(
                "%7d %40.2f %8.2f  %+5.2f +- %.2f  %s | %s %s%n",
                count,
                loaded,
                base,
                loaded - base,
                standardError(differences),
                with.resident(),
                without.resident(),
                took);
        System.out.printf("         %d volumes add %.2f %% of a core%n", count, loaded - base);
    }

    private static double standardError(double[] values) {
        double mean = 0;
        for (double value : values) {
            mean += value / values.length;
        }
        double squares = 0;
        for (double value : values) {
            squares += (value - mean) * (value - mean);
        }
        return Math.sqrt(squares / (values.length - 1) / values.length);
    }

    private static double percent(long ticks) {
        return 100 * ticks / TICKS_PER_SECOND / WINDOW_SECONDS;
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

    /** Deletes all of them again. */
    private void close() {
        for (int i = 0; i < clients.size(); i++) {
            clients.get(i).close();
            String name = "v" + i;
            // By its owner, as it was served.
            try (ControlClient control = ControlClient.connect(cluster.node(1 + i % 3))) {
                control.call(60, stub -> stub.deleteVolume(DeleteVolumeRequest.newBuilder()
                        .setName(name)
                        .setForce(true)
                        .build()));
            }
        }
        clients.clear();
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

    private String resident() throws IOException {
        StringBuilder resident = new StringBuilder();
        for (ClusterFile.Node node : cluster.nodes()) {
            try (Stream<String> lines = Files.lines(proc(node, "status"))) {
                lines.filter(line -> line.startsWith("VmRSS:"))
                        .forEach(line -> resident.append(resident.isEmpty() ? "" : " ")
                                .append(Long.parseLong(line.replaceAll("\\D", "")) >> 10));
            }
        }
        return resident.toString();
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
