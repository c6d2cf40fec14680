package storage.cairn.schedulerextender;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskSpec;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StorageNodeSpec;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeSpec;

/**
 * Answers for 1,000 nodes and 10,000 volumes: that they are right, and what they take, which is printed and not judged.
 * {@code ./mvnw -Dfast -pl scheduler-extender -am test -Dtest=ScaleTest -Dsurefire.failIfNoSpecifiedTests=false}
 */
final class ScaleTest implements Resources, Claims.Objects {
    private static final int NODES = 1_000;
    private static final int VOLUMES = 10_000;
    private static final int ROUNDS = 1_500;
    private static final int WARM_UP = 500;
    private static final JsonMapper JSON = new JsonMapper();

    private final Map<String, StorageNode> nodes = new HashMap<>();
    private final Map<String, Disk> disks = new HashMap<>();
    private final Map<String, Volume> volumes = new HashMap<>();
    private final Map<String, VolumeMembership> memberships = new HashMap<>();
    private final Map<String, PersistentVolume> persistentVolumes = new HashMap<>();
    private final Map<String, PersistentVolumeClaim> claims = new HashMap<>();

    private static String disk(int number) {
        return new UUID(0, number + 1).toString();
    }

    private static long used() {
        for (int pass = 0; pass < 3; pass++) {
            System.gc();
        }
        Runtime runtime = Runtime.getRuntime();
        return runtime.totalMemory() - runtime.freeMemory();
    }

    private void fill() {
        for (int number = 0; number < NODES; number++) {
            StorageNode node = new StorageNode();
            node.setMetadata(new ObjectMetaBuilder().withName("node-" + number).build());
            node.setSpec(new StorageNodeSpec(number + 1, null, null, null));
            nodes.put("node-" + number, node);
            Disk disk = new Disk();
            disk.setMetadata(new ObjectMetaBuilder().withName(disk(number)).build());
            disk.setSpec(new DiskSpec("fast", null));
            disk.setStatus(new DiskStatus(
                    DiskStatus.State.READY,
                    null,
                    "node-" + number,
                    null,
                    null,
                    new Capacity(1L << 42, 1L << 42, 1L << 40, null),
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null));
            disks.put(disk(number), disk);
        }
        for (int number = 0; number < VOLUMES; number++) {
            volume(number);
        }
    }

    private void volume(int number) {
        String id = new UUID(1, number).toString();
        Volume volume = new Volume();
        volume.setMetadata(new ObjectMetaBuilder().withName("pvc-" + id).build());
        volume.setSpec(new VolumeSpec(id, new Quantity("10Gi"), "fast", 3, null, null, null, null, null, null, null));
        volumes.put(id, volume);
        VolumeMembership membership = new VolumeMembership();
        membership.setMetadata(new ObjectMetaBuilder().withName(id).build());
        List<String> inSync =
                List.of(disk(number % NODES), disk((number * 7 + 1) % NODES), disk((number * 31 + 2) % NODES));
        membership.setSpec(new VolumeMembershipSpec(
                "pvc-" + id, 1, 1, id, null, inSync, List.of(), List.of(), 2, 10L << 30, null, true, false, false));
        memberships.put(id, membership);
        persistentVolumes.put(
                "pvc-" + id,
                new PersistentVolumeBuilder()
                        .withNewMetadata()
                        .withName("pvc-" + id)
                        .withUid(id)
                        .endMetadata()
                        .withNewSpec()
                        .withCapacity(Map.of("storage", new Quantity("10Gi")))
                        .withNewCsi()
                        .withDriver(Api.DRIVER)
                        .withVolumeHandle(id)
                        .endCsi()
                        .endSpec()
                        .build());
        claims.put(
                "shop/data-" + number,
                new PersistentVolumeClaimBuilder()
                        .withNewMetadata()
                        .withName("data-" + number)
                        .withNamespace("shop")
                        .withUid(id)
                        .endMetadata()
                        .withNewSpec()
                        .withVolumeName("pvc-" + id)
                        .endSpec()
                        .build());
    }

    private static byte[] request(int number) {
        ObjectNode arguments = JsonNodeFactory.instance.objectNode();
        ObjectNode pod = arguments.putObject("Pod");
        pod.putObject("metadata")
                .put("name", "db-" + number)
                .put("namespace", "shop")
                .put("uid", "u-" + number);
        pod.putObject("spec")
                .putArray("volumes")
                .addObject()
                .put("name", "data")
                .putObject("persistentVolumeClaim")
                .put("claimName", "data-" + number);
        var names = arguments.putArray("NodeNames");
        for (int node = 0; node < NODES; node++) {
            names.add("node-" + node);
        }
        return Wire.bytes(arguments);
    }

