package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.api.model.Namespace;
import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.VersionInfo;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeStatus;
import storage.cairn.cli.base.ExitCode;

/** {@code kubectl cairn check}: whether this Kubernetes can run Cairn, and whether what runs of it is well. */
@Command(
        name = "check",
        description = {
            "Looks, before and after the installation, at what Cairn needs of this Kubernetes.",
            "Exit code 1 when something that it cannot do without is missing."
        })
final class CheckCommand implements Callable<Integer> {
    private static final int OLDEST_MINOR = 32;
    private static final int OLDEST_KERNEL = 5;
    private static final Duration SILENCE = Duration.ofSeconds(40);

    private final KubernetesCairn cairn;

    CheckCommand(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    /** How a finding is meant. */
    enum Grade {
        OK,
        WARN,
        FAIL
    }

    /** One thing that was looked at. */
    record Finding(Grade grade, String what) {}

    @Override
    public Integer call() {
        List<Finding> findings = cairn.with(CheckCommand::look);
        cairn.print(
                Map.of("findings", findings),
                () -> findings.forEach(each -> cairn.out().printf("%-5s %s%n", each.grade(), each.what())));
        return findings.stream().anyMatch(each -> each.grade() == Grade.FAIL)
                ? ExitCode.FAILED.number()
                : ExitCode.OK.number();
    }

    private static List<Finding> look(KubernetesClient client) {
        List<Finding> findings = new ArrayList<>();
        VersionInfo version = client.getKubernetesVersion();
        int minor = Integer.parseInt(version.getMinor().replaceAll("\\D.*", ""));
        findings.add(
                minor >= OLDEST_MINOR
                        ? new Finding(Grade.OK, "Kubernetes 1." + minor)
                        : new Finding(Grade.FAIL, "Kubernetes 1." + minor + ": 1." + OLDEST_MINOR + " is needed"));
        nodes(client, findings);
        boolean installed = definitions(client, findings);
        namespace(client, findings);
        if (installed) {
            engines(client, findings);
        }
        return findings;
    }

    private static void nodes(KubernetesClient client, List<Finding> findings) {
        List<Node> nodes = client.nodes().list().getItems();
        findings.add(new Finding(
                nodes.size() >= 3 ? Grade.OK : Grade.WARN,
                nodes.size() + " nodes" + (nodes.size() >= 3 ? "" : ": three replicas need three")));
        for (Node node : nodes) {
            String kernel = node.getStatus().getNodeInfo().getKernelVersion();
            if (Integer.parseInt(kernel.replaceAll("\\D.*", "")) < OLDEST_KERNEL) {
                findings.add(new Finding(
                        Grade.WARN, "node " + Tables.name(node) + " has kernel " + kernel + ", too old for io_uring"));
            }
        }
    }

    private static boolean definitions(KubernetesClient client, List<Finding> findings) {
        long count = client.apiextensions().v1().customResourceDefinitions().list().getItems().stream()
                .filter(each -> each.getSpec().getGroup().equals(Api.GROUP))
                .count();
        findings.add(
                count > 0
                        ? new Finding(Grade.OK, count + " definitions of " + Api.GROUP)
                        : new Finding(
                                Grade.WARN, "the definitions of " + Api.GROUP + " are not there yet: helm install"));
        return count > 0;
    }

    private static void namespace(KubernetesClient client, List<Finding> findings) {
        Namespace namespace = client.namespaces().withName(Api.NAMESPACE).get();
        if (namespace == null) {
            findings.add(new Finding(Grade.WARN, "there is no namespace " + Api.NAMESPACE + " yet"));
            return;
        }
        Map<String, String> labels = namespace.getMetadata().getLabels();
        String level = labels == null ? null : labels.get("pod-security.kubernetes.io/enforce");
        findings.add(
                level == null || level.equals("privileged")
                        ? new Finding(Grade.OK, "namespace " + Api.NAMESPACE + " admits engines")
                        : new Finding(
                                Grade.FAIL,
                                "namespace " + Api.NAMESPACE + " admits '" + level
                                        + "' pods alone: label it pod-security.kubernetes.io/enforce=privileged"));
    }

    private static void engines(KubernetesClient client, List<Finding> findings) {
        for (StorageNode node : client.resources(StorageNode.class).list().getItems()) {
            String name = Tables.name(node);
            Lease lease = client.leases()
                    .inNamespace(Api.NAMESPACE)
                    .withName(Api.LEASE_PREFIX + name)
                    .get();
            ZonedDateTime renewed = lease == null ? null : lease.getSpec().getRenewTime();
            StorageNodeStatus status = node.getStatus();
            if (renewed == null) {
                findings.add(new Finding(
                        Grade.FAIL,
                        "engine of " + name + " has no lease in namespace " + Api.NAMESPACE
                                + ": it never ran, or Cairn is in another namespace (set CAIRN_NAMESPACE)"));
            } else if (renewed.plus(SILENCE).isBefore(ZonedDateTime.now(renewed.getZone()))) {
                findings.add(new Finding(Grade.FAIL, "engine of " + name + " was not heard of since " + renewed));
            } else if (renewed.minus(SILENCE).isAfter(ZonedDateTime.now(renewed.getZone()))) {
                findings.add(new Finding(Grade.FAIL, "the clock of " + name + " is ahead: " + renewed));
            } else if (status != null && "pool".equals(status.ioMode())) {
                findings.add(new Finding(Grade.WARN, "engine of " + name + " has no io_uring: " + status.ioReason()));
            } else {
                findings.add(new Finding(Grade.OK, "engine of " + name));
            }
        }
    }
}
