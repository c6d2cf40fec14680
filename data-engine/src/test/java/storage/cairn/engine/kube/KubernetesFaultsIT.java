package storage.cairn.engine.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static storage.cairn.engine.embedded.ConfigStoreContract.configuration;
import static storage.cairn.engine.embedded.ConfigStoreContract.next;

import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.api.register.NoReplyException;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.ConfigStore.Listed;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.testing.FaultyProxy;
import storage.cairn.testing.FaultyProxy.Fault;

/** The store on a real API server while the server, the network and other writers do what they like. */
final class KubernetesFaultsIT {
    private static final Duration ANSWER = Duration.ofMinutes(3);
    /** Of the engine behind the proxy. */
    private static final long TIMEOUT_MILLIS = 2_000;

    @TempDir
    static Path folder;

    private static KubernetesCluster cluster;
    private FaultyProxy proxy;
    private ConfigStore far;
    private ConfigStore near;

    @BeforeAll
    static void start() throws IOException {
        cluster = new KubernetesCluster(folder);
    }

    @AfterAll
    static void stop() throws IOException {
        if (cluster != null) {
            cluster.close();
        }
    }

    @BeforeEach
    void open() throws IOException {
        proxy = new FaultyProxy(cluster.server.port());
        far = cluster.open(proxy.port(), TIMEOUT_MILLIS);
        near = cluster.open();
    }

    @AfterEach
    void close() throws IOException {
        proxy.close();
        cluster.closeEngines();
        cluster.removeVolumes();
    }

    private static <T> T ask(Consumer<ConfigStore.Answer<T>> question) {
        return cluster.loop.ask(ANSWER, answer -> question.accept(answer::accept));
    }

    private static Read get(ConfigStore engine, VolumeId volume) {
        return ask(answer -> engine.get(volume, answer));
    }

    private static Written set(ConfigStore engine, long expected, Configuration value) {
        return ask(answer -> engine.compareAndSet(value.volume(), expected, value, answer));
    }

    /** Of a store that may have given up on its request, on a busy machine: asks for the same change again. */
    private static Written decided(ConfigStore engine, long expected, Configuration value) {
        return Awaitility.await()
                .until(() -> set(engine, expected, value), written -> !(written instanceof Written.Unknown));
    }

    private static void awaitAbsent(ConfigStore engine, Configuration value) {
        Awaitility.await().until(() -> get(engine, value.volume()) instanceof Read.Absent);
    }

    private static long applied(Written written) {
        assertThat(written).isInstanceOf(Written.Applied.class);
        return ((Written.Applied) written).version();
    }

    private static Configuration get(ConfigStore engine, Configuration like) {
        Read read = get(engine, like.volume());
        assertThat(read).isInstanceOf(Read.Found.class);
        return ((Read.Found) read).current().value();
    }

    @Test
    void aChangeWhoseReplyIsLostIsUnknownAndTheSameChangeAgainIsApplied() throws IOException {
        Configuration first = configuration("a");
        long version = applied(decided(far, Versioned.NONE, first));
        Configuration second = next(first, false);
        proxy.set(Fault.LOSE_REPLIES);
        assertThat(set(far, version, second)).isInstanceOf(Written.Unknown.class);
        proxy.set(Fault.NONE);
        Awaitility.await().untilAsserted(() -> assertThat(get(near, first)).isEqualTo(second));
        long again = applied(decided(far, version, second));
        Awaitility.await().until(() -> get(far, first.volume()).equals(new Read.Found(new Versioned(again, second))));
    }

    @Test
    void aCreationWhoseReplyIsLostIsAppliedWhenItIsMadeAgain() throws IOException {
        Configuration first = configuration("a");
        // A connection is there already: only the reply is lost.
        awaitAbsent(far, first);
        proxy.set(Fault.LOSE_REPLIES);
        assertThat(set(far, Versioned.NONE, first)).isInstanceOf(Written.Unknown.class);
        proxy.set(Fault.NONE);
        applied(decided(far, Versioned.NONE, first));
        assertThat(get(near, first)).isEqualTo(first);
    }

