package storage.cairn.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code cairn bench} as somebody runs it, with jobs of a second: what it prints and writes, refuses and leaves behind. */
final class BenchIT {
    private static final Path REPOSITORY =
            Objects.requireNonNull(Path.of("").toAbsolutePath().getParent());

    @TempDir
    private Path folder = Path.of("");

    private Path work = Path.of("");
    private Path cairn = Path.of("");

    private record Outcome(int exitCode, String out) {}

    @BeforeEach
    void prepare() throws IOException {
        Assumptions.assumeTrue(
                canRun("python3", "--version") && canRun("fio", "--enghelp=nbd"),
                "skipped: needs python3, and fio with its nbd engine (apt install python3 fio libnbd0)");
        work = Files.createDirectory(folder.resolve("work"));
        // The command line of this build.
        cairn = folder.resolve("cairn");
        Files.writeString(
                cairn,
                String.format(
                        "#!/bin/sh%nexec '%s/bin/java' -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
                                + " --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow"
                                + " --add-opens=java.base/java.lang.reflect=ALL-UNNAMED"
                                + " -cp '%s' storage.cairn.cli.Cairn \"$@\"%n",
                        System.getProperty("java.home"), System.getProperty("java.class.path")));
        Files.setPosixFilePermissions(cairn, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static boolean canRun(String... command) throws IOException {
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor() == 0;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        } catch (IOException e) {
            return false;
        }
    }

    private Process start(String... arguments) throws IOException {
        List<String> line = new ArrayList<>(
                List.of("python3", REPOSITORY.resolve("benchmarks/bench").toString()));
        line.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(line)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("out").toFile());
        builder.environment().put("CAIRN_COMMAND", cairn.toString());
        builder.environment().merge("PATH", folder.toString(), (path, first) -> first + ":" + path);
        return builder.start();
    }

    private String printed() throws IOException {
        return Files.readString(folder.resolve("out"), StandardCharsets.UTF_8);
    }

    private Outcome run(String... arguments) throws IOException, InterruptedException {
        int exitCode = start(arguments).waitFor();
        return new Outcome(exitCode, printed());
    }

    private List<Path> left() throws IOException {
        try (Stream<Path> files = Files.list(work)) {
            return files.toList();
        }
    }

    @Test
    void measuresAClusterBesideTheDriveAndWritesFiguresAndAPage() throws Exception {
        Path out = folder.resolve("figures.json");
        Outcome run = run(
                "--dir",
                work.toString(),
                "--seconds",
                "1",
                "--warm-up",
                "1",
                "--mib",
                "64",
                "--out",
                out.toString(),
                "--jobs",
                "randrw-4k-q32,randwrite-4k-q1-fsync");
        assertThat(run.exitCode()).as(run.out()).isZero();
        assertThat(run.out()).contains("p99.9 us", "durable on all three", "randrw-4k-q32", "randwrite-4k-q1-fsync");

        JsonNode figures =
                new ObjectMapper().readTree(out.toFile()).path("jobs").path("randrw-4k-q32");
        assertThat(figures.path("cairn").path("iops").doubleValue()).isPositive();
        assertThat(figures.path("cairn").path("engine_cores").doubleValue()).isPositive();
        assertThat(figures.path("cairn").path("p999_us").doubleValue())
                .isGreaterThanOrEqualTo(figures.path("cairn").path("p50_us").doubleValue());
        assertThat(figures.path("raw").path("latency").size()).isPositive();
        String page = Files.readString(folder.resolve("figures.html"), StandardCharsets.UTF_8);
        assertThat(page).contains("<polyline", "randrw-4k-q32").doesNotContain("http:", "https:", "<script");

        Outcome same = run("--compare", out.toString(), out.toString());
        assertThat(same.exitCode()).isZero();
        assertThat(same.out()).contains("randrw-4k-q32 cairn", "1.00");
        assertThat(left()).isEmpty();
    }

