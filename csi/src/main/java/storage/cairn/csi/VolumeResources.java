package storage.cairn.csi;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.api.model.Taint;
import io.fabric8.kubernetes.api.model.coordination.v1.Lease;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.api.resource.VolumeStatus;

/** Volumes and what they lie on, as Kubernetes has them. */
final class VolumeResources {
    /** How the provisioner's names of volumes begin. */
    private static final String PROVISIONED = "pvc-";

    /** What the caller of CreateVolume called it. */
    static final String CSI_NAME = "csi." + Api.GROUP + "/name";

    private static final String ZONE = "topology.kubernetes.io/zone";
    private static final String RACK = "topology.cairn.storage/rack";
    private static final Duration LIVES = Duration.ofSeconds(40);
    private static final int CONFLICT = 409;
    private static final int HUNDRED = 100;
    private static final int USUAL_OVER_PROVISIONING = 200;
    private static final int USUAL_FULL = 85;

    private final KubernetesClient client;

    VolumeResources(KubernetesClient client) {
        this.client = client;
    }

    Optional<Volume> named(String name) {
        return Optional.ofNullable(client.resources(Volume.class).withName(name).get());
    }

    /** A volume that is not being deleted. */
    Optional<Volume> living(String id) {
        return byId(id).filter(volume -> !isDeleted(volume));
    }

    Optional<Volume> byId(String id) {
        if (!VolumeNames.isId(id)) {
            return Optional.empty();
        }
        return client.resources(Volume.class).withField("spec.id", id).list().getItems().stream()
                .findFirst();
    }

    Volume require(String id) {
        VolumeNames.requireId(id);
        return living(id)
                .orElseThrow(() -> CsiException.notFound(
                        "there is no volume " + id + "; 'cairn volume list' shows which there are"));
    }

    static boolean isDeleted(Volume volume) {
        return volume.getSpec().deleteRequest() != null || volume.getMetadata().getDeletionTimestamp() != null;
    }

    static long sizeBytes(Volume volume) {
        return volume.getSpec().size().getNumericalAmount().longValueExact();
    }

    /**
     * @param csiName as the provisioner gives it: pvc- and the claim's uid
     * @param parameters of the StorageClass, among which it names the claim
     * @return the claim as {@link Api#CLAIM} has it; empty when the caller is no provisioner
     */
    static String claim(String csiName, Map<String, String> parameters) {
        String namespace = parameters.get("csi.storage.k8s.io/pvc/namespace");
        String name = parameters.get("csi.storage.k8s.io/pvc/name");
        return namespace == null || name == null || !csiName.startsWith(PROVISIONED)
                ? ""
                : namespace + "/" + name + "/" + csiName.substring(PROVISIONED.length());
    }

    /** Creates it; of several that do so at the same time one does, and all get what there is then. */
    Volume create(String name, String csiName, String claim, VolumeSpec spec) {
        Volume volume = new Volume();
        volume.setMetadata(new ObjectMetaBuilder()
                .withName(name)
                .withAnnotations(
                        claim.isEmpty() ? Map.of(CSI_NAME, csiName) : Map.of(CSI_NAME, csiName, Api.CLAIM, claim))
                .build());
        volume.setSpec(spec);
        try {
            return client.resource(volume).create();
        } catch (KubernetesClientException e) {
            Optional<Volume> other = e.getCode() == CONFLICT ? named(name) : Optional.empty();
            return other.orElseThrow(() -> e);
        }
    }

    /** Asks for the erasure of a volume and its data. */
    void requestDeletion(Volume volume) {
        String id = volume.getSpec().id();
        patch(volume, "{\"spec\":{\"deleteRequest\":\"" + id + "\"}}");
    }

    void resize(Volume volume, long sizeBytes) {
        patch(volume, "{\"spec\":{\"size\":\"" + new Quantity(Long.toString(sizeBytes)) + "\"}}");
    }

    private void patch(Volume volume, String merge) {
        client.resources(Volume.class)
                .withName(volume.getMetadata().getName())
                .patch(PatchContext.of(PatchType.JSON_MERGE), merge);
    }

    /** Volumes that are not being deleted, in the order of their names. */
    List<Volume> list() {
        return client.resources(Volume.class).list().getItems().stream()
                .filter(volume -> !isDeleted(volume))
                .sorted(Comparator.comparing(volume -> volume.getMetadata().getName()))
                .toList();
    }

    /** Whether an export of a volume was replaced by another one, or fenced, or its volume is no more. */
    boolean isSuperseded(String id, String attachId) {
        VolumeMembership membership =
                client.resources(VolumeMembership.class).withName(id).get();
        return membership == null || !attachId.equals(membership.getSpec().attachId());
    }

    /** The failover that gave this node's volumes to others and has not been told that they are gone here; or empty. */
    String failoverToAnswer(String name) {
        Node machine = client.nodes().withName(name).get();
        String failover = machine == null
                ? ""
                : machine.getSpec().getTaints().stream()
                        .filter(taint -> Api.FAILED_TAINT.equals(taint.getKey()) && taint.getValue() != null)
                        .map(Taint::getValue)
                        .findFirst()
                        .orElse("");
        StorageNode node = failover.isEmpty()
                ? null
                : client.resources(StorageNode.class).withName(name).get();
        if (node == null) {
            return "";
        }
        Map<String, String> said = node.getMetadata().getAnnotations();
        return said != null && failover.equals(said.get(Api.CLEANED)) ? "" : failover;
    }

