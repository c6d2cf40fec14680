package storage.cairn.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A mounted filesystem on an attached volume, with the engines of this build killed under it. */
final class AttachFailoverIT {
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final int FILE_BYTES = 64 << 10;

    @TempDir
    private Path dir = Path.of("");

    private Cli cli() {
        return new Cli(dir.resolve("cluster"), Cli.engineOfThisBuild());
    }

    private Cli.Outcome cairn(String... arguments) {
        Cli.Outcome outcome = cli().run(arguments);
        assertThat(outcome.exitCode()).as("%s: %s", List.of(arguments), outcome).isZero();
        return outcome;
    }

    private static String must(String... line) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(line).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as("%s: %s", List.of(line), said).isZero();
        return said.strip();
    }

    private static boolean has(String tool) {
        return List.of("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin").stream()
                .anyMatch(folder -> Files.isExecutable(Path.of(folder, tool)));
    }

    @BeforeEach
    void needsRootAndTools() throws IOException {
        assumeTrue(Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")), "needs root");
        assumeTrue(Files.exists(Path.of("/dev/fuse")), "needs /dev/fuse");
        assumeTrue(Files.exists(Path.of("/dev/loop-control")), "needs /dev/loop-control");
        for (String tool : List.of("nbdfuse", "losetup", "mkfs.ext4", "fsck.ext4")) {
            assumeTrue(has(tool), "needs " + tool);
        }
        cairn("up", "--disk-size", "1GiB");
        cairn("volume", "create", "data", "--size", "128MiB");
    }

    @AfterEach
    void endEverything() throws IOException, InterruptedException {
        if (Files.readString(Path.of("/proc/mounts")).contains(mountPoint().toString())) {
            must("umount", "--lazy", mountPoint().toString());
        }
        cli().run("volume", "detach", "data");
        cli().run("down", "--kill");
    }

    private Path mountPoint() {
        return dir.resolve("mnt");
    }

    private JsonNode volume() {
        return cairn("volume", "inspect", "data", "-o", "json").json();
    }

    /** Writes files until it is told to stop, each synced before it counts; any error ends it. */
    private final class Filling implements AutoCloseable {
        final AtomicInteger synced = new AtomicInteger();
        private final AtomicBoolean enough = new AtomicBoolean();
        private final CompletableFuture<Void> done = CompletableFuture.runAsync(this::fill);

        private void fill() {
            try {
                while (!enough.get()) {
                    int number = synced.get();
                    Path file = mountPoint().resolve("f" + number % 500);
                    try (var channel = java.nio.channels.FileChannel.open(
                            file, java.nio.file.StandardOpenOption.CREATE, java.nio.file.StandardOpenOption.WRITE)) {
                        channel.write(java.nio.ByteBuffer.wrap(content(number)));
                        channel.force(true);
                    }
                    synced.incrementAndGet();
                }
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }

        void awaitMore(int files) {
            int before = synced.get();
            await().atMost(PATIENCE).until(() -> done.isDone() || synced.get() >= before + files);
            assertThat(done).isNotDone();
        }

        int stop() {
            enough.set(true);
            done.orTimeout(3, TimeUnit.MINUTES).join();
            return synced.get();
        }

        @Override
        public void close() {
            var unused = stop();
        }
    }

    private static byte[] content(int number) {
        byte[] bytes = new byte[FILE_BYTES];
        new Random(number).nextBytes(bytes);
        return bytes;
    }

    private void assertFilesAreWhole(int synced) throws IOException {
        for (int number = Math.max(0, synced - 500); number < synced; number++) {
            assertThat(Files.readAllBytes(mountPoint().resolve("f" + number % 500)))
                    .as("file %d of %d", number, synced)
                    .isEqualTo(content(number));
        }
    }

    @Test
    void aMountedFilesystemGoesOnAtAnotherNodeWhenTheOwnersProcessDies() throws Exception {
        JsonNode attached = cairn("volume", "attach", "data", "-o", "json").json();
        String device = attached.get("device").asText();
        must("mkfs.ext4", "-q", device);
        must("mount", device, Files.createDirectory(mountPoint()).toString());
        List<Integer> owners = new ArrayList<>();
        int synced;
        try (Filling filling = new Filling()) {
            filling.awaitMore(20);
            for (int kill = 0; kill < 2; kill++) {
                await().atMost(PATIENCE)
                        .until(() -> volume().get("phase").asText().equals("Ready"));
                int owner = volume().get("ownerNode").asInt();
                owners.add(owner);
                cairn("node", "kill", Integer.toString(owner));
                filling.awaitMore(20);
                assertThat(volume().get("ownerNode").asInt()).isNotEqualTo(owner);
                cairn("node", "start", Integer.toString(owner));
            }
            synced = filling.stop();
        }
        assertThat(owners).hasSize(2);
        must("sync", "-f", mountPoint().toString());
        Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "3");
        assertFilesAreWhole(synced);
        must("umount", mountPoint().toString());
        must("fsck.ext4", "-f", "-n", device);

        cairn("volume", "detach", "data");

        assertThat(dir.resolve("cluster/attachments")).isEmptyDirectory();
        assertThat(must("losetup", "--noheadings", "--output", "BACK-FILE")).doesNotContain(dir.toString());
        assertThat(Files.readString(Path.of("/proc/mounts"))).doesNotContain(dir.toString());
        long relay = attached.get("relayPid").asLong();
        await().until(() ->
                ProcessHandle.of(relay).filter(ProcessHandle::isAlive).isEmpty());
        assertThat(volume().get("ownerNode")).isNull();
    }

    @Test
    void aMountedFilesystemGoesOnAtAnotherNodeWhenTheOwnersProcessIsStopped() throws Exception {
        String device = cairn("volume", "attach", "data").out().strip();
        must("mkfs.ext4", "-q", device);
        must("mount", device, Files.createDirectory(mountPoint()).toString());
        int owner = volume().get("ownerNode").asInt();
        String pidFile = Files.readString(dir.resolve("cluster/node-" + owner + "/engine.pid"));
        String pid = pidFile.split(" ")[0];
        int synced;
        try (Filling filling = new Filling()) {
            filling.awaitMore(20);
            must("kill", "-STOP", pid);
            filling.awaitMore(20);
            assertThat(volume().get("ownerNode").asInt()).isNotEqualTo(owner);
            must("kill", "-CONT", pid);
            filling.awaitMore(20);
            synced = filling.stop();
        } finally {
            must("kill", "-CONT", pid);
        }
        must("sync", "-f", mountPoint().toString());
        Files.writeString(Path.of("/proc/sys/vm/drop_caches"), "3");
        assertFilesAreWhole(synced);
        must("umount", mountPoint().toString());
        must("fsck.ext4", "-f", "-n", device);
    }

    @Test
    void aMountedFilesystemOutlivesTheDeathOfAllEnginesAtOnce() throws Exception {
        String device = cairn("volume", "attach", "data").out().strip();
        must("mkfs.ext4", "-q", device);
        must("mount", device, Files.createDirectory(mountPoint()).toString());
        int synced;
        try (Filling filling = new Filling()) {
            filling.awaitMore(20);
            cairn("down", "--kill");
            cairn("up");
            filling.awaitMore(20);
            synced = filling.stop();
        }
        assertFilesAreWhole(synced);
        must("umount", mountPoint().toString());
        must("fsck.ext4", "-f", "-n", device);
    }
}
