package storage.cairn.schedulerextender;

import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.coordination.v1.LeaseBuilder;
import io.fabric8.kubernetes.api.model.storage.StorageClassBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
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

/** Says on an API server what kubelets, engines, provisioner and controllers would: nodes n1, n2 ... with a disk each. */
final class Cluster {
    private static final String NAMESPACE = "default";
    private static final long DISK_BYTES = 1L << 40;

    private final KubernetesClient client;
    private int nodes;

    Cluster(KubernetesClient client) {
        this.client = client;
        client.resource(new NamespaceBuilder()
                        .withNewMetadata()
                        .withName(Api.NAMESPACE)
                        .endMetadata()
                        .build())
                .create();
        StoragePool pool = new StoragePool();
        pool.setMetadata(new ObjectMetaBuilder().withName("fast").build());
        pool.setSpec(new StoragePoolSpec(null, 2, null, null, 100, null, null));
        client.resource(pool).create();
        client.resource(new StorageClassBuilder()
                        .withNewMetadata()
                        .withName("cairn-fast")
                        .endMetadata()
                        .withProvisioner(Api.DRIVER)
                        .withParameters(Map.of("pool", "fast", "locality", "required"))
                        .withVolumeBindingMode("WaitForFirstConsumer")
                        .build())
                .create();
    }

    static String disk(int number) {
        return new UUID(0, number).toString();
    }

