package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.policy.v1.PodDisruptionBudget;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StoragePool;

final class PlanTest {
    private static Plan plan(String spec, Fixtures there) {
        return Plan.of(Fixtures.cluster(spec), Fixtures.IDENTITY, there.observed(), Fixtures.SETTINGS);
    }

    private static <T extends HasMetadata> List<T> of(Class<T> type, List<HasMetadata> all) {
        return all.stream().filter(type::isInstance).map(type::cast).toList();
    }

    private static DaemonSet engines(String spec, Fixtures there) {
        return of(DaemonSet.class, plan(spec, there).owned()).getFirst();
    }

    private static Container container(DaemonSet engines) {
        return engines.getSpec().getTemplate().getSpec().getContainers().getFirst();
    }

    @Test
    void everyNodeGetsANumberAndKeepsItForEver() {
        Fixtures there = new Fixtures().threeNodes().storageNode("node3", 7);
        there.numbers.put("gone", 9);
        assertThat(plan("{}", there).nodes())
                .extracting(EngineNode::name, EngineNode::number)
                .containsExactly(
                        org.assertj.core.groups.Tuple.tuple("node1", 10),
                        org.assertj.core.groups.Tuple.tuple("node2", 11),
                        org.assertj.core.groups.Tuple.tuple("node3", 7));
        assertThat(of(StorageNode.class, plan("{}", there).kept()))
                .extracting(node -> node.getSpec().number())
                .containsExactly(10, 11, 7);
    }

    @Test
    void onlySelectedNodesTakePart() {
        Fixtures there = new Fixtures().node("a", "10.0.0.1", "storage").node("b", "10.0.0.2");
        Plan plan = plan("{nodeSelector: {storage: \"true\"}}", there);
        assertThat(plan.nodes()).extracting(EngineNode::name).containsExactly("a");
        assertThat(plan.problems()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "10.1.0.0/16, 10.1.2.3, true",
        "10.1.0.0/16, 10.2.2.3, false",
        "10.1.2.0/23, 10.1.3.255, true",
        "fd00::/8, fd12::1, true",
        "fd00::/8, 10.0.0.1, false",
        "0.0.0.0/0, 192.168.0.1, true",
    })
    void addressesAreTakenFromTheNetworkThatIsNamed(String cidr, String address, boolean within) {
        assertThat(EngineNode.within(cidr, address)).isEqualTo(within);
    }

    @Test
    void aNodeWithoutAnAddressThereIsNamedAndLeftOut() {
        Fixtures there = new Fixtures().threeNodes();
        Plan plan = plan("{network: {cidr: 192.168.0.0/16}}", there);
        assertThat(plan.nodes()).isEmpty();
        assertThat(plan.problems()).hasSize(3).first().asString().contains("node1", "192.168.0.0/16", "network.cidr");
    }

    @Test
    void enginesAreRestartedByTheOperatorAlone() {
        assertThat(engines("{}", new Fixtures().threeNodes())
                        .getSpec()
                        .getUpdateStrategy()
                        .getType())
                .isEqualTo("OnDelete");
    }

    @Test
    void theRevisionChangesWithWhatAnEngineReadsAtItsStartAndWithNothingElse() {
        Fixtures there = new Fixtures().threeNodes();
        String revision = plan("{}", there).revision();
        assertThat(plan("{}", there.node("node4", "10.0.0.4")).revision())
                .as("another node")
                .isEqualTo(revision);
        assertThat(plan("{disks: {devices: [/dev/sdb]}}", there).revision())
                .as("other disks, which engines read as they run")
                .isEqualTo(revision);
        assertThat(plan("{images: {tag: \"2.0\"}}", there).revision())
                .as("another image")
                .isNotEqualTo(revision);
        assertThat(plan("{network: {port: 9000}}", there).revision())
                .as("another port")
                .isNotEqualTo(revision);
        assertThat(Plan.of(
                                Fixtures.cluster("{}"),
                                new Identity(Fixtures.IDENTITY.clusterId(), "11".repeat(32)),
                                there.observed(),
                                Fixtures.SETTINGS)
                        .revision())
                .as("another secret")
                .isNotEqualTo(revision);
    }

