package storage.cairn.engine.nbd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.CsvSource;

/** The clients that people use, against the server on real sockets. */
@ParameterizedClass
@CsvSource({"unix, false", "unix, true", "tcp, false", "tcp, true"})
class NbdToolsIT {
    private static final int SIZE = 64 << 20;

    @Parameter(0)
    String transport = "";

    @Parameter(1)
    boolean uring;

    @TempDir
    Path folder;

    private TestServer server;
    private String uri;

    @BeforeEach
    void start() throws Exception {
        server = TestServer.start(uring, SIZE, TestServer.patient());
        if (transport.equals("unix")) {
            uri = "nbd+unix:///" + TestServer.NAME + "?socket=" + server.listenUnix(folder);
        } else {
            uri = "nbd://127.0.0.1:" + server.listenTcp().getPort() + "/" + TestServer.NAME;
        }
    }

    @AfterEach
    void stop() throws Exception {
        if (server != null) {
            server.stop();
        }
    }

    /** What the tool says; the test is skipped when the machine does not have it. */
    private String run(String... command) throws Exception {
        return run(0, command);
    }

    private String run(int exitCode, String... command) throws Exception {
        boolean there = List.of(System.getenv("PATH").split(":", -1)).stream()
                .anyMatch(dir -> Files.isExecutable(Path.of(dir, command[0])));
        assumeTrue(there, () -> "skipped: " + command[0] + " is not installed");
        Path output = Files.createTempFile(folder, "tool", ".log");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile());
        // nbdsh takes the python that it finds first; only the distribution's own has the library.
        builder.environment().merge("PATH", "/usr/bin:/bin:", (path, first) -> first + path);
        Process process = builder.start();
        if (!process.waitFor(5, TimeUnit.MINUTES)) {
            process.destroyForcibly();
            throw new IOException(command[0] + " did not end; it said " + Files.readString(output));
        }
        String text = Files.readString(output, StandardCharsets.UTF_8);
        assertThat(process.exitValue()).as("%s said: %s", command[0], text).isEqualTo(exitCode);
        return text;
    }

    @Test
    void nbdinfoShowsTheExport() throws Exception {
        String info = run("nbdinfo", uri);
        assertThat(info)
                .contains("export-size: " + SIZE)
                .contains("can_multi_conn: true")
                .contains("can_fast_zero: true")
                .contains("can_cache: true")
                .contains("can_df: true")
                .contains("base:allocation")
                .contains("block_size_preferred: 4096")
                .contains("block_size_maximum: 33554432");
        assertThat(run("nbdinfo", "--list", uri)).contains(TestServer.NAME);
        assertThat(run("nbdinfo", "--map", uri)).contains("hole,zero");
    }

    @Test
    void nbdinfoIsToldWhyAnExportIsRefused() throws Exception {
        server.onLoop(() -> server.refuse("volume vol is served by node 2"));
        String log = run(1, "sh", "-c", "LIBNBD_DEBUG=1 nbdinfo '" + uri + "'");
        assumeTrue(!log.contains("not found"), "skipped: nbdinfo is not installed");
        assertThat(log).contains("volume vol is served by node 2");
    }

    @Test
    void nbdcopyBringsAnImageInAndOutAgain() throws Exception {
        byte[] image = new byte[SIZE];
        Random random = new Random(3);
        for (int at = 0; at < SIZE; at += 1 << 20) {
            if (random.nextInt(3) > 0) {
                byte[] piece = new byte[1 + random.nextInt(1 << 20)];
                random.nextBytes(piece);
                System.arraycopy(piece, 0, image, at, piece.length);
            }
        }
        Path source = folder.resolve("source");
        Path target = folder.resolve("target");
        Files.write(source, image);
        run("nbdcopy", "--connections=4", "--requests=32", source.toString(), uri);
        run("nbdcopy", uri, target.toString());
        assertThat(Files.mismatch(source, target)).isEqualTo(-1);
        run("nbdcopy", "--request-size=33554432", uri, target.toString());
        assertThat(Files.mismatch(source, target)).isEqualTo(-1);
    }

    @Test
    void nbdshDoesWhatOtherClientsDoNot() throws Exception {
        run("nbdsh", "-c", """
                h.add_meta_context("base:allocation")
                h.connect_uri("%s")
                size = h.get_size()
                h.pwrite(b"x" * 10000, 12345, nbd.CMD_FLAG_FUA)
                h.flush()
                assert h.pread(10002, 12344) == b"\\0" + b"x" * 10000 + b"\\0"
                got = []
                def chunk(buf, offset, status, err):
                    assert status == nbd.READ_DATA
                    got.append((offset, bytes(buf)))
                h.pread_structured(9 * 1024 * 1024, 7, chunk)
                whole = b"".join(b for o, b in sorted(got))
                assert len(whole) == 9 * 1024 * 1024 and whole[12338:22338] == b"x" * 10000
                h.pread_structured(1000, 7, lambda *a: 0, nbd.CMD_FLAG_DF)
                h.zero(5000, 13000, nbd.CMD_FLAG_NO_HOLE)
                assert h.pread(5000, 13000) == bytes(5000)
                try:
                    h.zero(5000, 13000, nbd.CMD_FLAG_FAST_ZERO)
                    assert False
                except nbd.Error as e:
                    assert e.errno == "ENOTSUP" or e.errno == "EOPNOTSUPP", e.errno
                h.zero(8192, 8192, nbd.CMD_FLAG_FAST_ZERO)
                h.trim(65536, 0)
                h.cache(65536, 0)
                extents = []
                def extent(context, offset, entries, err):
                    extents.extend(entries)
                h.block_status(1 << 20, 0, extent)
                assert sum(extents[::2]) == 1 << 20, extents
                extents.clear()
                h.block_status(5000, 100, extent, nbd.CMD_FLAG_REQ_ONE)
                assert extents == [5000, 3], extents
                h.set_strict_mode(0)
                for call in (lambda: h.pread(2, size - 1), lambda: h.pwrite(b"ab", size - 1)):
                    try:
                        call()
                        assert False
                    except nbd.Error as e:
                        assert e.errno in ("EINVAL", "ENOSPC"), e.errno
                """.formatted(uri));
    }

    @Test
    void libnbdOverSimpleRepliesOnly() throws Exception {
        run("nbdsh", "-c", """
                h.set_request_structured_replies(False)
                h.connect_uri("%s")
                h.pwrite(b"y" * (5 << 20), 99)
                assert h.pread(5 << 20, 99) == b"y" * (5 << 20)
                h.shutdown()
                """.formatted(uri));
    }

    @Test
    void qemuIoReadsWhatItWrote() throws Exception {
        run(
                "qemu-io",
                "-f",
                "raw",
                uri,
                "-c",
                "write -P 0xab 1000 70000",
                "-c",
                "read -P 0xab 1000 70000",
                "-c",
                "write -z -u 4096 8192",
                "-c",
                "read -P 0 4096 8192",
                "-c",
                "discard 0 64k",
                "-c",
                "aio_write -P 0xcd 1M 2M",
                "-c",
                "aio_flush",
                "-c",
                "read -P 0xcd 1M 2M",
                "-c",
                "flush");
    }

    @Test
    void fioVerifiesRandomWrites() throws Exception {
        String said = run(
                "fio",
                "--name=verify",
                "--ioengine=nbd",
                "--uri=" + uri,
                "--rw=randrw",
                "--bsrange=512-64k",
                "--bs_unaligned=1",
                "--size=32m",
                "--io_size=32m",
                "--iodepth=32",
                "--verify=crc32c",
                "--verify_fatal=1",
                "--do_verify=1",
                "--verify_backlog=256",
                "--fsync=64");
        assertThat(said).contains("err= 0");
    }
}
