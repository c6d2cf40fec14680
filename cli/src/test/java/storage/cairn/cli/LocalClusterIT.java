package storage.cairn.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.cli.Cli.Outcome;
import storage.cairn.cli.cluster.ClusterPlan;
import storage.cairn.cli.cluster.LocalCluster;

/** The commands against engine processes that have everything but a data path. */
final class LocalClusterIT {
    @TempDir
    private Path temporary = Path.of("");

    private Path dir = Path.of("");
    private Cli cli = new Cli(dir);

    private void useDir(String name) {
        dir = temporary.resolve(name);
        cli = new Cli(dir);
    }

    private Outcome up(String... more) {
        if (dir.toString().isEmpty()) {
            useDir("c");
        }
        String[] line = new String[3 + more.length];
        line[0] = "up";
        line[1] = "--disk-size";
        line[2] = "64MiB";
        System.arraycopy(more, 0, line, 3, more.length);
        return cli.run(line);
    }

    /** One that is held up on a busy machine is told as silent until it goes on. */
    private void awaitStatus(String text) {
        Awaitility.await()
                .untilAsserted(() -> assertThat(cli.run("status").out()).contains(text));
    }

    @AfterEach
    void down() {
        if (Files.exists(dir.resolve("cluster.json")) && !dir.toString().isEmpty()) {
            assertThat(cli.run("down", "--kill").exitCode()).isZero();
        }
    }