    @Test
    void anInterruptLeavesNothingBehind() throws Exception {
        Process process =
                start("--dir", work.toString(), "--seconds", "60", "--warm-up", "0", "--mib", "64", "--no-raw");
        try {
            await().atMost(Duration.ofMinutes(5)).until(() -> printed().contains("p99.9 us") || !process.isAlive());
            assertThat(process.isAlive()).as(printed()).isTrue();
            List<ProcessHandle> engines = engines();
            assertThat(engines).hasSize(3);
            process.destroy();
            assertThat(process.waitFor()).as(printed()).isEqualTo(128 + 15);
            assertThat(printed()).contains("ended by SIGTERM");
            assertThat(left()).isEmpty();
            // An engine that has given up everything still has its JVM to end.
            await().untilAsserted(() -> assertThat(engines).noneMatch(ProcessHandle::isAlive));
        } finally {
            process.destroyForcibly();
        }
    }

    private List<ProcessHandle> engines() throws IOException {
        List<ProcessHandle> engines = new ArrayList<>();
        try (Stream<Path> files = Files.walk(work)) {
            for (Path file : files.filter(path -> path.endsWith("engine.pid")).toList()) {
                long pid = Long.parseLong(Files.readString(file).strip().split("\\s+")[0]);
                ProcessHandle.of(pid).ifPresent(engines::add);
            }
        }
        return engines;
    }

    @Test
    void measuresAClaimFromAPodThatItMakesAndRemoves() throws Exception {
        Path kubectl = folder.resolve("kubectl");
        Files.writeString(kubectl, """
                #!/bin/sh
                cd "$(dirname "$0")" || exit 1
                [ "$1 $2" = "--namespace shop" ] || exit 1
                shift 2
                case $1 in
                  get) echo '{"spec": {"volumeMode": "Filesystem", "resources": {"requests": {"storage": "128Mi"}}}}' ;;
                  create) cat > pod.json ;;
                  wait) exit 0 ;;
                  exec)
                    shift 3
                    for word; do shift; set -- "$@" "$(echo "$word" | sed "s|/bench/|$PWD/work/|")"; done
                    exec "$@" ;;
                  delete) echo "$3" > deleted ;;
                  *) exit 1 ;;
                esac
                """);
        Files.setPosixFilePermissions(kubectl, PosixFilePermissions.fromString("rwxr-xr-x"));
        String[] claim = {"--pvc", "shop/orders", "--pvc-image", "fio:1", "--jobs", "randwrite-4k-q1", "--seconds", "1"
        };
        Outcome run = run(Stream.concat(Stream.of(claim), Stream.of("--mib", "64", "--warm-up", "0"))
                .toArray(String[]::new));
        assertThat(run.exitCode()).as(run.out()).isZero();
        assertThat(run.out()).contains("claim shop/orders", "randwrite-4k-q1");
        JsonNode pod = new ObjectMapper().readTree(folder.resolve("pod.json").toFile());
        assertThat(pod.findValue("claimName").textValue()).isEqualTo("orders");
        assertThat(pod.findValue("image").textValue()).isEqualTo("fio:1");
        assertThat(Files.readString(folder.resolve("deleted")).strip())
                .isEqualTo(pod.findPath("metadata").path("name").textValue());
        assertThat(left()).isEmpty();
        assertRefused("too little for --mib 1024", claim);
    }

    @Test
    void saysWhatIsWrongWithItsArguments() throws Exception {
        assertRefused("no job or set of jobs is called nonsense", "--jobs", "nonsense");
        assertRefused(
                "no folder can be made in", "--dir", folder.resolve("missing").toString());
        assertRefused("MiB free, and this run needs", "--dir", work.toString(), "--mib", "1000000000");
        assertRefused("--pvc and --pvc-image come together", "--pvc", "orders");
        assertRefused("is not a block device", "--device", cairn.toString());
        assertRefused("--out", "--out", folder.resolve("missing/figures.json").toString());
        assertRefused("cannot be read", "--compare", folder.resolve("a").toString(), cairn.toString());
        assertRefused("is not JSON", "--compare", cairn.toString(), cairn.toString());
        assertRefused("no peer is called nobody", "--peers", "nobody");
        assertThat(left()).isEmpty();
    }

    private void assertRefused(String why, String... arguments) throws IOException, InterruptedException {
        Outcome run = run(arguments);
        assertThat(run.out()).contains(why).doesNotContain("Traceback");
        assertThat(run.exitCode()).isEqualTo(1);
    }
}
