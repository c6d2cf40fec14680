package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.KubernetesResource;
import io.fabric8.kubernetes.api.model.rbac.ClusterRole;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.testing.ApiServer;

/** The chart by helm itself: what it makes, what it refuses, and what stays when it goes. */
final class ChartIT {
    private static final String CHART = Path.of("..", "charts", "cairn").toString();
    private static final String KEEP = "helm.sh/resource-policy";
    private static Path helm = Path.of("helm");

    @TempDir
    private static Path home;

    @BeforeAll
    static void find() {
        helm = ApiServer.binaries("helm").resolve("helm");
    }

    private record Ran(int code, String output) {}

    private static Ran run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(helm.toString()));
        command.addAll(Arrays.asList(arguments));
        Path output = Files.createTempFile(home, "helm", ".out");
        ProcessBuilder builder =
                new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
        builder.environment().put("HOME", home.toString());
        Process process = builder.start();
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).as("helm ends").isTrue();
        return new Ran(process.exitValue(), Files.readString(output, StandardCharsets.UTF_8));
    }

    private static String template(String... values) throws IOException, InterruptedException {
        List<String> arguments =
                new ArrayList<>(List.of("template", "cairn", CHART, "-n", "elsewhere", "--kube-version", "1.34.0"));
        arguments.addAll(Arrays.asList(values));
        Ran ran = run(arguments.toArray(new String[0]));
        assertThat(ran.code()).as(ran.output()).isZero();
        return ran.output();
    }

    private static List<HasMetadata> resources(String yaml) {
        List<HasMetadata> all = new ArrayList<>();
        for (String document : yaml.split("(?m)^---$")) {
            if (document.contains("kind:")) {
                all.add((HasMetadata) Serialization.unmarshal(document, KubernetesResource.class));
            }
        }
        return all;
    }

    @Test
    void lintFindsNothing() throws IOException, InterruptedException {
        Ran ran = run("lint", "--strict", CHART);
        assertThat(ran.code()).as(ran.output()).isZero();
        assertThat(ran.output()).doesNotContain("[WARNING]", "[ERROR]");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "image.repositry=x",
                "image.repository=has space",
                "image.repository=with:tag",
                "image.pullPolicy=Sometimes",
                "operator.replicas=0",
                "operator.replicas=two",
                "guard.image=",
                "replicaManager.enabled=maybe",
                "unknown=1"
            })
    void aWrongValueIsRefusedByName(String value) throws IOException, InterruptedException {
        Ran ran = run("template", "cairn", CHART, "--kube-version", "1.34.0", "--set-string", value);
        assertThat(ran.code()).isNotZero();
        String key = value.substring(0, value.indexOf('='));
        assertThat(ran.output()).contains("values don't meet").contains(key.substring(key.lastIndexOf('.') + 1));
    }

    @Test
    void everyImageComesFromTheValuesSoThatAMirrorIsEnough() throws IOException, InterruptedException {
        String yaml = template(
                "--set-string",
                "image.repository=mirror.local:5000/cairn,image.tag=1,guard.image=mirror.local:5000/pause:1,"
                        + "scheduler.image=mirror.local:5000/kube-scheduler:1,"
                        + "csi.provisioner.image=mirror.local:5000/csi-provisioner:1,"
                        + "csi.resizer.image=mirror.local:5000/csi-resizer:1,"
                        + "image.pullSecrets={key}");
        List<String> images = yaml.lines()
                .map(String::strip)
                .filter(line -> line.matches("(- )?(image|value): .*[:/].*"))
                .map(line -> line.substring(line.indexOf(": ") + 2))
                .toList();
        assertThat(images).hasSize(8).allMatch(image -> image.startsWith("mirror.local:5000/"));
        assertThat(yaml).contains("imagePullSecrets");
    }

    @Test
    void everythingIsInTheNamespaceOfTheRelease() throws IOException, InterruptedException {
        String yaml = template();
        assertThat(yaml).doesNotContain("cairn-system");
        assertThat(resources(yaml))
                .filteredOn(each -> !"kube-system".equals(each.getMetadata().getNamespace()))
                .extracting(each -> each.getMetadata().getNamespace())
                .containsOnly(null, "elsewhere");
        assertThat(resources(yaml))
                .as("what a scheduler reads where Kubernetes keeps it")
                .filteredOn(each -> "kube-system".equals(each.getMetadata().getNamespace()))
                .extracting(each -> each.getMetadata().getName())
                .containsExactly("cairn-scheduler-authentication-reader");
    }

    @Test
    void whatVolumesNeedStaysWhenTheChartGoes() throws IOException, InterruptedException {
        for (HasMetadata each : resources(template())) {
            boolean goes = each.getMetadata().getName().equals("cairn-operator")
                    || List.of("CSIDriver", "DaemonSet", "Deployment").contains(each.getKind());
            Map<String, String> annotations = each.getMetadata().getAnnotations();
            assertThat(annotations != null && "keep".equals(annotations.get(KEEP)))
                    .as(each.getKind() + " " + each.getMetadata().getName())
                    .isEqualTo(!goes);
        }
    }

    /** Rules by the name of their role; those within the namespace begin with a slash. */
    private static Map<String, List<PolicyRule>> rules() throws IOException, InterruptedException {
        Map<String, List<PolicyRule>> rules = new TreeMap<>();
        for (HasMetadata each : resources(template())) {
            if (each instanceof ClusterRole role) {
                rules.put(role.getMetadata().getName(), role.getRules());
            } else if (each instanceof Role role) {
                rules.put("/" + role.getMetadata().getName(), role.getRules());
            }
        }
        return rules;
    }

    /** Roles that allow one of these verbs on a resource. */
    private static List<String> may(String resource, String... verbs) throws IOException, InterruptedException {
        List<String> names = new ArrayList<>();
        rules().forEach((name, rules) -> {
            if (rules.stream()
                    .anyMatch(rule -> rule.getResources().contains(resource)
                            && Arrays.stream(verbs).anyMatch(rule.getVerbs()::contains))) {
                names.add(name);
            }
        });
        return names;
    }

    @Test
    void noRoleHasMoreThanItNeeds() throws IOException, InterruptedException {
        rules().forEach((name, rules) -> assertThat(rules).as(name).allSatisfy(rule -> {
            assertThat(rule.getVerbs()).doesNotContain("*", "escalate", "bind", "impersonate", "deletecollection");
            assertThat(rule.getResources()).doesNotContain("*", "roles", "clusterroles", "rolebindings", "pods/exec");
            assertThat(rule.getApiGroups()).doesNotContain("*");
        }));
        assertThat(may("pods", "delete")).containsExactly("/cairn-operator", "cairn-failover");
        assertThat(may("nodes", "patch", "update", "delete")).containsExactly("cairn-failover");
        assertThat(may("volumememberships", "create", "patch", "update"))
                .containsExactly("cairn-engine", "cairn-failover", "cairn-replica-manager");
        assertThat(may("volumememberships", "delete")).containsExactly("cairn-replica-manager");
        assertThat(may("secrets", "get", "list", "watch", "create"))
                .containsExactly("/cairn-operator", "/cairn-scheduler");
        assertThat(may("secrets", "list", "watch", "patch", "delete")).isEmpty();
        assertThat(may("secrets", "update")).containsExactly("/cairn-scheduler");
        assertThat(rules().get("/cairn-operator"))
                .filteredOn(rule ->
                        rule.getVerbs().contains("get") && rule.getResources().contains("secrets"))
                .allSatisfy(rule -> assertThat(rule.getResourceNames()).containsExactly(Names.IDENTITY));
    }

    @Test
    void anApiServerTakesItAndKeepsWhatIsToStay() throws IOException, InterruptedException {
        try (ApiServer server = ApiServer.start();
                KubernetesClient client = server.client()) {
            Path kubeconfig = Files.writeString(home.resolve("kubeconfig"), server.kubeconfig(server.port()));
            String[] where = {"--kubeconfig", kubeconfig.toString(), "-n", "elsewhere"};
            Ran installed = run(with(where, "install", "cairn", CHART, "--create-namespace"));
            assertThat(installed.code()).as(installed.output()).isZero();
            assertThat(installed.output()).contains("kubectl apply -f examples/storagecluster.yaml");
            var operator = client.apps().deployments().inNamespace("elsewhere").withName("cairn-operator");
            assertThat(operator.get()).isNotNull();
            Ran removed = run(with(where, "uninstall", "cairn"));
            assertThat(removed.code()).as(removed.output()).isZero();
            assertThat(removed.output()).contains("kept due to the resource policy", "volumes.cairn.storage");
            assertThat(operator.get()).isNull();
            assertThat(client.apiextensions()
                            .v1()
                            .customResourceDefinitions()
                            .list()
                            .getItems())
                    .extracting(each -> each.getSpec().getGroup())
                    .hasSizeGreaterThan(6)
                    .containsOnly("cairn.storage");
            Ran again = run(with(where, "install", "cairn", CHART));
            assertThat(again.code()).as(again.output()).isZero();
        }
    }

    private static String[] with(String[] where, String... arguments) {
        List<String> all = new ArrayList<>(Arrays.asList(arguments));
        all.addAll(Arrays.asList(where));
        return all.toArray(new String[0]);
    }
}
