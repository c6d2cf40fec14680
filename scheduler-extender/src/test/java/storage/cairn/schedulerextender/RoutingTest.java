package storage.cairn.schedulerextender;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import io.fabric8.kubernetes.api.model.storage.StorageClassBuilder;
import io.fabric8.zjsonpatch.JsonPatch;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.VolumeSpec.Locality;

/** Which pods are sent to our scheduler, and what claims of theirs are known to be. */
final class RoutingTest implements Claims.Objects {
    private static final JsonMapper JSON = new JsonMapper();

    private final Map<String, PersistentVolumeClaim> claims = new HashMap<>();
    private final Map<String, PersistentVolume> volumes = new HashMap<>();
    private final Map<String, StorageClass> classes = new HashMap<>();
    private final Routing routing = new Routing(this);
    private String onlyPool = "";

    RoutingTest() {
        volumes.put("pv-ours", pv(Api.DRIVER, "v"));
        volumes.put("pv-large", pv(Api.DRIVER, "w"));
        volumes.put("pv-theirs", pv("csi.example.com", "x"));
        storageClass("ours", Api.DRIVER, "WaitForFirstConsumer", Map.of("pool", "fast"));
        storageClass("theirs", "csi.example.com", "WaitForFirstConsumer", Map.of());
        claim("bound", "ours", "pv-ours");
        claim("large", "ours", "pv-large");
        claim("theirs", "theirs", "pv-theirs");
        claim("waiting", "ours", "");
        claim("classless", "", "pv-ours");
        claim("foreign-class", "ours", "pv-theirs");
    }

    private static PersistentVolume pv(String driver, String handle) {
        return new PersistentVolumeBuilder()
                .withNewSpec()
                .withNewCsi()
                .withDriver(driver)
                .withVolumeHandle(handle)
                .endCsi()
                .endSpec()
                .build();
    }

    private void storageClass(String name, String driver, String binding, Map<String, String> parameters) {
        classes.put(
                name,
                new StorageClassBuilder()
                        .withProvisioner(driver)
                        .withVolumeBindingMode(binding)
                        .withParameters(parameters)
                        .build());
    }

    private void claim(String name, String storageClass, String volume) {
        claims.put(
                name,
                new PersistentVolumeClaimBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .endMetadata()
                        .withNewSpec()
                        .withStorageClassName(storageClass)
                        .withVolumeName(volume)
                        .withNewResources()
                        .withRequests(Map.of("storage", new Quantity("2Gi")))
                        .endResources()
                        .endSpec()
                        .build());
    }

    private static JsonNode pod(String text) throws IOException {
        return JSON.readTree(text.replace('\'', '"'));
    }

    private static JsonNode using(String claim) throws IOException {
        return pod(
                "{'metadata': {'name': 'p'}, 'spec': {'schedulerName': 'default-scheduler', 'volumes': [{'name': 'd',"
                        + " 'persistentVolumeClaim': {'claimName': '" + claim + "'}}]}}");
    }

    private Routing.Outcome decide(JsonNode pod, boolean serving) {
        return routing.decide(pod, "shop", Routing.Mode.scheduler, serving, null);
    }

    @ParameterizedTest
    @CsvSource({
        "bound, true",
        "waiting, true",
        "classless, true",
        "theirs, false",
        "foreign-class, false",
        "unknown, false",
    })
    void podsThatUseOurVolumesAreSent(String claim, boolean sent) throws IOException {
        assertThat(decide(using(claim), true) instanceof Routing.Outcome.Changed)
                .isEqualTo(sent);
    }

    @ParameterizedTest
    @CsvSource({"ours, true", "theirs, false", "'', false"})
    void genericEphemeralVolumesCountByTheirClass(String storageClass, boolean sent) throws IOException {
        JsonNode pod = pod("{'metadata': {'name': 'p'}, 'spec': {'volumes': [{'name': 'd', 'ephemeral':"
                + " {'volumeClaimTemplate': {'spec': {'storageClassName': '" + storageClass + "'}}}}]}}");
        assertThat(decide(pod, true) instanceof Routing.Outcome.Changed).isEqualTo(sent);
    }

