package storage.cairn.replicamanager.failover;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Taint;
import io.fabric8.kubernetes.api.model.TaintBuilder;
import io.fabric8.kubernetes.api.model.storage.CSINode;
import io.fabric8.kubernetes.api.model.storage.CSINodeBuilder;
import java.util.Map;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageNode;

/** When a node that was given up and lives again may host volumes. */
final class CleanTest {
    private static final Taint TAINT =
            new TaintBuilder().withKey(Api.FAILED_TAINT).withValue("17").build();

    private static Node machine(String boot) {
        return new NodeBuilder()
                .withNewMetadata()
                .withName("n")
                .withAnnotations(Map.of(Api.FAILED_BOOT, "boot-1"))
                .endMetadata()
                .withNewStatus()
                .withNewNodeInfo()
                .withBootID(boot)
                .endNodeInfo()
                .endStatus()
                .build();
    }

    private static StorageNode node(Map<String, String> annotations) {
        StorageNode node = new StorageNode();
        node.setMetadata(new ObjectMetaBuilder()
                .withName("n")
                .withAnnotations(annotations)
                .build());
        return node;
    }

    private static CSINode drivers(String name) {
        return new CSINodeBuilder()
                .withNewSpec()
                .addNewDriver()
                .withName(name)
                .endDriver()
                .endSpec()
                .build();
    }

    @Test
    void itsDriverHasTheLastWordAlsoAfterAnotherBoot() {
        CSINode ours = drivers(Api.DRIVER);
        assertThat(FailoverProcess.isClean(machine("boot-1"), node(Map.of()), ours, TAINT))
                .isFalse();
        assertThat(FailoverProcess.isClean(machine("boot-2"), node(Map.of()), ours, TAINT))
                .isFalse();
        assertThat(FailoverProcess.isClean(machine("boot-2"), node(Map.of(Api.CLEANED, "16")), ours, TAINT))
                .as("what it said of an earlier failover")
                .isFalse();
        assertThat(FailoverProcess.isClean(machine("boot-1"), node(Map.of(Api.CLEANED, "17")), ours, TAINT))
                .isTrue();
    }

    @Test
    void withoutADriverAnotherBootIsEnough() {
        CSINode theirs = drivers("csi.example.com");
        assertThat(FailoverProcess.isClean(machine("boot-1"), null, theirs, TAINT))
                .isFalse();
        assertThat(FailoverProcess.isClean(machine("boot-2"), null, theirs, TAINT))
                .isTrue();
        assertThat(FailoverProcess.isClean(machine("boot-2"), null, null, TAINT))
                .isTrue();
        CSINode none = drivers(Api.DRIVER);
        none.getSpec().setDrivers(null);
        assertThat(FailoverProcess.isClean(machine("boot-2"), null, none, TAINT))
                .as("as the API server has it while kubelet knows no driver")
                .isTrue();
    }
}
