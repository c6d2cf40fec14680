package storage.cairn.campaign;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A short campaign with real engines. Its seed and schedule are in what it prints; a failure keeps the logs. */
final class CampaignIT {
    @TempDir
    private Path folder;

    @BeforeEach
    void needsTools() {
        assumeTrue(
                Shell.has("unshare") && Shell.has("ip") && Shell.has("nft"),
                "skipped: unshare, ip or nft is not installed; 'cairn test' installs them");
    }

    @Test
    void noPromiseIsBrokenUnderEveryKindOfFault() throws Exception {
        Outcome outcome = campaign("--minutes", "0.1", "--round", "36", "--each-once");
        assertThat(outcome.code).as(outcome.text).isZero();
        assertThat(outcome.text).contains("all histories explained").contains("what they did:");
        String faults = outcome.text
                .lines()
                .filter(line -> line.startsWith("faults: "))
                .findFirst()
                .orElseThrow();
        for (FaultKind kind : FaultKind.values()) {
            if (!outcome.text.contains("left out, ")) {
                assertThat(faults).as(outcome.text).contains(" " + kind.label() + " ");
            }
        }
    }

    @Test
    void enginesThatAckBeforeAnythingIsDurableAreFound() throws Exception {
        Outcome outcome = campaign(
                "--minutes",
                "2",
                "--round",
                "8",
                "--rest",
                "40",
                "--volumes",
                "4",
                "--writers",
                "16",
                "--each-once",
                "--faults",
                "kill-all",
                "--engine",
                "storage.cairn.engine.node.HastyEngineMain");
        assertThat(outcome.code).as(outcome.text).isEqualTo(1);
        // Lost writes show as such, as replicas that differ, or as a volume that nobody can serve any more.
        assertThat(outcome.text).contains("BROKEN in life");
        deleteKept(outcome.text);
    }

    @Test
    void enginesThatDoNotLookAtTheirLeasesAreFound() throws Exception {
        Outcome outcome = campaign(
                "--minutes",
                "4",
                "--round",
                "22",
                "--volumes",
                "3",
                "--each-once",
                "--faults",
                "comeback",
                "--variant",
                "lease-unchecked");
        assertThat(outcome.code).as(outcome.text).isEqualTo(1);
        assertThat(outcome.text).contains("BROKEN in life");
        deleteKept(outcome.text);
    }

    @Test
    void enginesThatServeASupersededExportAreFound() throws Exception {
        Outcome outcome = campaign(
                "--minutes",
                "2",
                "--round",
                "12",
                "--each-once",
                "--faults",
                "reattach",
                "--variant",
                "superseded-export-known");
        assertThat(outcome.code).as(outcome.text).isEqualTo(1);
        assertThat(outcome.text).contains("I31");
        deleteKept(outcome.text);
    }

    private static void deleteKept(String text) {
        text.lines()
                .filter(line -> line.startsWith("Kept: "))
                .forEach(line -> Isolation.delete(Path.of(line.split(" ", -1)[1])));
    }

    private Outcome campaign(String... options) throws Exception {
        Path printed = folder.resolve("printed");
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                Campaign.class.getName()));
        line.addAll(List.of(options));
        Process process = new ProcessBuilder(line)
                .redirectErrorStream(true)
                .redirectOutput(printed.toFile())
                .start();
        if (!process.waitFor(14, TimeUnit.MINUTES)) {
            process.destroy();
            process.waitFor();
        }
        return new Outcome(process.exitValue(), Files.readString(printed));
    }

    private record Outcome(int code, String text) {}
}
