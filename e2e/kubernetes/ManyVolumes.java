import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.ReleaseVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.ControlClient;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdCommand;
import storage.cairn.client.nbd.NbdUri;

/**
 * Many volumes that are all written to, one small write of each at a time. Run as a source file: the folders of the
 * sockets of all engines, by commas, those that serve first; how many of them serve; the prefix of the volumes' names;
 * how many there are; and {@code create}, if the engines shall make them.
 *
 * <p>Then it does what it reads, a line each, and answers with a line: {@code write} makes every volume be written to
 * four times a second, {@code rest} ends that, {@code begin} begins a span of time, {@code end} tells of the longest wait
 * of a write in that span, which may have begun before. At the end of its input it ends.
 */
final class ManyVolumes {
    private static final int BLOCK = 4096;
    /** Of each volume that are written, so that small disks hold them all. */
    private static final int BLOCKS = 128;
    private static final long EACH_MILLIS = 250;
    private static final int AT_ONCE = 8;

    /** One volume, its connection and its only write. */
    private static final class Written {
        private final String name;
        private final NbdClient client;
        private final ByteBuffer block = ByteBuffer.allocateDirect(BLOCK);
        private final NbdCommand write = new NbdCommand(this::ended);
        private long number;
        private long begunNanos;
        private boolean under;
        private long longestNanos;
        private long writes;
        private String trouble = "";

        Written(String name, List<NbdUri> uris) throws IOException {
            this.name = name;
            this.client = new NbdClient(uris, new NbdClient.Settings(1, 300_000), new Told());
            client.awaitSizeBytes();
        }

        synchronized void begin() {
            if (under || !trouble.isEmpty()) {
                return;
            }
            under = true;
            begunNanos = System.nanoTime();
            block.putLong(0, ++number);
            client.submit(write.transfer(NbdCommand.Type.WRITE, number % BLOCKS * BLOCK, block));
        }

        private synchronized void ended(NbdCommand ended) {
            under = false;
            writes++;
            longestNanos = Math.max(longestNanos, System.nanoTime() - begunNanos);
            if (ended.error() != 0) {
                trouble = name + ": " + ended.errorText();
            }
        }

        synchronized boolean resting() {
            return !under;
        }

        synchronized void forget() {
            longestNanos = 0;
            writes = 0;
        }

        /** What is still under way counts as long as it has taken until now. */
        synchronized long longestMillis() {
            long open = under ? System.nanoTime() - begunNanos : 0;
            return TimeUnit.NANOSECONDS.toMillis(Math.max(longestNanos, open));
        }
    }

    private record Told() implements NbdClient.Listener {
        @Override
        public void connected(NbdUri uri) {}

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {}

        @Override
        public void refused(NbdUri uri, String reason) {}
    }

    private final List<Path> sockets;
    private final int serving;
    private final List<Written> volumes = new ArrayList<>();

    private ManyVolumes(List<Path> sockets, int serving) {
        this.sockets = sockets;
        this.serving = serving;
    }

    private ControlClient control(int place) {
        Path folder = sockets.get(place);
        return ControlClient.connect(new ClusterFile.Node(
                1, "-", folder.resolve("control.sock").toString(), "-", folder.resolve("nbd.sock").toString(), "-", "-"));
    }

    private Written open(String name, int number, boolean create) throws IOException {
        int first = number % serving;
        String export;
        try (ControlClient control = control(first)) {
            if (create) {
                control.call(60, stub -> stub.createVolume(CreateVolumeRequest.newBuilder()
                        .setName(name)
                        .setSizeBytes(16L << 20)
                        .build()));
            }
            export = control.call(
                            60,
                            stub -> stub.serveVolume(
                                    ServeVolumeRequest.newBuilder().setName(name).build()))
                    .getExportName();
        }
        List<NbdUri> uris = new ArrayList<>();
        for (int i = 0; i < sockets.size(); i++) {
            Path folder = sockets.get((first + i) % sockets.size());
            uris.add(NbdUri.parse("nbd+unix:///" + export + "?socket=" + folder.resolve("nbd.sock")));
        }
        return new Written(name, uris);
    }

    private void openAll(String prefix, int count, boolean create) throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE)) {
            List<Future<Written>> opening = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                int number = i;
                opening.add(threads.submit(() -> open(prefix + number, number, create)));
            }
            for (Future<Written> each : opening) {
                volumes.add(each.get());
            }
        }
    }

    private String longest() {
        long longest = volumes.stream().mapToLong(Written::longestMillis).max().orElse(0);
        long over = volumes.stream().filter(each -> each.longestMillis() > 5_000).count();
        long silent = volumes.stream().filter(each -> each.writes == 0).count();
        List<String> troubles = volumes.stream()
                .map(each -> each.trouble)
                .filter(each -> !each.isEmpty())
                .toList();
        List<String> slowest = volumes.stream()
                .sorted((a, b) -> Long.compare(b.longestMillis(), a.longestMillis()))
                .limit(3)
                .map(each -> each.name)
                .toList();
        return String.format(
                Locale.ROOT,
                "%d ms; %d over 5 s; %d wrote nothing; %d errors %s; slowest %s",
                longest, over, silent, troubles.size(), troubles.stream().limit(3).toList(), slowest);
    }

    private void obey() throws Exception {
        try (ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            Future<?> writing = clock.schedule(() -> {}, 0, TimeUnit.MILLISECONDS);
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                switch (line) {
                    case "write" -> writing = clock.scheduleAtFixedRate(
                            () -> volumes.forEach(Written::begin), 0, EACH_MILLIS, TimeUnit.MILLISECONDS);
                    case "rest" -> writing.cancel(false);
                    case "begin" -> volumes.forEach(Written::forget);
                    case "end" -> {}
                    default -> throw new IllegalArgumentException("'" + line + "'? write, rest, begin or end");
                }
                System.out.println(line.equals("end") ? longest() : "done");
            }
            clock.shutdownNow();
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE)) {
            for (int i = 0; i < volumes.size(); i++) {
                Written each = volumes.get(i);
                int first = i % serving;
                var _ = threads.submit(() -> release(each, first));
            }
        }
    }

    /** Else they could not be deleted. */
    private void release(Written volume, int first) {
        volume.client.close();
        try (ControlClient control = control(first)) {
            control.call(
                    60,
                    stub -> stub.releaseVolume(ReleaseVolumeRequest.newBuilder()
                            .setName(volume.name)
                            .build()));
        } catch (Failure e) {
            System.err.println(volume.name + " stays in use: " + e.getMessage());
        }
    }

    public static void main(String[] args) throws Exception {
        List<Path> sockets = Stream.of(args[0].split(",")).map(Path::of).toList();
        ManyVolumes many = new ManyVolumes(sockets, Integer.parseInt(args[1]));
        many.openAll(args[2], Integer.parseInt(args[3]), args.length > 4);
        System.out.println("open");
        many.obey();
    }
}
