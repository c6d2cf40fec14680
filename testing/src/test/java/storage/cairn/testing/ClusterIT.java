package storage.cairn.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The throw-away Kubernetes with nodes, where it has been built and can run. */
final class ClusterIT {
    private static final long MOST_MINUTES = 9;

    @Test
    void aClusterComesUpRunsPodsSurvivesADeadNodeAndLeavesNothingBehind() throws Exception {
        ApiServer.Binaries.require("etcd", "kube-apiserver", "kubelet", "kube-proxy");
        assumeTrue("root".equals(System.getProperty("user.name")), "skipped: nodes of Kubernetes need root");
        assumeTrue(
                Files.isDirectory(Path.of("/sys/fs/cgroup/pids")),
                "skipped: nodes of Kubernetes need cgroup version 1 here");
        File log = Files.createTempFile("cairn-cluster", ".log").toFile();
        Process selftest = new ProcessBuilder(
                        Path.of("..", "e2e", "kubernetes", "selftest").toString(), "1")
                .redirectErrorStream(true)
                .redirectOutput(log)
                .start();
        boolean ended = selftest.waitFor(MOST_MINUTES, TimeUnit.MINUTES);
        if (!ended) {
            // In order, so that it takes the cluster with it.
            selftest.destroy();
            selftest.waitFor();
        }
        assertThat(ended && selftest.exitValue() == 0)
                .as(Files.readString(log.toPath()))
                .isTrue();
        Files.delete(log.toPath());
    }
}
