package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Condition;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.DiskStatus.State;
import storage.cairn.api.resource.StoragePoolStatus;

final class PoolsTest {
    private static Pools pools(Fixtures there) {
        return new Pools(there.observed());
    }

    @Test
    void aDiskGoesIntoThePoolThatSelectsItAndElseIntoThatWhichTakesAll() {
        Fixtures there = new Fixtures()
                .pool("fast", "{disks: {selector: {matchLabels: {fast: \"true\"}}}}")
                .pool("rest", "{}")
                .disk("a", "node1", State.DISCOVERED, null, "fast")
                .disk("b", "node1", State.DISCOVERED, null);
        assertThat(pools(there).admissions().pools()).isEqualTo(Map.of("a", "fast", "b", "rest"));
    }

    @Test
    void aDiskThatTwoPoolsSelectIsInNoneAndThatIsSaid() {
        Fixtures there = new Fixtures()
                .pool("one", "{disks: {nodes: [node1]}}")
                .pool("two", "{disks: {media: [nvme]}}")
                .disk("a", "node1", State.DISCOVERED, null)
                .disk("b", "node2", State.DISCOVERED, null);
        Pools.Admissions admissions = pools(there).admissions();
        assertThat(admissions.pools()).isEqualTo(Map.of("b", "two"));
        assertThat(admissions.problems()).singleElement().asString().contains("disk a", "[one, two]", "spec.disks");
    }

    @Test
    void aDiskWithForeignDataIsAdmittedNowhere() {
        Fixtures there = new Fixtures().pool("all", "{}").disk("a", "node1", State.FAILED, null);
        assertThat(pools(there).admissions()).isEqualTo(new Pools.Admissions(Map.of(), java.util.List.of()));
    }

    @Test
    void aDiskStaysWhereItIsWhoeverSelectsIt() {
        Fixtures there = new Fixtures().pool("new", "{}").disk("a", "node1", State.READY, "old");
        assertThat(pools(there).admissions().pools()).isEmpty();
    }

    @Test
    void expressionsSelectAsKubernetesDoes() {
        Fixtures there = new Fixtures()
                .pool(
                        "p",
                        "{disks: {selector: {matchExpressions: [{key: fast, operator: Exists},"
                                + " {key: old, operator: DoesNotExist}]}}}")
                .disk("a", "node1", State.DISCOVERED, null, "fast")
                .disk("b", "node1", State.DISCOVERED, null, "fast", "old")
                .disk("c", "node1", State.DISCOVERED, null);
        assertThat(pools(there).admissions().pools()).isEqualTo(Map.of("a", "p"));
    }

    @Test
    void aPoolSumsUpItsDisksThatServeAndWarnsWhenItFills() {
        Fixtures there = new Fixtures()
                .pool("p", "{nearFullPercent: 25}")
                .disk("a", "node1", State.READY, "p")
                .disk("b", "node2", State.READY, "p")
                .disk("c", "node3", State.FAILED, "p")
                .disk("d", "node3", State.READY, "other");
        StoragePoolStatus status = pools(there).status(there.pools.getFirst());
        assertThat(status.disks()).isEqualTo(3);
        assertThat(status.nodes()).isEqualTo(3);
        assertThat(Objects.requireNonNull(status.capacity()).usableBytes()).isEqualTo(160);
        assertThat(status.usedPercent()).isEqualTo(25);
        assertThat(status.conditions())
                .extracting(Condition::getType, Condition::getStatus)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("Ready", "True"),
                        org.assertj.core.groups.Tuple.tuple("NearFull", "True"));
    }

    @Test
    void aPoolWithAFullDiskWarnsThoughAllTogetherHaveRoom() {
        Fixtures there = new Fixtures()
                .pool("p", "{nearFullPercent: 60, fullPercent: 25}")
                .disk("a", "node1", State.READY, "p")
                .disk("b", "node2", State.FAILED, "p");
        assertThat(pools(there).status(there.pools.getFirst()).conditions())
                .filteredOn(condition -> condition.getType().equals("NearFull"))
                .singleElement()
                .satisfies(condition -> {
                    assertThat(condition.getStatus()).isEqualTo("True");
                    assertThat(condition.getReason()).isEqualTo("DisksFull");
                    assertThat(condition.getMessage())
                            .contains("disk a on node1")
                            .doesNotContain("disk b");
                });
    }
}
