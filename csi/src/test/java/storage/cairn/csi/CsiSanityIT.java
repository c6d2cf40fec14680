package storage.cairn.csi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The conformance suite of CSI against the driver, three engines and a real API server; real devices and filesystems. */
final class CsiSanityIT {
    private static final int MAX_SECONDS = 560;

    /** Of capabilities that the driver does not have: snapshots, clones, changeable parameters, attachment by CSI. */
    private static final Set<String> NOT_SUPPORTED = Set.of(
            "Controller Publish, UnpublishVolume",
            "ControllerGetVolumeHealth",
            "ControllerListVolumeHealth",
            "ControllerModifyVolume",
            "ControllerPublishVolume",
            "ControllerUnpublishVolume",
            "CreateSnapshot",
            "DeleteSnapshot",
            "GetSnapshot",
            "GroupControllerService",
            "ListSnapshots",
            "Modify Volume",
            "Modify volume",
            "NodeGetStorageHealth",
            "NodeGetVolumeHealth",
            "Snapshot",
            "Volume Cloning");

    private static final Pattern SKIPPED = Pattern.compile("\\s*\\[SKIPPED\\] (?!in \\[)(.*?)(?: not supported)?");
    private static final Pattern SUMMARY = Pattern.compile("\\d+ Passed.*Skipped");

    @TempDir
    private Path folder = Path.of("");

    @Test
    void theDriverConformsForFilesystemsAndForBlockDevices() throws Exception {
        Path sanity = SystemTools.sanity();
        SystemTools.requireAttach();
        try (TestCluster cluster = new TestCluster(folder, 3)) {
            Path socket = cluster.startDriver(1, true);
            run(sanity, socket, "mount");
            run(sanity, socket, "block");
        } finally {
            SystemTools.keepLogs(folder);
        }
        assertThat(SystemTools.loopDevicesBelow(folder)).isEmpty();
    }

    private void run(Path sanity, Path socket, String accessType) throws IOException, InterruptedException {
        Path log = folder.resolve("sanity-" + accessType + ".out");
        Path parameters = Files.writeString(folder.resolve("parameters"), "restoreWindowSeconds: \"0\"\n");
        Process suite = new ProcessBuilder(
                        sanity.toString(),
                        "--csi.endpoint=unix://" + socket,
                        "--csi.mountdir=" + folder.resolve("target"),
                        "--csi.stagingdir=" + folder.resolve("staging"),
                        "--csi.testvolumesize=" + (64L << 20),
                        "--csi.testvolumeexpandsize=" + (128L << 20),
                        "--csi.testvolumeaccesstype=" + accessType,
                        "--csi.testvolumeparameters=" + parameters,
                        "--ginkgo.no-color",
                        "--ginkgo.v")
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        boolean ended = suite.waitFor(MAX_SECONDS, TimeUnit.SECONDS);
        suite.destroyForcibly();
        String said = Files.readString(log);
        Matcher summary = SUMMARY.matcher(said);
        System.out.println("csi-sanity " + accessType + ": " + (summary.find() ? summary.group() : "no summary"));
        assertThat(ended).as(said).isTrue();
        assertThat(suite.exitValue()).as(said).isZero();
        assertThat(skipped(said)).as("reasons of skipped specs").isSubsetOf(NOT_SUPPORTED);
    }

    private static Set<String> skipped(String said) {
        Set<String> reasons = new TreeSet<>();
        for (String line : said.lines().toList()) {
            Matcher reason = SKIPPED.matcher(line);
            if (reason.matches()) {
                reasons.add(reason.group(1));
            }
        }
        return reasons;
    }
}