    @Test
    void aChangeThatArrivesLateAppliesOnlyToTheValueThatItWasMeantFor() throws IOException {
        Configuration first = configuration("a");
        long version = applied(decided(far, Versioned.NONE, first));
        proxy.set(Fault.HOLD_REQUESTS);
        Configuration late = next(first, false);
        assertThat(set(far, version, late)).isInstanceOf(Written.Unknown.class);
        Configuration second = next(first, false);
        applied(set(near, version, second));
        proxy.set(Fault.NONE);
        assertThat(decided(far, version, late)).isEqualTo(new Written.Conflict());
        assertThat(get(near, first)).isEqualTo(second);
    }

    @Test
    void aChangeThatArrivesLateMayStillApply() throws IOException {
        Configuration first = configuration("a");
        long version = applied(decided(far, Versioned.NONE, first));
        proxy.set(Fault.HOLD_REQUESTS);
        Configuration late = next(first, false);
        assertThat(set(far, version, late)).isInstanceOf(Written.Unknown.class);
        assertThat(get(near, first)).isEqualTo(first);
        proxy.set(Fault.NONE);
        Awaitility.await().untilAsserted(() -> assertThat(get(near, first)).isEqualTo(late));
    }

    @Test
    void writersOfLabelsDisturbNoChangeAndLoseNoLabel() throws Exception {
        Configuration value = configuration("labelled");
        long version = applied(set(near, Versioned.NONE, value));
        var object = cluster.admin
                .resources(VolumeMembership.class)
                .withName(value.volume().toString());
        AtomicBoolean stop = new AtomicBoolean();
        CompletableFuture<Integer> labels = CompletableFuture.supplyAsync(() -> {
            int written = 0;
            while (!stop.get()) {
                written++;
                object.patch(
                        PatchContext.of(PatchType.JSON_MERGE),
                        "{\"metadata\":{\"labels\":{\"n\":\"" + written + "\"}}}");
            }
            return written;
        });
        for (int i = 0; i < 50; i++) {
            value = next(value, false);
            version = applied(set(near, version, value));
        }
        stop.set(true);
        String last = labels.get().toString();
        assertThat(object.get().getMetadata().getLabels()).containsEntry("n", last);
        assertThat(get(near, value)).isEqualTo(value);
    }

    @Test
    void eachEpochIsWonByOneOfManyEngines() throws Exception {
        Configuration first = configuration("raced");
        applied(set(near, Versioned.NONE, first));
        List<CompletableFuture<List<Long>>> racers = new ArrayList<>();
        for (ConfigStore engine : List.of(near, cluster.open())) {
            racers.add(CompletableFuture.supplyAsync(() -> wonEpochs(engine, first.volume(), 40)));
        }
        Set<Long> all = new HashSet<>();
        for (CompletableFuture<List<Long>> racer : racers) {
            all.addAll(racer.get());
        }
        assertThat(all).hasSize(80);
        assertThat(get(near, first).epoch()).isEqualTo(81);
    }

    private static List<Long> wonEpochs(ConfigStore engine, VolumeId volume, int wanted) {
        List<Long> won = new ArrayList<>();
        while (won.size() < wanted) {
            Versioned current = ((Read.Found) get(engine, volume)).current();
            Configuration next = next(current.value(), false);
            if (set(engine, current.version(), next) instanceof Written.Applied) {
                won.add(next.epoch());
            }
        }
        return won;
    }