    void answerFailover(String name, String failover) {
        client.resources(StorageNode.class)
                .withName(name)
                .patch(
                        PatchContext.of(PatchType.JSON_MERGE),
                        "{\"metadata\":{\"annotations\":{\"" + Api.CLEANED + "\":\"" + failover + "\"}}}");
    }

    /** The living node that has an export of a volume; empty when there is none. */
    String attachedTo(String id) {
        VolumeMembership membership =
                client.resources(VolumeMembership.class).withName(id).get();
        VolumeMembershipSpec.Owner owner =
                membership == null || membership.getSpec().attachId() == null
                        ? null
                        : membership.getSpec().owner();
        if (owner == null) {
            return "";
        }
        return client.resources(StorageNode.class).list().getItems().stream()
                .filter(node -> node.getSpec().number() == owner.node())
                .map(node -> node.getMetadata().getName())
                .filter(this::lives)
                .findFirst()
                .orElse("");
    }

    private boolean lives(String node) {
        Lease lease = client.leases()
                .inNamespace(Api.NAMESPACE)
                .withName(Api.LEASE_PREFIX + node)
                .get();
        ZonedDateTime renewed = lease == null || lease.getSpec() == null
                ? null
                : lease.getSpec().getRenewTime();
        return renewed != null && renewed.plus(LIVES).isAfter(ZonedDateTime.now(renewed.getZone()));
    }

    StoragePoolSpec pool(String name) {
        StoragePool pool = client.resources(StoragePool.class).withName(name).get();
        if (pool == null) {
            throw CsiException.invalid("there is no StoragePool '" + name
                    + "'; 'kubectl get storagepools' shows which there are, the parameter 'pool' of the StorageClass"
                    + " names one");
        }
        return pool.getSpec();
    }

    /** Whether an engine of ours is to run on a node. */
    boolean hasEngine(String node) {
        return client.resources(StorageNode.class).withName(node).get() != null;
    }

    /** Names of the nodes that hold a replica in sync. */
    static List<String> nodesWithData(Volume volume) {
        VolumeStatus status = volume.getStatus();
        List<VolumeStatus.Replica> replicas = status == null ? null : status.replicas();
        return replicas == null
                ? List.of()
                : replicas.stream()
                        .filter(replica -> replica.state() == VolumeStatus.State.IN_SYNC)
                        .flatMap(replica -> Optional.ofNullable(replica.node()).stream())
                        .toList();
    }

    /** What a pool can still promise. */
    Room room(String poolName, StoragePoolSpec pool, @Nullable Spread spread) {
        Spread wanted = spread != null ? spread : pool.spread() != null ? pool.spread() : Spread.NODE;
        Map<String, Map<String, String>> labels = wanted == Spread.NODE ? Map.of() : nodeLabels();
        Map<String, Boolean> schedulable = new HashMap<>();
        for (StorageNode node : client.resources(StorageNode.class).list().getItems()) {
            schedulable.put(
                    node.getMetadata().getName(),
                    !Boolean.FALSE.equals(node.getSpec().schedulable())
                            && !Boolean.TRUE.equals(node.getSpec().evacuate()));
        }
        Integer over = pool.overProvisioningPercent();
        Integer full = pool.fullPercent();
        List<Room.Place> places = new ArrayList<>();
        for (Disk disk : client.resources(Disk.class).list().getItems()) {
            DiskStatus status = disk.getStatus();
            Capacity capacity = status == null ? null : status.capacity();
            if (status == null
                    || capacity == null
                    || capacity.usableBytes() == null
                    || status.node() == null
                    || status.state() != DiskStatus.State.READY
                    || Boolean.TRUE.equals(disk.getSpec().evacuate())
                    || !poolName.equals(disk.getSpec().pool())
                    || !schedulable.getOrDefault(status.node(), false)) {
                continue;
            }
            long usable = capacity.usableBytes();
            long used = capacity.usedBytes() == null ? 0 : capacity.usedBytes();
            long limit = usable / HUNDRED * (over == null ? USUAL_OVER_PROVISIONING : over);
            boolean isFull = used >= usable / HUNDRED * (full == null ? USUAL_FULL : full);
            long free = isFull ? 0 : limit - (capacity.provisionedBytes() == null ? 0 : capacity.provisionedBytes());
            places.add(new Room.Place(domain(wanted, status.node(), labels), free));
        }
        return new Room(places);
    }

    private static String domain(Spread spread, String node, Map<String, Map<String, String>> labels) {
        Map<String, String> own = labels.getOrDefault(node, Map.of());
        return switch (spread) {
            case NODE -> node;
            case ZONE -> own.getOrDefault(ZONE, "");
            case RACK -> own.getOrDefault(ZONE, "") + "/" + own.getOrDefault(RACK, "");
        };
    }

    private Map<String, Map<String, String>> nodeLabels() {
        Map<String, Map<String, String>> labels = new HashMap<>();
        for (Node node : client.nodes().list().getItems()) {
            labels.put(
                    node.getMetadata().getName(),
                    node.getMetadata().getLabels() == null
                            ? Map.of()
                            : node.getMetadata().getLabels());
        }
        return labels;
    }
}
