package storage.cairn.client.attach;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Attaches exports of nbdkit's file plugin, which stands for an engine that restarts. */
final class AttachmentsIT {
    @TempDir
    private Path dir = Path.of("");

    private List<Process> servers = List.of();

    @BeforeEach
    void needsRootAndTools() throws IOException {
        assumeTrue(Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")), "needs root");
        assumeTrue(Files.exists(Path.of("/dev/fuse")), "needs /dev/fuse");
        assumeTrue(Files.exists(Path.of("/dev/loop-control")), "needs /dev/loop-control");
        for (String tool : List.of("nbdkit", "nbdfuse", "losetup", "mkfs.ext4", "fsck.ext4")) {
            assumeTrue(Tools.has(tool), "needs " + tool);
        }
        Files.write(dir.resolve("content"), new byte[0]);
        try (var content = new RandomAccessFile(dir.resolve("content").toFile(), "rw")) {
            content.setLength(128L << 20);
        }
        serve("nbd.sock");
    }

    @AfterEach
    void endServers() throws InterruptedException {
        Attachments attachments = new Attachments(dir);
        attachments.find("data").ifPresent(attachment -> Tools.run("umount", attachment.device()));
        if (attachments.find("data").isPresent()) {
            attachments.detach("data");
        }
        for (Process server : servers) {
            server.destroyForcibly();
            assertThat(server.waitFor(3, TimeUnit.MINUTES)).isTrue();
        }
    }

    private void serve(String name) throws IOException {
        Path socket = dir.resolve(name);
        Files.deleteIfExists(socket);
        Process server = new ProcessBuilder(
                        "nbdkit",
                        "--foreground",
                        "--unix",
                        socket.toString(),
                        "file",
                        dir.resolve("content").toString())
                .inheritIO()
                .start();
        servers = List.of(server);
        Awaitility.await().until(() -> Files.exists(socket));
    }

    private Attachment attach() {
        return new Attachments(dir)
                .attach(
                        "data",
                        () -> new Attachments.Export(
                                "data/a1",
                                List.of("nbd+unix:///data/a1?socket=" + dir.resolve("nbd.sock")),
                                128L << 20));
    }

    @Test
    void aDeviceWhoseRelayWasKilledIsCalledLostWithWhatToDoAndAttachedAnew() throws Exception {
        Attachment attachment = attach();
        assertThat(new Attachments(dir).look("data").orElseThrow().trouble()).isEmpty();

        ProcessHandle.of(attachment.relayPid()).orElseThrow().destroyForcibly();
        Awaitility.await().until(() -> new Attachments(dir).find("data").isEmpty());

        assertThat(new Attachments(dir).look("data").orElseThrow().trouble())
                .contains(attachment.device())
                .contains("has ended")
                .contains("cairn volume attach data")
                .contains(dir.resolve("attachments/data.log").toString());
        Attachment again = attach();
        assertThat(again.relayPid()).isNotEqualTo(attachment.relayPid());
        assertThat(new Attachments(dir).look("data").orElseThrow().trouble()).isEmpty();
        Tools.must("dd", "if=" + again.device(), "of=/dev/null", "bs=4096", "count=4", "iflag=direct");
    }

    @Test
    void aFilesystemOnAnAttachedVolumeOutlivesARestartOfItsServer() throws Exception {
        Attachment attachment = attach();
        assertThat(Tools.must("blockdev", "--getss", attachment.device())).isEqualTo("4096");
        Tools.must("mkfs.ext4", "-q", attachment.device());
        Path mountPoint = Files.createDirectory(dir.resolve("mnt"));
        Tools.must("mount", attachment.device(), mountPoint.toString());
        byte[] content = new byte[5 << 20];
        Arrays.fill(content, (byte) 7);
        Files.write(mountPoint.resolve("before"), content);
        Tools.must("sync", "-f", mountPoint.toString());

        servers.getFirst().destroyForcibly().waitFor();
        Files.write(mountPoint.resolve("meanwhile"), content);
        serve("nbd.sock");
        Tools.must("sync", "-f", mountPoint.toString());

        assertThatThrownBy(() -> new Attachments(dir).detach("data"))
                .isInstanceOf(AttachException.class)
                .hasMessageContaining("is mounted on " + mountPoint);
        Tools.must("umount", mountPoint.toString());
        new Attachments(dir).detach("data");
        assertThat(dir.resolve("attachments")).isEmptyDirectory();
        Attachment again = attach();
        Tools.must("fsck.ext4", "-f", "-n", again.device());
        Tools.must("mount", again.device(), mountPoint.toString());
        assertThat(Files.readAllBytes(mountPoint.resolve("before"))).isEqualTo(content);
        assertThat(Files.readAllBytes(mountPoint.resolve("meanwhile"))).isEqualTo(content);
    }

    @Test
    void whatKeepsADeviceAliveHasASessionOfItsOwn() throws IOException {
        long relay = attach().relayPid();

        // proc_pid_stat(5): the session is the 6th field, the 4th behind the name in parentheses.
        String stat = Files.readString(Path.of("/proc", Long.toString(relay), "stat"));
        assertThat(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[3]).isEqualTo(Long.toString(relay));
    }

    @Test
    void attachingAgainGivesTheSameDevice() {
        Attachment first = attach();

        assertThat(attach()).isEqualTo(first);
        assertThat(new Attachments(dir).find("data")).contains(first);
    }

    @Test
    void aDeviceOfAnotherProgramUnderTheSameNumberIsLeftAlone() throws IOException {
        Attachment attachment = attach();
        Tools.must("losetup", "--detach", attachment.device());
        Path other = Files.write(dir.resolve("other"), new byte[1 << 20]);
        Tools.must("losetup", attachment.device(), other.toString());
        try {
            assertThat(new Attachments(dir).find("data")).isEmpty();
            new Attachments(dir).detach("data");
            assertThat(Tools.must("losetup", attachment.device())).contains(other.toString());
        } finally {
            Tools.must("losetup", "--detach", attachment.device());
        }
    }

    @Test
    void whatADeadHelperLeftIsClearedByTheNextAttach() {
        Attachment attachment = attach();
        ProcessHandle.of(attachment.relayPid()).orElseThrow().destroyForcibly();
        Awaitility.await().until(() -> new Attachments(dir).find("data").isEmpty());

        Attachment again = attach();

        assertThat(again.relayPid()).isNotEqualTo(attachment.relayPid());
        assertThat(new Attachments(dir).find("data")).contains(again);
    }
}
