package storage.cairn.engine.nbd;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import storage.cairn.engine.crash.Guest;

/** Linux' own NBD client, in a guest, against the server on a real socket. */
@Timeout(value = 22, unit = TimeUnit.MINUTES)
final class KernelNbdIT {
    private static final int SIZE = 128 << 20;

    @Test
    void aFileSystemLivesOnAnExport() throws Exception {
        Guest.require();
        TestServer server = TestServer.start(false, SIZE, TestServer.patient());
        try {
            String uri = "nbd://127.0.0.1:" + server.listenTcp().getPort() + "/" + TestServer.NAME;
            assertThat(Guest.run("nbd", "--uri", uri)).contains("a part of a block is written");
        } finally {
            server.stop();
        }
    }
}
