package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.Quantity;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.register.MembershipObjects;
import storage.cairn.api.register.NoReplyException;
import storage.cairn.api.register.Reply;
import storage.cairn.api.resource.Api;

/**
 * What an engine reads of its cluster in Kubernetes, and what it says of itself: its number and the other nodes from
 * StorageNodes, the disks that it may take from the StorageCluster and Disks, its reports into their status, and one
 * Lease that shows that it lives.
 *
 * <p>Blocking but for {@link #follow}; for one thread.
 */
public final class NodeResources implements AutoCloseable {
    private static final long TIMEOUT_MILLIS = 5_000;
    /** As Kubernetes writes a MicroTime. */
    private static final DateTimeFormatter MICROS =
            DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT);

    private static final int LEASE_SECONDS = 40;
    private static final int DEFAULT_PEER_PORT = 7480;
    private static final String ROOT = "/apis/" + Api.GROUP + "/" + Api.VERSION + "/";
    private static final String NODES = ROOT + "storagenodes";
    private static final String DISKS = ROOT + "disks";
    private static final String CLUSTERS = ROOT + "storageclusters";
    private static final String CLUSTER = CLUSTERS + "/" + Api.CLUSTER;
    private static final String LEASES = "/apis/coordination.k8s.io/v1/namespaces/" + Api.NAMESPACE + "/leases";

    private final ApiClient api;
    private final ApiClient nodesApi;
    private final ApiClient disksApi;
    private final ApiClient clusterApi;
    private final String nodeName;
    private final Consumer<String> problems;
    private final List<ObjectWatch> watches = new ArrayList<>();
    /** As its watch told it; null: not yet, or it is gone. */
    private volatile @Nullable JsonNode cluster;

    private NodeResources(String kubeconfig, String nodeName, Consumer<String> problems) throws IOException {
        this.api = new ApiClient(kubeconfig, TIMEOUT_MILLIS);
        this.nodesApi = new ApiClient(kubeconfig, TIMEOUT_MILLIS);
        this.disksApi = new ApiClient(kubeconfig, TIMEOUT_MILLIS);
        this.clusterApi = new ApiClient(kubeconfig, TIMEOUT_MILLIS);
        this.nodeName = nodeName;
        this.problems = problems;
    }

    /**
     * Opens it; the API server need not answer yet.
     *
     * @param kubeconfig how to reach it; empty: as a pod does, by its service account
     * @param nodeName name of this engine's node
     */
    public static NodeResources open(String kubeconfig, String nodeName, Consumer<String> problems) throws IOException {
        return new NodeResources(kubeconfig, nodeName, problems);
    }

    /** What an engine has to know before it begins. */
    public sealed interface Joining {
        /**
         * @param node number of this node
         * @param peerPort where engines connect to each other
         */
        record Seat(int node, UUID clusterId, int peerPort) implements Joining {}

        record NotYet(String reason) implements Joining {}

        /** Nobody said anything. */
        record Unreachable(String reason) implements Joining {}
    }

    /** Looks once. */
    public Joining join() {
        try {
            Reply node = asked(NODES + "/" + nodeName);
            if (!node.ok()) {
                return new Joining.NotYet("there is no StorageNode " + nodeName + " yet: " + node.message());
            }
            Reply cluster = asked(CLUSTER);
            if (!cluster.ok()) {
                return new Joining.NotYet("there is no StorageCluster yet: " + cluster.message());
            }
            String id = cluster.body().path("status").path("clusterId").asText();
            if (id.isEmpty()) {
                id = cluster.body().path("spec").path("clusterId").asText();
            }
            if (id.isEmpty()) {
                return new Joining.NotYet("the StorageCluster has no clusterId yet: the operator gives it");
            }
            return new Joining.Seat(
                    node.body().path("spec").path("number").asInt(),
                    UUID.fromString(id),
                    cluster.body().path("spec").path("network").path("port").asInt(DEFAULT_PEER_PORT));
        } catch (NoReplyException e) {
            return new Joining.Unreachable(String.valueOf(e.getMessage()));
        } catch (IllegalArgumentException e) {
            return new Joining.NotYet(String.valueOf(e.getMessage()));
        }
    }

    private Reply asked(String path) throws NoReplyException {
        Reply reply = api.get(path);
        if (reply.overloaded()) {
            throw new NoReplyException(reply.message());
        }
        return reply;
    }

    /** What came of taking a disk's label. */
    public sealed interface Claim {
        record Had() implements Claim {}

        record Refused(String reason) implements Claim {}

        /** Nobody said anything; it may have been taken. */
        record NotAsked(String reason) implements Claim {}
    }

    /**
     * Which disks of this node may be taken.
     *
     * @param devices patterns of paths; {@code exclude} of those left alone
     * @param media names as in the API; all when empty
     * @param model pattern; any when empty
     */
    public record Selection(
            List<String> devices,
            List<String> exclude,
            List<String> media,
            long minBytes,
            String model,
            List<FileDisk> files) {}

    /** A file that stands for a disk. */
    public record FileDisk(String path, long sizeBytes) {}

    /** The selection as the StorageCluster was heard of last; null when it was not, or cannot be read. */
    public @Nullable Selection selection() {
        JsonNode heard = cluster;
        if (heard == null) {
            return null;
        }
        try {
            JsonNode disks = heard.path("spec").path("disks");
            List<FileDisk> files = new ArrayList<>();
            for (JsonNode file : disks.path("files")) {
                files.add(new FileDisk(file.path("path").asText(), bytes(file.path("size"))));
            }
            return new Selection(
                    texts(disks.path("devices")),
                    texts(disks.path("exclude")),
                    texts(disks.path("media")),
                    bytes(disks.path("minSize")),
                    disks.path("model").asText(""),
                    files);
        } catch (IllegalArgumentException | ArithmeticException e) {
            problems.accept("the selection of disks cannot be read: " + e.getMessage());
            return null;
        }
    }

    private static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(each -> texts.add(each.asText()));
        return texts;
    }

    private static long bytes(JsonNode quantity) {
        if (quantity.isMissingNode() || quantity.isNull()) {
            return 0;
        }
        BigDecimal bytes = Quantity.getAmountInBytes(new Quantity(quantity.asText()));
        return bytes.longValueExact();
    }

    /** Hears of other nodes and of disks, on threads of their own. */
    public interface Neighbours {
        /** Where the engine of a node says it is. */
        void node(int number, String address);

        /**
         * A Disk resource.
         *
         * @param pool empty: in none
         * @param node where it was last seen, empty: nowhere yet
         */
        void disk(String id, String pool, boolean evacuate, String node);

        void diskGone(String id);
    }

    /** Follows nodes and disks until this is closed. */
    public void follow(Neighbours neighbours) {
        watches.add(
                new ObjectWatch(nodesApi, NODES, ObjectWatch.Content.WHOLE, new NodeFollower(neighbours), problems));
        watches.add(
                new ObjectWatch(disksApi, DISKS, ObjectWatch.Content.WHOLE, new DiskFollower(neighbours), problems));
        watches.add(new ObjectWatch(clusterApi, CLUSTERS, ObjectWatch.Content.WHOLE, new ClusterFollower(), problems));
        watches.forEach(ObjectWatch::start);
    }

    private final class ClusterFollower implements ObjectWatch.Follower {
        @Override
        public void present(JsonNode object) {
            cluster = object;
        }

        @Override
        public void gone(String name) {
            cluster = null;
        }
    }

    private record NodeFollower(Neighbours neighbours) implements ObjectWatch.Follower {
        @Override
        public void present(JsonNode object) {
            String address = object.path("status").path("address").asText();
            if (!address.isEmpty()) {
                neighbours.node(object.path("spec").path("number").asInt(), address);
            }
        }

        @Override
        public void gone(String name) {
            // A number is never given again: whoever still needs the node finds that nobody answers.
        }
    }

    private record DiskFollower(Neighbours neighbours) implements ObjectWatch.Follower {
        @Override
        public void present(JsonNode object) {
            JsonNode spec = object.path("spec");
            neighbours.disk(
                    Memberships.name(object),
                    spec.path("pool").asText(""),
                    spec.path("evacuate").asBoolean(),
                    object.path("status").path("node").asText(""));
        }

        @Override
        public void gone(String name) {
            neighbours.diskGone(name);
        }
    }

    /** Puts what is known of this node into its StorageNode's status; empty: done, else why not. */
    public String report(NodeReport report) {
        try {
            String path = NODES + "/" + nodeName;
            return report(path, api.get(path), report.status(), true, report.remark());
        } catch (NoReplyException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** Puts what is known of a disk into its Disk's status, and makes that Disk if it is not there. */
    public String report(DiskReport report) {
        String path = DISKS + "/" + report.id();
        try {
            Reply found = api.get(path);
            if (found.objectMissing()) {
                ObjectNode spec = ApiClient.JSON.createObjectNode();
                found = api.create(DISKS, MembershipObjects.object("Disk", report.id(), spec));
            }
            return report(path, found, report.status(nodeName), report.ready(), report.reason());
        } catch (NoReplyException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /**
     * Takes a disk's label for this node, by compare-and-set, unless an engine of another node has it that lives. A
     * drive that was moved is taken once its node says that it is gone, or has been silent for as long as its Lease is
     * good.
     */
    public Claim claim(String id, String bootId) {
        String path = DISKS + "/" + id;
        try {
            Reply found = asked(path);
            if (found.objectMissing()) {
                return new Claim.Had();
            }
            if (!found.ok()) {
                return new Claim.Refused("and whose that is cannot be asked: " + found.message());
            }
            String holder =
                    found.body().path("status").path("holder").path("node").asText(nodeName);
            if (!holder.equals(nodeName) && lives(holder)) {
                return new Claim.Refused("which the engine of " + holder + " serves");
            }
            ObjectNode patch = ApiClient.JSON.createObjectNode();
            patch.putObject("metadata")
                    .put(
                            "resourceVersion",
                            found.body()
                                    .path("metadata")
                                    .path("resourceVersion")
                                    .asText());
            ObjectNode status = patch.putObject("status").put("node", nodeName);
            status.putObject("holder").put("node", nodeName).put("bootId", bootId);
            Reply taken = api.merge(path + "/status", patch);
            return taken.ok() ? new Claim.Had() : new Claim.Refused("and was not had now: " + taken.message());
        } catch (NoReplyException e) {
            return new Claim.NotAsked("and whose that is cannot be asked: " + e.getMessage());
        }
    }

    /** Whether the engine of a node has renewed its Lease of late. */
    private boolean lives(String node) throws NoReplyException {
        Reply lease = api.get(LEASES + "/" + Api.LEASE_PREFIX + node);
        if (lease.objectMissing()) {
            return false;
        }
        if (!lease.ok()) {
            throw new NoReplyException(lease.message());
        }
        String renewed = lease.body().path("spec").path("renewTime").asText();
        return !renewed.isEmpty()
                && Instant.parse(renewed).plusSeconds(LEASE_SECONDS).isAfter(Instant.now());
    }

    private String report(String path, Reply found, ObjectNode status, boolean ready, String reason)
            throws NoReplyException {
        if (!found.ok()) {
            return found.message();
        }
        JsonNode metadata = found.body().path("metadata");
        status.put("observedGeneration", metadata.path("generation").asLong());
        status.set("conditions", conditions(found.body(), ready, reason));
        ObjectNode patch = ApiClient.JSON.createObjectNode();
        // Somebody else may have put a condition in meanwhile: then the next report does it.
        patch.putObject("metadata")
                .put("resourceVersion", metadata.path("resourceVersion").asText());
        patch.set("status", status);
        Reply patched = api.merge(path + "/status", patch);
        return patched.ok() ? "" : patched.message();
    }

    /** The conditions of others as they are, and this one. */
    private static ArrayNode conditions(JsonNode object, boolean ready, String reason) {
        ArrayNode conditions = ApiClient.JSON.createArrayNode();
        String type = "Ready";
        String status = ready ? "True" : "False";
        String since = Instant.now().toString();
        for (JsonNode each : object.path("status").path("conditions")) {
            if (!each.path("type").asText().equals(type)) {
                conditions.add(each);
            } else if (each.path("status").asText().equals(status)) {
                since = each.path("lastTransitionTime").asText(since);
            }
        }
        conditions
                .addObject()
                .put("type", type)
                .put("status", status)
                .put("reason", ready ? "Serving" : "NotServing")
                .put("message", reason)
                .put("lastTransitionTime", since);
        return conditions;
    }

    /**
     * Nodes whose engines this one has no connection to, by their numbers with commas between them.
     *
     * @param unreachable those that do not answer
     * @param refused those whose machine answers that nobody listens
     */
    public record Missed(String unreachable, String refused) {
        public static final Missed NOBODY = new Missed("", "");
    }

    /**
     * Shows that this engine lives; empty: done, else why not.
     *
     * @param missed whom it cannot reach
     */
    public String renewLease(Missed missed) {
        String stamp = MICROS.format(Instant.now().atOffset(ZoneOffset.UTC));
        ObjectNode lease = ApiClient.JSON.createObjectNode();
        lease.put("apiVersion", "coordination.k8s.io/v1").put("kind", "Lease");
        lease.putObject("metadata")
                .put("name", leaseName())
                .putObject("annotations")
                .put(Api.UNREACHABLE, missed.unreachable())
                .put(Api.REFUSED, missed.refused());
        lease.putObject("spec")
                .put("holderIdentity", nodeName)
                .put("leaseDurationSeconds", LEASE_SECONDS)
                .put("renewTime", stamp);
        try {
            Reply renewed = api.merge(LEASES + "/" + leaseName(), lease);
            if (renewed.objectMissing()) {
                renewed = api.create(LEASES, lease);
            }
            return renewed.ok() ? "" : renewed.message();
        } catch (NoReplyException e) {
            return String.valueOf(e.getMessage());
        }
    }

    private String leaseName() {
        return Api.LEASE_PREFIX + nodeName;
    }

    @Override
    public void close() {
        watches.forEach(ObjectWatch::close);
        api.close();
        nodesApi.close();
        disksApi.close();
        clusterApi.close();
    }
}