    @Test
    void upMakesAClusterThatStatusShows() throws IOException {
        Outcome up = up();

        assertThat(up.exitCode()).as(up.err()).isZero();
        assertThat(up.err()).contains("3 of 3 nodes are ready");
        assertThat(up.out()).contains("nodes answer").contains("io_uring is not permitted here");
        awaitStatus("3 of 3 nodes answer");
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(dir.resolve("secret"))))
                .isEqualTo("rw-------");
        assertThat(Files.readString(dir.resolve("secret"))).matches("[0-9a-f]{64}\n");
        JsonNode status = cli.run("status", "-o", "json").json();
        assertThat(status.get("nodes")).hasSize(3);
        assertThat(status.get("disks").get(0).get("usedBytes").asLong()).isEqualTo(3 << 20);
    }

    @Test
    void upAgainLeavesRunningEnginesAloneAndRestartsKilledOnes() {
        up();
        long first = pid(1);
        assertThat(cli.run("node", "kill", "2").exitCode()).isZero();
        assertThat(cli.run("node", "kill", "2").exitCode()).isEqualTo(4);
        assertThat(cli.run("status", "-o", "json")
                        .json()
                        .get("nodes")
                        .get(1)
                        .get("state")
                        .asText())
                .isEqualTo("Down");

        assertThat(up().exitCode()).isZero();

        assertThat(pid(1)).isEqualTo(first);
        assertThat(pid(2)).isPositive();
    }

    @Test
    void downEndsTheEnginesAndKeepsTheVolumes() {
        up();
        cli.run("volume", "create", "data", "--size", "1GiB");
        long pid = pid(1);

        assertThat(cli.run("down").exitCode()).isZero();

        Awaitility.await()
                .until(() ->
                        ProcessHandle.of(pid).filter(ProcessHandle::isAlive).isEmpty());
        assertThat(cli.run("status").exitCode()).isEqualTo(5);
        assertThat(cli.run("volume", "list").err()).contains("cairn up");
        assertThat(cli.run("down").exitCode()).isZero();
        assertThat(up().out()).contains("data");
    }

    @Test
    void whatChangesSomethingTellsScriptsWhatItIsNow() {
        up();
        cli.run("volume", "create", "data", "--size", "1GiB");

        assertThat(state("node", "kill", "2")).isEqualTo("Down");
        assertThat(state("node", "start", "2")).isEqualTo("Up");
        assertThat(state("volume", "release", "data")).isEqualTo("Released");
        assertThat(state("volume", "delete", "data")).isEqualTo("Deleted");
        assertThat(state("down")).isEqualTo("Down");
    }

    private String state(String... command) {
        String[] line = Arrays.copyOf(command, command.length + 2);
        line[command.length] = "-o";
        line[command.length + 1] = "json";
        return cli.run(line).json().get("state").asText();
    }

    @Test
    void aPidFileFromBeforeAResetKillsNobody() throws IOException {
        up();
        cli.run("down");
        Process bystander = new ProcessBuilder("sleep", "3600").start();
        try {
            Files.writeString(dir.resolve("node-1/engine.pid"), bystander.pid() + " 1 some-earlier-boot\n");
            Files.createFile(dir.resolve("node-1/control.sock"));

            assertThat(cli.run("node", "kill", "1").exitCode()).isEqualTo(4);
            assertThat(bystander.isAlive()).isTrue();
            assertThat(cli.run("node", "start", "1").exitCode()).isZero();
            assertThat(pid(1)).isPositive().isNotEqualTo(bystander.pid());
        } finally {
            bystander.destroyForcibly();
        }
    }

    @Test
    void anEngineThatEndsAtItsStartIsNamedWithTheEndOfItsLog() throws IOException {
        up();
        cli.run("down");
        Files.createFile(dir.resolve("node-3/broken"));

        Outcome up = up();

        assertThat(up.exitCode()).isEqualTo(1);
        assertThat(up.err())
                .contains("node 3")
                .contains(dir.resolve("node-3/engine.out").toString())
                .contains("carries an ext4 filesystem");
    }

    @Test
    void anEngineThatEndsAtItsStartIsNotExplainedByWhatItSaidEarlier() throws IOException {
        up();
        cli.run("down");
        Files.writeString(dir.resolve("node-3/engine.out"), "an earlier trouble\n");
        Files.createFile(dir.resolve("node-3/broken"));

        assertThat(up().err()).contains("carries an ext4 filesystem").doesNotContain("an earlier trouble");
    }

    @Test
    void aFolderThatCannotBeUsedIsNamedWithTheReason() throws IOException {
        useDir("file");
        Files.createFile(dir);
        assertThat(cli.run("up").err()).contains(dir + " is a file and not a folder");
        useDir("file/below");
        assertThat(cli.run("up").err()).contains("file is a file and not a folder");
        dir = Path.of("");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "{",
                "{}",
                "{\"clusterId\":\"x\",\"nodes\":[]}",
                "{\"clusterId\":\"x\",\"nodes\":[{\"node\":1}]}",
                "[1]"
            })
    void aDamagedClusterFileIsNamedByEveryCommand(String content) throws IOException {
        useDir("c");
        Files.createDirectories(dir);
        Files.writeString(dir.resolve("cluster.json"), content);
        for (String command :
                List.of("up", "down", "status", "volume list", "disk list", "disk replace x", "node kill 1")) {
            Outcome outcome = cli.run(command.split(" "));
            assertThat(outcome.exitCode()).as(command).isEqualTo(1);
            assertThat(outcome.err())
                    .as(command)
                    .startsWith("cairn: " + dir.resolve("cluster.json") + " is damaged: ")
                    .hasLineCount(1);
        }
        dir = Path.of("");
    }

    @Test
    void aPortTakenMeanwhileIsReplacedWhileNothingRuns() throws IOException {
        up();
        cli.run("down");
        String before = nbdAddress(1);
        int port = Integer.parseInt(before.substring(before.indexOf(':') + 1));
        try (ServerSocket taken = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            assertThat(taken.isBound()).isTrue();
            assertThat(up().exitCode()).isZero();
            assertThat(nbdAddress(1)).isNotEqualTo(before);
        }
    }

    @Test
    void aLongFolderGetsItsSocketsElsewhere() {
        useDir("a-folder-with-quite-a-long-name-".repeat(4));

        Outcome up = up();

        assertThat(up.exitCode()).as(up.err()).isZero();
        String socket = cli.run("status", "-o", "json")
                .json()
                .get("nodes")
                .get(0)
                .get("nbdSocket")
                .asText();
        assertThat(socket.length()).isLessThan(108);
        assertThat(socket).doesNotStartWith(dir.toString());
        cli.run("down");
        assertThat(Path.of(socket).getParent()).doesNotExist();
    }

    @Test
    void aFolderWithAnyLettersCanBeUsed() {
        useDir("ü ber+%41");

        assertThat(up().exitCode()).isZero();
        assertThat(cli.run("volume", "create", "data", "--size", "1GiB").exitCode())
                .isZero();
        assertThat(cli.run("status", "-o", "json").json().get("dataDir").asText())
                .isEqualTo(dir.toString());
    }

    @Test
    void aClusterThatAnotherCommandMadeMeanwhileIsTaken() {
        up();
        String clusterId =
                cli.run("status", "-o", "json").json().get("clusterId").asText();

        LocalCluster late = LocalCluster.create(dir, new ClusterPlan(5, 64 << 20, "auto"), Cli.fakeEngine());

        assertThat(late.file().clusterId()).isEqualTo(clusterId);
        assertThat(late.nodes()).hasSize(3);
    }

    @Test
    void upRefusesWhatTheClusterWasNotMadeWith() throws IOException {
        up();
        Path engineFile = dir.resolve("node-1/engine.json");
        // As docs/configuration.md allows.
        Files.writeString(engineFile, Files.readString(engineFile).replaceFirst("\\{", "{\"logLevel\": \"info\","));

        assertThat(cli.run("up").exitCode()).isZero();
        assertThat(up("--nodes", "3", "--io", "auto").exitCode()).isZero();
        Outcome other = cli.run("up", "--disk-size", "1GiB");
        assertThat(other.exitCode()).isEqualTo(4);
        assertThat(other.err()).contains("has disks of 64 MiB, which stays so: leave --disk-size out");
        assertThat(cli.run("up", "--nodes", "4").exitCode()).isEqualTo(4);
        assertThat(cli.run("up", "--io", "pool").exitCode()).isEqualTo(4);
    }

    @Test
    void aWrongOptionIsAnsweredByOneSentenceAndWhereToReadMore() {
        useDir("c");

        Outcome size = cli.run("volume", "create", "data", "--size", "10^30");
        assertThat(size.exitCode()).isEqualTo(2);
        assertThat(size.err())
                .isEqualTo(
                        "cairn: Invalid value for option '--size': '10^30' is not a size: write it like 512MiB, 10GiB"
                                + " or 4096\nSee 'cairn volume create --help'.\n");
        assertThat(cli.run("volume", "lost").err())
                .startsWith("cairn: ")
                .contains("Did you mean")
                .endsWith("See 'cairn volume --help'.\n");
    }

    @Test
    void everyCommandExplainsItselfWithAnExample() {
        useDir("c");
        for (String command : List.of(
                "",
                "demo",
                "up",
                "down",
                "status",
                "version",
                "disk list",
                "disk replace",
                "node list",
                "node kill",
                "node stop",
                "node start",
                "volume create",
                "volume list",
                "volume inspect",
                "volume delete",
                "volume serve",
                "volume release",
                "volume move",
                "volume resize",
                "volume attach",
                "volume detach")) {
            List<String> line = new ArrayList<>(List.of(command.split(" ")));
            line.remove("");
            line.add("--help");
            Outcome help = cli.run(line.toArray(String[]::new));
            assertThat(help.exitCode()).as(command).isZero();
            assertThat(help.out()).as(command).contains("Example", "cairn " + command, "Exit codes:");
        }
    }

    @Test
    void servePrintsOneUriForEachNodeTheOwnersFirst() {
        up();
        assertThat(cli.run("volume", "create", "data", "--size", "1GiB").exitCode())
                .isZero();

        JsonNode uris = cli.run("volume", "serve", "data", "--node", "2", "-o", "json")
                .json()
                .get("uris");

        assertThat(uris).hasSize(3);
        assertThat(uris.get(0).asText())
                .startsWith("nbd+unix:///data/a2?socket=")
                .endsWith("node-2/nbd.sock");
        assertThat(uris.get(1).asText()).endsWith("node-1/nbd.sock");
        Outcome again = cli.run("volume", "serve", "data", "--tcp");
        assertThat(again.out().lines()).hasSize(3);
        assertThat(again.out()).startsWith("nbd://" + nbdAddress(2) + "/data/a3");
    }

    @Test
    void failuresHaveTheirOwnExitCodesAndSentences() {
        useDir("c");
        assertThat(cli.run("status").exitCode()).isEqualTo(3);
        up();
        cli.run("volume", "create", "data", "--size", "1GiB");

        Outcome missing = cli.run("volume", "inspect", "nothing");
        assertThat(missing.exitCode()).isEqualTo(3);
        assertThat(missing.err()).isEqualTo("cairn: There is no volume nothing\n");
        Outcome again = cli.run("volume", "create", "data", "--size", "1GiB");
        assertThat(again.exitCode()).isEqualTo(4);
        assertThat(again.err()).contains("There is a volume 'data' already");
        assertThat(cli.run("volume", "create", "data", "--size", "2GiB").exitCode())
                .isEqualTo(4);
        assertThat(cli.run("volume", "create", "odd", "--size", "4097").exitCode())
                .isEqualTo(2);
        assertThat(cli.run("volume", "create", "odd", "--size", "many").exitCode())
                .isEqualTo(2);
        assertThat(cli.run("volume", "create", "odd", "--size", "1GiB", "--replicas", "-1")
                        .exitCode())
                .isEqualTo(2);
        assertThat(cli.run("node", "kill", "9").exitCode()).isEqualTo(3);
        assertThat(cli.run("up", "--nodes", "5").exitCode()).isEqualTo(4);
        cli.run("volume", "serve", "data");
        assertThat(cli.run("volume", "delete", "data").exitCode()).isEqualTo(4);
        assertThat(cli.run("volume", "release", "data").exitCode()).isZero();
        assertThat(cli.run("volume", "resize", "data", "--size", "2GiB").exitCode())
                .isZero();
        assertThat(cli.run("volume", "delete", "data").exitCode()).isZero();
        assertThat(cli.run("volume", "list", "-o", "json").json().get("volumes"))
                .isEmpty();
    }

    @Test
    void anotherNodeIsAskedWhenOneIsFrozen() throws Exception {
        up();
        long pid = pid(1);
        assertThat(new ProcessBuilder("kill", "-STOP", "" + pid).start().waitFor())
                .isZero();
        try {
            Outcome made = cli.run("volume", "create", "data", "--size", "1GiB");
            assertThat(made.exitCode()).as(made.err()).isZero();
            assertThat(cli.run("volume", "list").out()).contains("data");
        } finally {
            assertThat(new ProcessBuilder("kill", "-CONT", "" + pid).start().waitFor())
                    .isZero();
        }
    }

    @Test
    void aFrozenEngineIsReportedAsSilent() throws Exception {
        up();
        long pid = pid(2);
        assertThat(new ProcessBuilder("kill", "-STOP", "" + pid).start().waitFor())
                .isZero();
        try {
            awaitStatus("2 of 3 nodes answer");
            Outcome status = cli.run("status");
            assertThat(status.exitCode()).isZero();
            assertThat(status.out()).contains("Silent");
        } finally {
            assertThat(new ProcessBuilder("kill", "-CONT", "" + pid).start().waitFor())
                    .isZero();
        }
        awaitStatus("3 of 3 nodes answer");
    }

    private long pid(int node) {
        JsonNode status = cli.run("status", "-o", "json").json();
        return Optional.ofNullable(status.get("nodes").get(node - 1).get("pid"))
                .orElseThrow()
                .asLong();
    }

    private String nbdAddress(int node) {
        return cli.run("node", "list", "-o", "json")
                .json()
                .get("nodes")
                .get(node - 1)
                .get("nbdAddress")
                .asText();
    }
}