    @Test
    void noContainerIsStartedAnewBecauseItStartsSlowly() {
        assertThat(of(Deployment.class, plan("{}", new Fixtures().threeNodes()).owned()))
                .flatMap(each -> each.getSpec().getTemplate().getSpec().getContainers())
                .filteredOn(container -> container.getLivenessProbe() != null)
                .hasSize(4)
                .allSatisfy(container -> assertThat(container.getStartupProbe())
                        .as(container.getName())
                        .matches(probe -> probe.getPeriodSeconds() * probe.getFailureThreshold() >= 300));
    }

    @Test
    void theRevisionIsTheSameWhoeverLeadsAndInWhateverOrderThingsAreSaid() {
        Fixtures there = new Fixtures().threeNodes();
        assertThat(plan("{resources: {requests: {cpu: 1, memory: 2Gi}}, nodeSelector: {a: b, c: d}}", there)
                        .revision())
                .isEqualTo(plan("{nodeSelector: {c: d, a: b}, resources: {requests: {memory: 2Gi, cpu: 1}}}", there)
                        .revision());
    }

    @ParameterizedTest
    @CsvSource({
        "{}, registry.example/cairn:1.0",
        "'{images: {tag: \"2\"}}', registry.example/cairn:2",
        "'{images: {repository: mirror.local:5000/x}}', mirror.local:5000/x/cairn:1.0",
        "'{images: {repository: m, tag: t}}', m/cairn:t",
    })
    void theImageIsTheOperatorsOwnUnlessTheSpecSays(String spec, String image) {
        assertThat(container(engines(spec, new Fixtures().threeNodes())).getImage())
                .isEqualTo(image);
    }

    @Test
    void foldersOfFilesThatStandForDisksAreMountedOnceEach() {
        DaemonSet engines = engines(
                "{disks: {files: [{path: /var/lib/cairn/a.img, size: 1Gi}, {path: /srv/b.img, size: 1Gi},"
                        + " {path: /srv/c.img, size: 1Gi}]}}",
                new Fixtures().threeNodes());
        assertThat(container(engines).getVolumeMounts())
                .extracting(mount -> mount.getMountPath())
                .containsExactly("/etc/cairn/config", "/etc/cairn/secret", "/dev", "/var/lib/cairn", "/srv");
    }

    @Test
    void aPoolIsMadeOnlyWhereThereIsNone() {
        Fixtures there = new Fixtures().threeNodes();
        assertThat(of(
                        StoragePool.class,
                        plan("{defaults: {replicas: 2}}", there).kept()))
                .singleElement()
                .satisfies(pool -> assertThat(pool.getSpec().replicas()).isEqualTo(2));
        there.pool("fast", "{}");
        Plan plan = plan("{}", there);
        assertThat(of(StoragePool.class, plan.kept())).isEmpty();
        assertThat(of(StorageClass.class, plan.owned()))
                .extracting(each -> each.getMetadata().getName())
                .containsExactly("cairn-fast");
    }

    @Test
    void aNodeThatSomeVolumeNeedsCannotBeDrained() {
        Fixtures there = new Fixtures()
                .threeNodes()
                .disk("a", "node1", DiskStatus.State.READY, "p")
                .disk("b", "node2", DiskStatus.State.READY, "p")
                .volume("data", 1, List.of("a", "b"), List.of());
        assertThat(unavailable(there)).containsExactly(1, 1, 1);
        there.volume("single", 1, List.of("b"), List.of());
        assertThat(unavailable(there)).containsExactly(1, 0, 1);
    }

    private static List<Integer> unavailable(Fixtures there) {
        return of(PodDisruptionBudget.class, plan("{}", there).owned()).stream()
                .filter(budget -> budget.getMetadata().getName().startsWith(Names.GUARD))
                .map(budget -> budget.getSpec().getMaxUnavailable().getIntVal())
                .toList();
    }