    @Test
    void podsThatNameASchedulerOrANodeOrWhileNoneServesAreLeft() throws IOException {
        assertThat(decide(using("bound"), false)).isInstanceOf(Routing.Outcome.Left.class);
        String named = using("bound").toString();
        assertThat(decide(JSON.readTree(named.replace("default-scheduler", "mine")), true))
                .isEqualTo(new Routing.Outcome.Left("it names the scheduler mine"));
        assertThat(decide(JSON.readTree(named.replace("\"schedulerName\"", "\"nodeName\"")), true))
                .isInstanceOf(Routing.Outcome.Left.class);
    }

    @Test
    void inTheOtherModePodsPreferTheNodesOfTheirDataByItsBytes() throws IOException {
        World world = new World("a", "b").volume("v", World.GIB, Locality.PREFERRED, "a1", "", "");
        world.volume("w", 3 * World.GIB, Locality.REQUIRED, "a1 b1", "", "");
        JsonNode pod = pod("{'spec': {'affinity': {'nodeAffinity': {'preferredDuringSchedulingIgnoredDuringExecution':"
                + " [{'weight': 7}]}}, 'volumes': [{'persistentVolumeClaim': {'claimName': 'bound'}},"
                + " {'persistentVolumeClaim': {'claimName': 'large'}}]}}");
        for (JsonNode each : List.of(pod, pod(pod.toString().replaceAll("\"affinity\":.*?]}},", "")))) {
            Routing.Outcome outcome = routing.decide(each, "shop", Routing.Mode.affinity, false, world.snapshot());
            assertThat(outcome).isInstanceOf(Routing.Outcome.Changed.class);
            JsonNode patched = JsonPatch.apply(((Routing.Outcome.Changed) outcome).patch(), each);
            JsonNode terms = patched.at("/spec/affinity/nodeAffinity/preferredDuringSchedulingIgnoredDuringExecution");
            String text = terms.toString();
            assertThat(text)
                    .contains("{\"weight\":100,\"preference\":{\"matchFields\":[{\"key\":\"metadata.name\","
                            + "\"operator\":\"In\",\"values\":[\"a\"]}]}}")
                    .contains("{\"weight\":75,")
                    .doesNotContain("schedulerName");
        }
    }

    @Test
    void aClaimThatWaitsIsWhatItsClassSays() {
        storageClass(
                "strict",
                Api.DRIVER,
                "WaitForFirstConsumer",
                Map.of("replicas", "2", "locality", "required", "spread", "zone"));
        claim("strict", "strict", "");
        onlyPool = "solo";
        PodVolumes pod = new PodVolumes("shop", "p", "u", List.of(new PodVolumes.Use("strict", "")));
        assertThat(new Claims(this).of(pod))
                .containsExactly(
                        new Claim.Unbound("strict", 2 * World.GIB, "solo", 2, Locality.REQUIRED, Spread.ZONE, ""));
    }

    @Test
    void claimsThatKubernetesBindsBeforeAndTheSameClaimTwiceCountOnce() {
        storageClass("immediate", Api.DRIVER, "Immediate", Map.of());
        claim("immediate", "immediate", "");
        PodVolumes pod = new PodVolumes(
                "shop",
                "p",
                "u",
                List.of(
                        new PodVolumes.Use("immediate", ""),
                        new PodVolumes.Use("bound", ""),
                        new PodVolumes.Use("bound", ""),
                        new PodVolumes.Use("theirs", "")));
        assertThat(new Claims(this).of(pod)).containsExactly(new Claim.Bound("bound", "v"));
    }

    @Override
    public @Nullable PersistentVolumeClaim claim(String namespace, String name) {
        return namespace.equals("shop") ? claims.get(name) : null;
    }

    @Override
    public @Nullable PersistentVolume volume(String name) {
        return volumes.get(name);
    }

    @Override
    public @Nullable StorageClass storageClass(String name) {
        return classes.get(name);
    }

    @Override
    public String onlyPool() {
        return onlyPool;
    }
}