    @Test
    void aThousandNodesAndTenThousandVolumesAreAnsweredRightly() throws Exception {
        long before = used();
        fill();
        long objects = used() - before;
        Claims ours = new Claims(this);
        Photographer photographer = new Photographer(this, claim -> null, ours);
        Snapshot snapshot = photographer.take();
        long began = System.nanoTime();
        for (int round = 0; round < 20; round++) {
            snapshot = photographer.take();
        }
        long taken = (System.nanoTime() - began) / 20;
        long snapshots = used() - before - objects;
        Snapshot newest = snapshot;
        Extender extender = new Extender(() -> newest, ours, new Waker(ours, pod -> {}, Runnable::run), new Figures());
        long[] filters = new long[ROUNDS - WARM_UP];
        long[] scores = new long[ROUNDS - WARM_UP];
        for (int round = 0; round < ROUNDS; round++) {
            int number = round * 13 % VOLUMES;
            byte[] body = request(number);
            long start = System.nanoTime();
            byte[] filtered = extender.filter(body);
            long middle = System.nanoTime();
            byte[] scored = extender.prioritize(body);
            long end = System.nanoTime();
            if (round >= WARM_UP) {
                filters[round - WARM_UP] = middle - start;
                scores[round - WARM_UP] = end - middle;
            }
            if (round % 100 == 0) {
                check(number, filtered, scored);
            }
        }
        System.out.printf(
                "1,000 nodes, 10,000 volumes: filter %s; prioritize %s; a snapshot takes %.1f ms and %.1f MiB;"
                        + " the resources it is made of %.1f MiB%n",
                words(filters), words(scores), taken / 1e6, snapshots / 1048576.0, objects / 1048576.0);
    }

    private static String words(long[] nanos) {
        Arrays.sort(nanos);
        return String.format(
                java.util.Locale.ROOT,
                "p50 %.2f ms, p99 %.2f ms, most %.2f ms",
                nanos[nanos.length / 2] / 1e6,
                nanos[nanos.length * 99 / 100] / 1e6,
                nanos[nanos.length - 1] / 1e6);
    }

    private static void check(int number, byte[] filtered, byte[] scored) throws IOException {
        assertThat(JSON.readTree(filtered).path("NodeNames")).hasSize(NODES);
        for (JsonNode each : JSON.readTree(scored)) {
            int node = Integer.parseInt(each.path("Host").asText().substring("node-".length()));
            boolean local =
                    node == number % NODES || node == (number * 7 + 1) % NODES || node == (number * 31 + 2) % NODES;
            assertThat(each.path("Score").asInt())
                    .as("volume %d on node %d", number, node)
                    .isEqualTo(local ? 10 : 0);
        }
    }

    @Override
    public Stream<Volume> volumes() {
        return volumes.values().stream();
    }

    @Override
    public Stream<VolumeMembership> memberships() {
        return memberships.values().stream();
    }

    @Override
    public Stream<StoragePool> pools() {
        StoragePool pool = new StoragePool();
        pool.setMetadata(new ObjectMetaBuilder().withName("fast").build());
        pool.setSpec(new StoragePoolSpec(null, 3, null, null, null, null, null));
        return Stream.of(pool);
    }

    @Override
    public Stream<Disk> disks() {
        return disks.values().stream();
    }

    @Override
    public Stream<StorageNode> storageNodes() {
        return nodes.values().stream();
    }

    @Override
    public Stream<PersistentVolumeClaim> claims() {
        return claims.values().stream();
    }

    @Override
    public Map<String, String> labels(String node) {
        return Map.of();
    }

    @Override
    public boolean isAlive(String node) {
        return true;
    }

    @Override
    public @Nullable PersistentVolumeClaim claim(String namespace, String name) {
        return claims.get(namespace + "/" + name);
    }

    @Override
    public @Nullable PersistentVolume volume(String name) {
        return persistentVolumes.get(name);
    }

    @Override
    public @Nullable StorageClass storageClass(String name) {
        return null;
    }

    @Override
    public String onlyPool() {
        return "fast";
    }
}