    @Test
    void aCopyOnAFailedOrUnknownDiskIsNotCountedOn() {
        Fixtures there = new Fixtures()
                .threeNodes()
                .disk("a", "node1", DiskStatus.State.READY, "p")
                .disk("b", "node2", DiskStatus.State.FAILED, "p")
                .volume("data", 1, List.of("a", "b", "unknown"), List.of());
        assertThat(unavailable(there)).containsExactly(0, 1, 1);
    }

    @Test
    void aServiceMonitorIsMadeWhereItIsDefinedUnlessTheSpecForbids() {
        Fixtures there = new Fixtures().threeNodes();
        assertThat(kinds("{}", there)).doesNotContain("ServiceMonitor");
        there.serviceMonitors = true;
        assertThat(kinds("{}", there)).contains("ServiceMonitor");
        assertThat(kinds("{monitoring: {serviceMonitor: never}}", there)).doesNotContain("ServiceMonitor");
    }

    private static List<String> kinds(String spec, Fixtures there) {
        return plan(spec, there).owned().stream().map(HasMetadata::getKind).toList();
    }

    @Test
    void whatTellsWhichDisksAreWhoseOutlivesTheStorageCluster() {
        Plan plan = plan("{}", new Fixtures().threeNodes());
        assertThat(plan.kept())
                .allSatisfy(each ->
                        assertThat(each.getMetadata().getOwnerReferences()).isEmpty());
        assertThat(plan.owned())
                .allSatisfy(each ->
                        assertThat(each.getMetadata().getOwnerReferences()).hasSize(1));
    }

    @Test
    void anotherIdentityThanThatOfTheDisksIsRefused() {
        assertThat(plan("{clusterId: 6f1c1f0e-0000-4000-8000-000000000002}", new Fixtures())
                        .problems())
                .singleElement()
                .asString()
                .contains("6f1c1f0e-0000-4000-8000-000000000001", Names.IDENTITY);
    }

    private static List<String> deployments(String spec, Settings settings) {
        return of(
                        Deployment.class,
                        Plan.of(
                                        Fixtures.cluster(spec),
                                        Fixtures.IDENTITY,
                                        new Fixtures().threeNodes().observed(),
                                        settings)
                                .owned())
                .stream()
                .map(each -> each.getMetadata().getName())
                .filter(name -> !name.startsWith(Names.GUARD))
                .toList();
    }

    @Test
    void schedulerAndFailoverRunUnlessSomebodySaysNo() {
        assertThat(deployments("{}", Fixtures.SETTINGS))
                .contains(Names.REPLICA_MANAGER, Names.FAILOVER, Names.SCHEDULER);
        assertThat(deployments("{scheduler: {enabled: false}, failover: {enabled: false}}", Fixtures.SETTINGS))
                .contains(Names.REPLICA_MANAGER)
                .doesNotContain(Names.FAILOVER, Names.SCHEDULER);
        Settings none = new Settings("cairn-system", "cairn:1.0", "pause:1", "IfNotPresent", "1.0", true, "");
        assertThat(deployments("{}", none)).doesNotContain(Names.SCHEDULER);
    }

    @Test
    void whereNoSecondSchedulerIsWantedTheExtenderIsAloneForItsWebhook() {
        for (String mode : List.of("scheduler", "affinity")) {
            Deployment deployment = of(
                            Deployment.class,
                            plan("{scheduler: {mode: " + mode + "}}", new Fixtures().threeNodes())
                                    .owned())
                    .stream()
                    .filter(each -> each.getMetadata().getName().equals(Names.SCHEDULER))
                    .findFirst()
                    .orElseThrow();
            List<Container> containers =
                    deployment.getSpec().getTemplate().getSpec().getContainers();
            assertThat(containers).hasSize(mode.equals("affinity") ? 1 : 2);
            assertThat(containers.getLast().getArgs()).containsExactly("--mode=" + mode);
        }
    }

    @Test
    void anEngineRunsOnANodeThatFailedSoThatItsReplicasComeBack() {
        assertThat(engines("{}", new Fixtures().threeNodes())
                        .getSpec()
                        .getTemplate()
                        .getSpec()
                        .getTolerations())
                .anyMatch(each -> "cairn.storage/failed".equals(each.getKey()));
    }
}
