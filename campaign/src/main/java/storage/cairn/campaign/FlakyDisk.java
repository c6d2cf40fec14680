package storage.cairn.campaign;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import storage.cairn.engine.sim.SimRandom;

/**
 * A disk that fails when it is told to: a file that nbdkit serves through its filters, that nbdfuse shows as a file
 * again, and that a loop device makes a block device of, so that errors and stalls come from the kernel, as those of a
 * drive do. Bits flip in the file below. The loop device ends with the last process that has it open.
 */
final class FlakyDisk implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int BLOCK_BYTES = 4096;
    private static final int LAST_BLOCKS = 512;

    private final Path image;
    private final Path shown;
    private final Path trouble;
    private final Path pause;
    private final Process server;
    private final Process mount;
    private final String device;
    private final RandomAccessFile holder;

    /** Whether this machine has what it needs. */
    static boolean possible() {
        return Shell.has("nbdkit")
                && Shell.has("nbdfuse")
                && Files.isReadable(Path.of("/dev/fuse"))
                && Shell.attempt("losetup", "-f").good()
                && Shell.attempt("nbdkit", "--filter=error", "--filter=pause", "null", "--dump-plugin")
                        .good();
    }

    /** Makes the disk and shows it in {@code folder}. */
    FlakyDisk(Path folder, long bytes) {
        this.image = folder.resolve("disk-image");
        this.shown = folder.resolve("disk-shown");
        this.trouble = folder.resolve("disk-trouble");
        this.pause = folder.resolve("pause.sock");
        Path socket = folder.resolve("disk.sock");
        try {
            Shell.run("fallocate", "-l", Long.toString(bytes), image.toString());
            Files.createFile(shown);
            this.server = new ProcessBuilder(
                            "nbdkit",
                            "--foreground",
                            "--unix",
                            socket.toString(),
                            "--filter=pause",
                            "--filter=error",
                            "file",
                            image.toString(),
                            "pause-control=" + pause,
                            "error=EIO",
                            "error-rate=30%",
                            "error-file=" + trouble)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            await(() -> Files.exists(socket));
            this.mount = new ProcessBuilder("nbdfuse", shown.toString(), "--unix", socket.toString())
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            await(() -> Files.size(shown) == bytes);
            Shell.Outcome loop = Shell.attempt(
                    "losetup", "--find", "--show", "--sector-size", "4096", "--direct-io=on", shown.toString());
            if (!loop.good()) {
                throw new IOException("losetup: " + loop.output());
            }
            this.device = loop.output();
            this.holder = new RandomAccessFile(device, "r");
            Shell.run("losetup", "-d", device);
        } catch (IOException e) {
            throw new UncheckedIOException("no disk that can fail in " + folder, e);
        }
    }

    /** The block device that the engine gets. */
    String device() {
        return device;
    }

    private interface Condition {
        boolean holds() throws IOException;
    }

    private static void await(Condition condition) throws IOException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.holds()) {
            if (System.nanoTime() > deadline) {
                throw new IOException("nbdkit and nbdfuse are not ready after " + PATIENCE.toSeconds() + " s");
            }
            LockSupport.parkNanos(20_000_000);
        }
    }

    /** A part of all operations fail with EIO from now on, or none. */
    void errors(boolean on) {
        try {
            if (on) {
                Files.createFile(trouble);
            } else {
                Files.deleteIfExists(trouble);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Nothing is answered from now on, or everything again. */
    void stall(boolean on) {
        try (SocketChannel control = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            control.connect(UnixDomainSocketAddress.of(pause));
            control.write(ByteBuffer.wrap(new byte[] {(byte) (on ? 'p' : 'r')}));
            // It answers P or R when that is done.
            control.read(ByteBuffer.allocate(1));
        } catch (IOException e) {
            throw new UncheckedIOException("nbdkit does not " + (on ? "pause" : "resume"), e);
        }
    }

    /** Flips a bit in each of some blocks, behind the journal and before the last superblocks. */
    void rot(SimRandom random, int blocks) {
        try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
            long count = file.length() / BLOCK_BYTES;
            for (int i = 0; i < blocks; i++) {
                long at = random.between(count / 6, count - LAST_BLOCKS) * BLOCK_BYTES + random.below(BLOCK_BYTES);
                file.seek(at);
                int was = file.read();
                file.seek(at);
                file.write(was ^ (1 << random.below(8)));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        errors(false);
        try {
            holder.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Shell.Outcome _ = Shell.attempt("umount", "-l", shown.toString());
        mount.destroy();
        server.destroy();
    }
}
