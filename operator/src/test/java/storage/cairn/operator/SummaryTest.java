package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.DiskStatus.State;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.StorageClusterStatus;
import storage.cairn.api.resource.StorageClusterStatus.Phase;
import storage.cairn.api.resource.StorageNode;

final class SummaryTest {
    private static final Instant LONG_AGO = Fixtures.NOW.minus(Duration.ofHours(1));

    private static Summary.Told tell(StorageCluster cluster, Fixtures there) {
        Observed observed = there.observed();
        Plan plan = Plan.of(cluster, Fixtures.IDENTITY, observed, Fixtures.SETTINGS);
        Rollout.Step step = new Rollout(observed, plan.revision(), false).next();
        return new Summary(cluster, observed, Fixtures.SETTINGS).tell(Fixtures.IDENTITY, plan, plan.problems(), step);
    }

    private static StorageClusterStatus status(Fixtures there) {
        return tell(Fixtures.cluster("{}"), there).status();
    }

    private static Condition condition(StorageClusterStatus status, String type) {
        return Objects.requireNonNull(status.conditions()).stream()
                .filter(each -> each.getType().equals(type))
                .findFirst()
                .orElseThrow();
    }

    private static Fixtures running() {
        Fixtures there = new Fixtures().threeNodes();
        String revision = Plan.of(Fixtures.cluster("{}"), Fixtures.IDENTITY, there.observed(), Fixtures.SETTINGS)
                .revision();
        for (int i = 1; i <= 3; i++) {
            there.engine("node" + i, revision, true, LONG_AGO);
        }
        return there.pool("default", "{}");
    }

    @Test
    void readyWhenEveryEngineServes() {
        StorageClusterStatus status = status(running().disk("a", "node1", State.READY, "default"));
        assertThat(status.phase()).isEqualTo(Phase.READY);
        assertThat(status.readyNodes()).isEqualTo(3);
        assertThat(status.readyDisks()).isEqualTo(1);
        assertThat(status.version()).isEqualTo("1.0");
        assertThat(Objects.requireNonNull(status.capacity()).rawBytes()).isEqualTo(100);
        assertThat(condition(status, "Degraded").getStatus()).isEqualTo("False");
    }

    @Test
    void installingWhileEnginesStart() {
        StorageClusterStatus status = status(new Fixtures().threeNodes());
        assertThat(status.phase()).isEqualTo(Phase.INSTALLING);
        assertThat(condition(status, "Available").getReason()).isEqualTo("NoEngines");
        assertThat(condition(status, "Progressing").getMessage()).contains("node1, node2, node3");
    }

    @Test
    void withoutANodeItSaysHowToGetOne() {
        assertThat(condition(status(new Fixtures()), "Available").getMessage()).contains("spec.nodeSelector");
    }

    @Test
    void whatIsWrongIsSaidWithWhatToDo() {
        Fixtures there = running().disk("a", "node1", State.FAILED, null).volume("data", 1, List.of("x"), List.of("y"));
        StorageClusterStatus status = status(there);
        assertThat(status.phase()).isEqualTo(Phase.DEGRADED);
        assertThat(condition(status, "Degraded").getMessage())
                .contains("/dev/a on node1 (holds an xfs filesystem)")
                .contains("spec.disks.exclude")
                .contains("1 volumes lack copies: data");
    }

    @Test
    void whatAnEngineSaysOfItsNodeIsSaid() {
        Fixtures there = running();
        there.storageNodes.add(Serialization.unmarshal("""
                apiVersion: cairn.storage/v1alpha1
                kind: StorageNode
                metadata: {name: node2}
                spec: {number: 2}
                status: {conditions: [{type: Ready, status: "True", message: /dev/b is a copy}]}
                """, StorageNode.class));
        assertThat(condition(status(there), "Degraded").getMessage()).contains("on node2 /dev/b is a copy");
    }

    @Test
    void aDiskThatWasEmptiedMayBeTakenAway() {
        assertThat(status(running().evacuated("a", "node1", 0)).phase()).isEqualTo(Phase.READY);
        assertThat(status(running().evacuated("a", "node1", 1)).phase()).isEqualTo(Phase.DEGRADED);
    }

    @Test
    void anEngineThatEndsForAnUpgradeIsNothingWrong() {
        Fixtures there = running();
        there.pods.getFirst().getMetadata().setDeletionTimestamp(Fixtures.NOW.toString());
        assertThat(condition(status(there), "Degraded").getStatus()).isEqualTo("False");
        there.pods.removeFirst();
        there.engine("node1", "any", false, LONG_AGO);
        assertThat(condition(status(there), "Degraded").getMessage()).contains("kubectl logs", "cairn-engine-node1");
    }

    @Test
    void aTransitionKeepsItsTimeUntilTheStatusFlipsAndIsToldOnce() {
        StorageCluster cluster = Fixtures.cluster("{}");
        Summary.Told first = tell(cluster, running());
        assertThat(first.turns()).hasSize(3);
        cluster.setStatus(first.status());
        Fixtures later = running();
        Observed observed = later.observed(Fixtures.NOW.plusSeconds(60));
        Plan plan = Plan.of(cluster, Fixtures.IDENTITY, observed, Fixtures.SETTINGS);
        Summary.Told second = new Summary(cluster, observed, Fixtures.SETTINGS)
                .tell(Fixtures.IDENTITY, plan, List.of(), new Rollout.Step.Done());
        assertThat(second.turns()).isEmpty();
        assertThat(condition(second.status(), "Available").getLastTransitionTime())
                .isEqualTo(Fixtures.NOW.toString());
    }
}