    @Test
    void ofManyCreatorsOfOneNameOneWins() throws Exception {
        ConfigStore other = cluster.open();
        List<CompletableFuture<Written>> creators = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            ConfigStore engine = i % 2 == 0 ? near : other;
            Configuration value = configuration("wanted");
            creators.add(CompletableFuture.supplyAsync(() -> set(engine, Versioned.NONE, value)));
        }
        int won = 0;
        for (CompletableFuture<Written> creator : creators) {
            won += creator.get() instanceof Written.Applied ? 1 : 0;
        }
        Listed listed = ask(near::list);
        assertThat(won).isEqualTo(1);
        assertThat(((Listed.All) listed).volumes()).hasSize(1);
    }

    @Test
    void theNameOfACreatorThatDiedIsTakenAndItsVolumeCanNeverComeToBe() {
        Configuration died = configuration("wanted");
        cluster.admin
                .resource("{\"apiVersion\":\"cairn.storage/v1alpha1\",\"kind\":\"VolumeName\","
                        + "\"metadata\":{\"name\":\"wanted\"},\"spec\":{\"volume\":\"" + died.volume() + "\"}}")
                .create();
        Configuration other = configuration("wanted");
        applied(set(near, Versioned.NONE, other));
        assertThat(decided(far, Versioned.NONE, died)).isEqualTo(new Written.Conflict());
        awaitAbsent(far, died);
        Listed listed = ask(near::list);
        assertThat(((Listed.All) listed).volumes()).hasSize(1);
    }

    @Test
    void whileTheServerIsDownNothingIsKnownAndAfterwardsAllIsAsItWas() throws IOException {
        Configuration first = configuration("a");
        long version = applied(set(near, Versioned.NONE, first));
        List<VolumeId> heard = new CopyOnWriteArrayList<>();
        near.watch(heard::add);
        Awaitility.await().until(() -> heard.contains(first.volume()));
        cluster.server.killApiServer();
        Configuration second = next(first, false);
        assertThat(set(near, version, second)).isInstanceOf(Written.Unknown.class);
        assertThat(get(near, first.volume())).isInstanceOf(Read.Unavailable.class);
        Listed listed = ask(near::list);
        assertThat(listed).isInstanceOf(Listed.Unavailable.class);
        cluster.server.startApiServer();
        heard.clear();
        Awaitility.await().untilAsserted(() -> assertThat(get(near, first)).isEqualTo(first));
        applied(decided(far, version, second));
        Awaitility.await().until(() -> heard.contains(first.volume()));
    }

    /** As a pod reaches the server: by a token in a file that is replaced from time to time. */
    @Test
    void aTokenThatWasReplacedIsReadAgain() throws IOException {
        Path token = Files.writeString(folder.resolve("token"), cluster.server.passingToken());
        Map<String, String> properties = Map.of(
                "kubernetes.master",
                "https://127.0.0.1:" + cluster.server.port(),
                "kubernetes.auth.tryKubeConfig",
                "false",
                "kubernetes.auth.serviceAccount.token",
                token.toString(),
                "kubernetes.trust.certificates",
                "true");
        properties.forEach(System::setProperty);
        try (ApiClient pod = new ApiClient("", TIMEOUT_MILLIS)) {
            Awaitility.await().until(() -> read(pod));
            cluster.server.killApiServer();
            cluster.server.startApiServer();
            Awaitility.await("the old token to be refused").until(() -> !read(pod));
            Files.writeString(token, cluster.server.passingToken());
            Awaitility.await("the new token to be used").until(() -> read(pod));
        } finally {
            properties.keySet().forEach(System::clearProperty);
        }
    }

    private static boolean read(ApiClient pod) {
        try {
            return pod.get(Memberships.PATH).ok();
        } catch (NoReplyException e) {
            return false;
        }
    }

    @Test
    void aWatchWhosePlaceTheServerNoLongerKnowsTellsEverything() throws IOException {
        Configuration before = configuration("before");
        long version = applied(set(near, Versioned.NONE, before));
        List<VolumeId> heard = new CopyOnWriteArrayList<>();
        far.watch(heard::add);
        Awaitility.await().until(() -> heard.contains(before.volume()));
        proxy.set(Fault.CUT);
        heard.clear();
        applied(set(near, version, next(before, false)));
        Configuration fresh = configuration("fresh");
        applied(set(near, Versioned.NONE, fresh));
        // A server that starts knows no earlier place than that of its start.
        cluster.server.killApiServer();
        cluster.server.startApiServer();
        proxy.set(Fault.NONE);
        Awaitility.await().untilAsserted(() -> assertThat(heard).contains(before.volume(), fresh.volume()));
        assertThat(cluster.problems).anyMatch(problem -> problem.contains("noticed late"));
    }

    @Test
    void anIdleWatchAsksForNothing() {
        List<VolumeId> heard = new CopyOnWriteArrayList<>();
        far.watch(heard::add);
        Configuration value = configuration("idle");
        applied(set(near, Versioned.NONE, value));
        Awaitility.await().until(() -> heard.contains(value.volume()));
        long[] last = {proxy.askedBytes(), System.nanoTime()};
        Awaitility.await("nothing asked for 3 s").until(() -> {
            if (proxy.askedBytes() != last[0]) {
                last[0] = proxy.askedBytes();
                last[1] = System.nanoTime();
            }
            return System.nanoTime() - last[1] > Duration.ofSeconds(3).toNanos();
        });
    }

    @Test
    void aChangeDecidedBeforeARestoreDoesNotApplyToWhatCameAfterIt() throws IOException {
        Configuration first = configuration("restored");
        long version = applied(set(near, Versioned.NONE, first));
        cluster.server.backUp();
        Configuration lost = next(first, false);
        Awaitility.await().until(() -> set(near, version, lost) instanceof Written.Applied);
        String lostVersion = resourceVersion(lost);
        cluster.server.restore();
        Awaitility.await().untilAsserted(() -> assertThat(get(near, first)).isEqualTo(first));
        Configuration other = next(first, false);
        applied(decided(far, version, other));
        // The server counts again from where the backup was, so its own versions tell the two apart by chance alone.
        assertThat(Long.parseLong(resourceVersion(other))).isLessThanOrEqualTo(Long.parseLong(lostVersion) + 1_000);
        assertThat(set(near, Memberships.version(lost.changeId()), next(lost, false)))
                .isEqualTo(new Written.Conflict());
        assertThat(get(near, first)).isEqualTo(other);
    }

    private static String resourceVersion(Configuration value) {
        return cluster.admin
                .resources(VolumeMembership.class)
                .withName(value.volume().toString())
                .get()
                .getMetadata()
                .getResourceVersion();
    }

    @Test
    void aChangeThatTheDefinitionForbidsIsRefusedWithItsReason() {
        Configuration first = configuration("strict");
        long version = applied(set(near, Versioned.NONE, first));
        Configuration skipped = next(next(first, false), false);
        Written written = set(near, version, skipped);
        assertThat(written)
                .isInstanceOfSatisfying(
                        Written.Refused.class,
                        refused -> assertThat(refused.reason()).contains("raises epoch by one"));
        assertThat(set(near, Versioned.NONE, configuration("Bad"))).isInstanceOf(Written.Refused.class);
    }

    @Test
    void everythingIsAnsweredAfterTheClose() throws IOException {
        cluster.closeEngines();
        assertThat(get(near, configuration("a").volume())).isInstanceOf(Read.Unavailable.class);
        assertThat(set(near, Versioned.NONE, configuration("a"))).isInstanceOf(Written.Refused.class);
    }

    @Test
    void whatTheEngineWritesIsWhatTheExampleShows() throws IOException {
        Configuration value = next(configuration("shown"), false);
        assertThat(Memberships.spec(value).properties())
                .extracting(java.util.Map.Entry::getKey)
                .containsExactlyInAnyOrderElementsOf(Serialization.unmarshal(
                                java.nio.file.Files.readString(
                                        Path.of("..", "examples", "made-by-cairn", "volumemembership.yaml")),
                                com.fasterxml.jackson.databind.JsonNode.class)
                        .path("spec")
                        .properties()
                        .stream()
                        .map(java.util.Map.Entry::getKey)
                        .toList());
    }
}
