package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.Container;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.apps.DaemonSet;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The image by a builder, the image by script, and the pods that start it agree. */
final class ImageTest {
    private static final Path IMAGES = Path.of("..", "images");
    private static final String JAVA = "/opt/cairn/jre/bin/java";

    /** Entry points of the Dockerfile by target. */
    private static Map<String, List<String>> targets() throws IOException {
        Map<String, List<String>> targets = new TreeMap<>();
        String target = "";
        Pattern from = Pattern.compile("FROM (\\S+)(?: AS (\\S+))?");
        for (String line : Files.readAllLines(IMAGES.resolve("Dockerfile"))) {
            Matcher stage = from.matcher(line);
            if (stage.matches()) {
                target = stage.group(2) == null ? "" : stage.group(2);
                targets.put(target, targets.getOrDefault(stage.group(1), List.of()));
            } else if (line.startsWith("ENTRYPOINT ")) {
                List<String> words = new ArrayList<>();
                EngineFiles.JSON
                        .readTree(line.substring("ENTRYPOINT ".length()))
                        .forEach(word -> words.add(word.asText()));
                targets.put(target, words);
            }
        }
        return targets;
    }

    private static String text(Path file) throws IOException {
        return Files.readString(file);
    }

    /** Components that the script writes a file of arguments for. */
    private static List<String> components() throws IOException {
        return Pattern.compile("(?m)^write_arguments (\\S+) ")
                .matcher(text(IMAGES.resolve("build")))
                .results()
                .map(found -> found.group(1))
                .toList();
    }

    @Test
    void eachTargetStartsAComponentThatTheScriptPutsIn() throws IOException {
        Map<String, List<String>> targets = targets();
        assertThat(components()).contains("engine", "operator", "replica-manager", "scheduler-extender", "cairn");
        assertThat(targets.keySet()).containsAll(components());
        for (String component : components()) {
            assertThat(targets.get(component)).containsExactly(JAVA, "@/opt/cairn/" + component + ".args");
        }
        assertThat(targets.get("")).as("the one without a target").isEqualTo(targets.get("cairn"));
    }

    @Test
    void theScriptGivesTheSameEntryPointAsTheDockerfile() throws IOException {
        assertThat(text(IMAGES.resolve("build")))
                .contains('"' + String.join(" ", targets().get("cairn")) + '"');
    }

    @Test
    void everyPodStartsWhatATargetStarts() throws IOException {
        Map<String, List<String>> targets = targets();
        List<Container> containers = new ArrayList<>();
        Plan plan = Plan.of(
                Fixtures.cluster("{}"),
                Fixtures.IDENTITY,
                new Fixtures().threeNodes().observed(),
                Fixtures.SETTINGS);
        for (HasMetadata each : plan.owned()) {
            if (each instanceof DaemonSet set) {
                containers.addAll(set.getSpec().getTemplate().getSpec().getContainers());
            } else if (each instanceof Deployment deployment
                    && !deployment.getMetadata().getName().startsWith(Names.GUARD)) {
                containers.addAll(deployment.getSpec().getTemplate().getSpec().getContainers());
            }
        }
        // Upstream's own.
        containers.removeIf(container -> container.getName().equals("kube-scheduler"));
        assertThat(containers)
                .extracting(Container::getName)
                .containsExactly("engine", "replica-manager", "replica-manager", "scheduler-extender");
        for (Container container : containers) {
            assertThat(container.getCommand()).isEqualTo(targets.get(container.getName()));
        }
        assertThat(text(Path.of("..", "charts/cairn/templates/operator.yaml")))
                .contains("command: [" + JAVA + ", \"@/opt/cairn/operator.args\"]");
    }

    @Test
    void bothBuildWithTheJavaOfTheSources() throws IOException {
        Matcher release = Pattern.compile("<maven.compiler.release>(\\d+)<").matcher(text(Path.of("..", "pom.xml")));
        assertThat(release.find()).isTrue();
        assertThat(text(IMAGES.resolve("Dockerfile"))).contains("ARG JDK=eclipse-temurin:" + release.group(1) + "-jdk");
        assertThat(text(IMAGES.resolve("build"))).contains("JAVA_VERSION=\"" + release.group(1));
    }
}
