package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.RandomAccessFile;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.api.v1alpha1.Disk;
import storage.cairn.api.v1alpha1.GetStatusRequest;

/** Real engines at their edges: what they export against what is documented, hurried ends, damaged disks. */
final class EngineEdgesIT {
    private static final long DISK_BYTES = 256L << 20;
    private static final Duration SOON = Duration.ofMinutes(3);
    private static final Pattern EXPORTED = Pattern.compile("^(cairn_[a-z_]+)(\\{| )", Pattern.MULTILINE);
    private static final Pattern DOCUMENTED = Pattern.compile("`(cairn_[a-z_]+)`");

    @TempDir
    Path folder;

    @BeforeAll
    static void tools() {
        NbdTools.require();
    }

    private static String get(LocalCluster cluster, int node, String path) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            URI uri = URI.create("http://" + cluster.node(node).metricsAddress() + path);
            return client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString())
                    .body();
        }
    }

    private static Disk disk(LocalCluster cluster) {
        return cluster.engine(1)
                .control()
                .getStatus(GetStatusRequest.getDefaultInstance())
                .getDisks(0);
    }

    private static Set<String> names(Pattern pattern, String text) {
        Set<String> names = new TreeSet<>();
        Matcher matcher = pattern.matcher(text);
        while (matcher.find()) {
            names.add(matcher.group(1));
        }
        return names;
    }

    @Test
    void everyMetricIsDocumentedAndEveryDocumentedOneIsThere() throws Exception {
        String page = Files.readString(Path.of("..", "docs", "metrics.md"));
        Set<String> documented = names(DOCUMENTED, page.substring(page.indexOf("| Metric |")));
        // These are there while a replica is being rebuilt.
        documented.removeIf(name -> name.startsWith("cairn_rebuild_"));
        try (LocalCluster cluster =
                LocalCluster.lay(folder, 2, DISK_BYTES, "auto").start()) {
            cluster.create("data", 16 << 20, 2);
            String export = cluster.serve(1, "data");
            NbdTools.shell(folder, cluster.uri(1, export), "h.pwrite(b'x' * 4096, 0); h.pread(4096, 0)");
            Set<String> exported = names(EXPORTED, get(cluster, 1, "/metrics"));
            exported.removeIf(name -> name.startsWith("cairn_rebuild_"));
            assertThat(exported).containsExactlyInAnyOrderElementsOf(documented);
            for (int node = 1; node <= 2; node++) {
                assertThat(get(cluster, node, "/healthz")).isEqualTo("ok\n");
                assertThat(get(cluster, node, "/readyz")).isEqualTo("ok\n");
            }
            assertThat(cluster.engine(1).log().lines().filter(line -> line.contains(" volume=")))
                    .isNotEmpty()
                    .allSatisfy(line -> assertThat(line).containsPattern("volume=\\S+ epoch=\\d+"));
        }
    }

    @Test
    void aSecondRequestHurriesAnEndThatWaitsForADeadNode() throws Exception {
        try (LocalCluster cluster =
                LocalCluster.lay(folder, 2, DISK_BYTES, "auto").start()) {
            cluster.create("data", 16 << 20, 2);
            String export = cluster.serve(1, "data");
            NbdTools.shell(folder, cluster.uri(1, export), "h.pwrite(b'x' * 4096, 0)");
            EngineProcess owner = cluster.engine(1);
            cluster.engine(2).pause();
            owner.signal("TERM");
            Awaitility.await().atMost(SOON).until(() -> owner.log().contains("hands over, checkpoints and ends"));
            assertThat(owner.alive()).isTrue();
            owner.signal("TERM");
            owner.awaitEnd(Duration.ofSeconds(90));
            assertThat(owner.log()).contains("in a hurry");
            cluster.engine(2).resume();
            owner.start();
            NbdTools.shell(folder, cluster.uri(1, export), "assert h.pread(4096, 0) == bytearray(b'x' * 4096)");
        }
    }

    /** Offsets of the four copies of the superblock; how many of them are damaged. */
    @ParameterizedTest
    @CsvSource({"1, Ready", "2, Ready", "3, Failed", "4, Failed"})
    void aBitFlippedSuperblockIsMendedOrNamed(int damaged, String state) throws Exception {
        try (LocalCluster cluster =
                LocalCluster.lay(folder, 1, DISK_BYTES, "auto").start()) {
            Path path = cluster.engine(1).folder().resolve("disk-1");
            cluster.engine(1).terminate(SOON);
            List<Long> copies = List.of(0L, 256L * 4096, DISK_BYTES - 257 * 4096, DISK_BYTES - 4096);
            for (int i = 0; i < damaged; i++) {
                flip(path, copies.get(i) + 100);
            }
            cluster.start();
            Disk disk = disk(cluster);
            assertThat(disk.getState()).as(disk.getReason()).isEqualTo(state);
            if (state.equals("Failed")) {
                assertThat(disk.getReason()).containsAnyOf("replace", "give another disk");
                assertThat(get(cluster, 1, "/readyz")).contains("no disk is served yet");
            } else {
                cluster.engine(1).terminate(SOON);
                flip(path, copies.get(3) + 100);
                flip(path, copies.get(2) + 100);
                cluster.start();
                assertThat(disk(cluster).getState())
                        .as("the first copies were mended")
                        .isEqualTo("Ready");
            }
        }
    }

    @Test
    void aDiskThatShrankIsNamedWithBothSizes() throws Exception {
        try (LocalCluster cluster =
                LocalCluster.lay(folder, 1, DISK_BYTES, "auto").start()) {
            Path path = cluster.engine(1).folder().resolve("disk-1");
            cluster.engine(1).terminate(SOON);
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(DISK_BYTES / 2);
            }
            cluster.start();
            Disk disk = disk(cluster);
            assertThat(disk.getState()).isEqualTo("Failed");
            assertThat(disk.getReason())
                    .contains(Long.toString(DISK_BYTES / 4096))
                    .contains(Long.toString(DISK_BYTES / 8192))
                    .contains("give it back its size");
        }
    }

    /** The last copy of what was acked: what cannot be told any more is an error for the host, and never zeroes. */
    @Test
    void aBlockThatRottedOnTheOnlyReplicaIsAnErrorForTheHost() throws Exception {
        try (LocalCluster cluster =
                LocalCluster.lay(folder, 1, DISK_BYTES, "auto").start()) {
            cluster.create("data", 16 << 20, 1);
            String export = cluster.serve(1, "data");
            NbdTools.shell(folder, cluster.uri(1, export), "h.pwrite(b'Q' * 4096, 8192); h.pwrite(b'R' * 4096, 16384)");
            Path path = cluster.engine(1).folder().resolve("disk-1");
            cluster.engine(1).terminate(SOON);
            assertThat(rot(path, (byte) 'Q')).isTrue();
            cluster.start();
            NbdTools.shell(folder, cluster.uri(1, cluster.serve(1, "data")), """
                    assert h.pread(4096, 16384) == bytearray(b'R' * 4096)
                    try:
                        h.pread(4096, 8192)
                        raise SystemExit('a rotten block was read')
                    except nbd.Error as e:
                        assert e.errnum == 5, e
                    """);
            assertThat(disk(cluster).getChecksumErrors()).isPositive();
        }
    }

    private static void flip(Path path, long offset) throws Exception {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.seek(offset);
            int before = file.read();
            file.seek(offset);
            file.write(before ^ 1);
        }
    }

    /** Flips a bit in every block that holds nothing but {@code content}. */
    private static boolean rot(Path path, byte content) throws Exception {
        boolean any = false;
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            byte[] block = new byte[4096];
            for (long at = 0; at < file.length(); at += block.length) {
                file.seek(at);
                file.readFully(block);
                if (block[0] == content && block[2048] == content && block[4095] == content) {
                    file.seek(at + 7);
                    file.write(content ^ 4);
                    any = true;
                }
            }
        }
        return any;
    }
}