    /** A node that pods fit on, with an engine and a disk. */
    void node(int pods) {
        int number = ++nodes;
        String name = "n" + number;
        client.resource(new NodeBuilder()
                        .withNewMetadata()
                        .withName(name)
                        .withLabels(Map.of("kubernetes.io/hostname", name))
                        .endMetadata()
                        .withNewSpec()
                        .endSpec()
                        .build())
                .create();
        Map<String, Quantity> room = Map.of(
                "cpu", new Quantity("8"), "memory", new Quantity("16Gi"), "pods", new Quantity(Integer.toString(pods)));
        client.nodes().withName(name).editStatus(node -> {
            node.setStatus(new io.fabric8.kubernetes.api.model.NodeStatusBuilder()
                    .withAllocatable(room)
                    .withCapacity(room)
                    .addNewCondition()
                    .withType("Ready")
                    .withStatus("True")
                    .endCondition()
                    .build());
            return node;
        });
        // Nobody takes away what the API server puts on a node that is new.
        client.nodes().withName(name).patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"taints\":null}}");
        StorageNode node = new StorageNode();
        node.setMetadata(new ObjectMetaBuilder().withName(name).build());
        node.setSpec(new StorageNodeSpec(number, null, null, null));
        client.resource(node).create();
        client.resource(new LeaseBuilder()
                        .withNewMetadata()
                        .withName(Api.LEASE_PREFIX + name)
                        .withNamespace(Api.NAMESPACE)
                        .endMetadata()
                        .withNewSpec()
                        .withHolderIdentity(name)
                        .endSpec()
                        .build())
                .create();
        Disk disk = new Disk();
        disk.setMetadata(new ObjectMetaBuilder().withName(disk(number)).build());
        disk.setSpec(new DiskSpec("fast", null));
        client.resource(disk).create();
        diskUsed(number, 0);
        heard();
    }

    void diskUsed(int number, long bytes) {
        client.resources(Disk.class).withName(disk(number)).editStatus(disk -> {
            disk.setStatus(new DiskStatus(
                    DiskStatus.State.READY,
                    null,
                    "n" + number,
                    null,
                    null,
                    new Capacity(DISK_BYTES, DISK_BYTES, bytes, null),
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
            return disk;
        });
    }

    /** All engines show that they live. */
    void heard() {
        for (int number = 1; number <= nodes; number++) {
            client.leases()
                    .inNamespace(Api.NAMESPACE)
                    .withName(Api.LEASE_PREFIX + "n" + number)
                    .edit(lease -> {
                        lease.getSpec().setRenewTime(ZonedDateTime.now(ZoneOffset.UTC));
                        return lease;
                    });
        }
    }

    /** A volume with its PersistentVolume and a claim of its name, bound to each other. */
    String volume(String name, VolumeSpec.Locality locality, int... replicas) {
        String id = UUID.randomUUID().toString();
        List<String> disks = new ArrayList<>();
        for (int replica : replicas) {
            disks.add(disk(replica));
        }
        Volume volume = new Volume();
        volume.setMetadata(new ObjectMetaBuilder().withName(name).build());
        volume.setSpec(new VolumeSpec(
                id, new Quantity("1Gi"), "fast", replicas.length, null, locality, null, null, null, null, null));
        client.resource(volume).create();
        VolumeMembership membership = new VolumeMembership();
        membership.setMetadata(new ObjectMetaBuilder().withName(id).build());
        membership.setSpec(new VolumeMembershipSpec(
                name,
                1,
                1,
                UUID.randomUUID().toString(),
                null,
                disks,
                List.of(),
                List.of(),
                1,
                1L << 30,
                null,
                false,
                false,
                false));
        client.resource(membership).create();
        client.resource(new PersistentVolumeBuilder()
                        .withNewMetadata()
                        .withName("pv-" + name)
                        .endMetadata()
                        .withNewSpec()
                        .withCapacity(Map.of("storage", new Quantity("1Gi")))
                        .withAccessModes("ReadWriteOnce")
                        .withStorageClassName("cairn-fast")
                        .withNewClaimRef()
                        .withName(name)
                        .withNamespace(NAMESPACE)
                        .endClaimRef()
                        .withNewCsi()
                        .withDriver(Api.DRIVER)
                        .withVolumeHandle(id)
                        .endCsi()
                        .endSpec()
                        .build())
                .create();
        claim(name, "pv-" + name);
        client.persistentVolumeClaims().inNamespace(NAMESPACE).withName(name).editStatus(claim -> {
            claim.setStatus(new io.fabric8.kubernetes.api.model.PersistentVolumeClaimStatusBuilder()
                    .withPhase("Bound")
                    .build());
            return claim;
        });
        return id;
    }

    /** A claim that waits for its pod, when {@code volume} is empty. */
    void claim(String name, String volume) {
        var claim = new PersistentVolumeClaimBuilder()
                .withNewMetadata()
                .withName(name)
                .withNamespace(NAMESPACE)
                .endMetadata()
                .withNewSpec()
                .withAccessModes("ReadWriteOnce")
                .withStorageClassName("cairn-fast")
                .withNewResources()
                .withRequests(Map.of("storage", new Quantity("1Gi")))
                .endResources()
                .endSpec()
                .build();
        if (!volume.isEmpty()) {
            claim.getMetadata().setAnnotations(Map.of("pv.kubernetes.io/bind-completed", "yes"));
            claim.getSpec().setVolumeName(volume);
        }
        client.resource(claim).create();
    }

    /** A pod that uses claims. */
    Pod pod(String name, String scheduler, String... claims) {
        PodBuilder pod = new PodBuilder()
                .withNewMetadata()
                .withName(name)
                .withNamespace(NAMESPACE)
                .endMetadata()
                .withNewSpec()
                .withSchedulerName(scheduler.isEmpty() ? null : scheduler)
                .addNewContainer()
                .withName("main")
                .withImage("none")
                .endContainer()
                .endSpec();
        for (String claim : claims) {
            pod = pod.editSpec()
                    .addNewVolume()
                    .withName(claim)
                    .withNewPersistentVolumeClaim(claim, false)
                    .endVolume()
                    .endSpec();
        }
        return client.resource(pod.build()).create();
    }

    /** Where a pod is, empty when it is nowhere. */
    String placeOf(String pod) {
        String node = client.pods()
                .inNamespace(NAMESPACE)
                .withName(pod)
                .get()
                .getSpec()
                .getNodeName();
        return node == null ? "" : node;
    }

    /** What `kubectl describe pod` would say of it. */
    String events(String pod) {
        List<String> messages = new ArrayList<>();
        client.v1().events().inNamespace(NAMESPACE).list().getItems().forEach(event -> {
            if (pod.equals(event.getInvolvedObject().getName())) {
                messages.add(event.getReason() + ": " + event.getMessage());
            }
        });
        return String.join("\n", messages);
    }

    /** Why it is not scheduled, by its condition. */
    String condition(String pod) {
        return client.pods().inNamespace(NAMESPACE).withName(pod).get().getStatus().getConditions().stream()
                .filter(each -> "PodScheduled".equals(each.getType()) && "False".equals(each.getStatus()))
                .map(each -> String.valueOf(each.getMessage()))
                .findFirst()
                .orElse("");
    }
}
