package storage.cairn.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.client.load.LoadSettings;
import storage.cairn.client.load.VerifyingLoad;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdUri;

/** A node's disk is lost for good and an empty one takes its place, with the engines of this build. */
final class ReplacedDiskIT {
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final int WRITES = 2_000;

    @TempDir
    private Path dir = Path.of("");

    private Cli cli() {
        return new Cli(dir, Cli.engineOfThisBuild());
    }

    private Cli.Outcome cairn(String... arguments) {
        Cli.Outcome outcome = cli().run(arguments);
        assertThat(outcome.exitCode()).as("%s: %s", List.of(arguments), outcome).isZero();
        return outcome;
    }

    @AfterEach
    void endEverything() {
        cli().run("down", "--kill");
    }

    private JsonNode volume(String name) {
        return cairn("volume", "inspect", name, "-o", "json").json();
    }

    private String disk(int node) {
        JsonNode disks = cairn("disk", "list", "-o", "json").json().get("disks");
        return StreamSupport.stream(disks.spliterator(), false)
                .filter(disk -> disk.get("node").asInt() == node)
                .map(disk -> disk.get("id").asText())
                .findFirst()
                .orElseThrow();
    }

    private List<String> inSync(String name) {
        List<String> disks = new ArrayList<>();
        for (JsonNode replica : volume(name).get("replicas")) {
            if (replica.get("state").asText().equals("InSync")) {
                disks.add(replica.get("disk").asText());
            }
        }
        return disks;
    }

    private VerifyingLoad load(String name) throws Exception {
        List<NbdUri> uris = new ArrayList<>();
        for (JsonNode uri : cairn("volume", "serve", name, "--node", "1", "-o", "json")
                .json()
                .get("uris")) {
            uris.add(NbdUri.parse(uri.asText()));
        }
        return VerifyingLoad.open(uris, LoadSettings.of(name, 7), new Unheard());
    }

    private static final class Unheard implements NbdClient.Listener {
        @Override
        public void connected(NbdUri uri) {}

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {}

        @Override
        public void refused(NbdUri uri, String reason) {}
    }

    @Test
    void theVolumesOfALostDiskAreRebuiltOnTheEmptyOneThatTookItsPlace() throws Exception {
        cairn("up", "--disk-size", "256MiB");
        cairn("volume", "create", "data", "--size", "64MiB");
        cairn("volume", "create", "idle", "--size", "64MiB");
        String lost = disk(2);
        try (VerifyingLoad load = load("data")) {
            load.start();
            await().atMost(PATIENCE).until(() -> load.total().writes() > WRITES);
            cairn("node", "kill", "2");
            Files.delete(dir.resolve("node-2/disk-1"));
            assertThat(cairn("status").out()).contains("'cairn node start 2'", "'cairn disk replace " + lost + "'");

            cairn("node", "start", "2");
            String fresh = disk(2);
            assertThat(fresh).isNotEqualTo(lost);
            assertThat(cairn("status").out())
                    .contains("Disk " + lost + " of node 2, with replicas of data, idle, is on no node")
                    .contains("'cairn disk replace " + lost + "'");
            assertThat(cli().run("disk", "replace", fresh).exitCode()).isEqualTo(3);
            assertThat(cli().run("disk", "replace", disk(1)).exitCode())
                    .as("one that is served")
                    .isEqualTo(4);

            cairn("disk", "replace", lost);

            for (String name : List.of("data", "idle")) {
                await().atMost(PATIENCE)
                        .untilAsserted(() -> assertThat(inSync(name))
                                .hasSize(3)
                                .contains(fresh)
                                .doesNotContain(lost));
            }
            load.stop();
            assertThat(load.firstError()).isNull();
            // The owner reads its own replica: the one that was rebuilt.
            cairn("volume", "move", "data", "2");
            assertThat(load.verifyAll((done, of) -> {}))
                    .as("%s", load.violations())
                    .isTrue();
        }
        assertThat(cairn("status").out()).doesNotContain(lost);
        await().atMost(PATIENCE)
                .untilAsserted(() -> assertThat(volume("idle").get("ownerNode"))
                        .as("given up again")
                        .isNull());
    }

    /** A disk that only was away is none that is lost: no empty replica is made in its place. */
    @Test
    void aDiskThatComesBackIsBroughtUpToDateWithoutBeingReplaced() throws Exception {
        cairn("up", "--disk-size", "256MiB");
        cairn("volume", "create", "data", "--size", "64MiB");
        String away = disk(3);
        try (VerifyingLoad load = load("data")) {
            load.start();
            await().atMost(PATIENCE).until(() -> load.total().writes() > WRITES);
            cairn("node", "kill", "3");
            Path file = dir.resolve("node-3/disk-1");
            Path elsewhere = dir.resolve("drawer");
            Files.move(file, elsewhere);
            cairn("node", "start", "3");
            await().atMost(PATIENCE).until(() -> inSync("data").size() == 2);
            cairn("node", "stop", "3");
            Files.move(elsewhere, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            cairn("node", "start", "3");

            await().atMost(PATIENCE).until(() -> inSync("data").contains(away));
            load.stop();
            assertThat(load.verifyAll((done, of) -> {}))
                    .as("%s", load.violations())
                    .isTrue();
        }
        assertThat(Objects.requireNonNull(volume("data").get("phase")).asText()).isEqualTo("Ready");
    }
}
