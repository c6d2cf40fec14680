package storage.cairn.replicamanager;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeStatus;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.VolumeState;
import storage.cairn.replicamanager.Evacuations.Progress;
import storage.cairn.replicamanager.VolumePlan.Plan;

/**
 * Sweeps over all volumes, soon after something changed and at least every few seconds: decides, carries out, and tells
 * people. One thread decides, so that each decision knows of those before it; several carry out what was decided.
 */
final class ReplicaManager implements AutoCloseable {
    private static final Logger LOG = LogManager.getLogger(ReplicaManager.class);
    private static final long LONGEST_PAUSE_MILLIS = 5_000;
    private static final long SHORTEST_PAUSE_MILLIS = 200;
    /** As long as changes follow each other more quickly than that. */
    private static final long LONGEST_GATHERING_MILLIS = 2_000;

    /** Some requests that each wait for their end. */
    private static final long STUCK_SECONDS = 60;

    private static final int AT_ONCE = 8;

    private static final JsonMapper JSON = JsonMapper.builder()
            .defaultPropertyInclusion(JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, null))
            .build();

    private final Stays stays = new Stays();
    private final Informed informed;
    private final Executor executor;
    private final Rules rules;
    private final Figures figures;
    private final Semaphore changed = new Semaphore(0);
    private final Thread thread;
    private final ExecutorService hands = Executors.newFixedThreadPool(
            AT_ONCE, Thread.ofPlatform().daemon().name("hand-", 0).factory());
    private volatile boolean closed;
    /** When the sweeping thread was last seen to go on. */
    private volatile long movedNanos = System.nanoTime();

    ReplicaManager(KubernetesClient client, Rules rules, Figures figures) {
        this.informed = new Informed(client, rules.silence(), changed::release);
        this.executor = new Executor(client);
        this.rules = rules;
        this.figures = figures;
        this.thread = Thread.ofPlatform().name("sweep").unstarted(this::run);
    }

    void start() {
        thread.start();
    }

    /** Why it has to be started anew, empty when it goes on. */
    String problem() {
        long stuckSeconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - movedNanos);
        if (thread.getState() == Thread.State.TERMINATED) {
            return "the thread that sweeps has ended";
        }
        return stuckSeconds > STUCK_SECONDS ? "the sweep has not moved for " + stuckSeconds + " s" : "";
    }

    /** Whether it knows everything that it decides by. */
    boolean isReady() {
        return informed.isComplete();
    }

    private void run() {
        try {
            while (!closed) {
                movedNanos = System.nanoTime();
                boolean _ = changed.tryAcquire(LONGEST_PAUSE_MILLIS, TimeUnit.MILLISECONDS);
                gather();
                if (informed.isComplete()) {
                    sweep();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /**
     * What comes together is swept together, also so that a node's loss, which changes hundreds of memberships that
     * writes wait for, has the API server to itself before people are told.
     */
    private void gather() throws InterruptedException {
        long began = System.nanoTime();
        do {
            changed.drainPermits();
        } while (System.nanoTime() - began < TimeUnit.MILLISECONDS.toNanos(LONGEST_GATHERING_MILLIS)
                && changed.tryAcquire(SHORTEST_PAUSE_MILLIS, TimeUnit.MILLISECONDS));
    }

    private void sweep() {
        long began = System.nanoTime();
        Cluster cluster = informed.cluster(Instant.now());
        executor.begin();
        try {
            Sweep sweep = new Sweep(cluster, rules, stays.look(cluster));
            Map<String, Plan> plans = sweep.plan();
            sweep.followed().forEach(volume -> stays.moved(volume, cluster.now()));
            Projection projection = new Projection(cluster, sweep.health());
            carryOut(cluster, plans, projection);
            if (executor.isSilent()) {
                // To ask on would only hold up the next sweep, which begins with all of this.
                LOG.warn("the API server does not answer: the sweep ends early");
                return;
            }
            tellPromises(sweep);
            tellConditions(cluster, projection);
            figures.swept(cluster, plans, informed.orphans().size(), System.nanoTime() - began);
        } catch (RuntimeException e) {
            figures.failed();
            LOG.error("a sweep failed; the next one begins anew", e);
        }
    }

    /** Several volumes at the same time: each waits for answers of the API server most of its time. */
    private void carryOut(Cluster cluster, Map<String, Plan> plans, Projection projection) {
        List<Future<?>> underWay = new ArrayList<>();
        for (VolumeState volume : cluster.volumes().values()) {
            Plan plan = plans.getOrDefault(volume.name(), Plan.of());
            underWay.add(hands.submit(() -> {
                if (!executor.isSilent()) {
                    movedNanos = System.nanoTime();
                    carryOut(volume, plan, projection);
                }
            }));
        }
        IllegalStateException failed = null;
        try {
            for (Future<?> each : underWay) {
                try {
                    each.get();
                } catch (ExecutionException e) {
                    failed = new IllegalStateException("a volume's plan was not carried out", e.getCause());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // Only now: the next sweep must find none of them under way.
        if (failed != null) {
            throw failed;
        }
    }

    private void carryOut(VolumeState volume, Plan plan, Projection projection) {
        Plan outcome = plan;
        for (Action action : plan.actions()) {
            String problem = executor.execute(volume, action);
            figures.acted(action, problem.isEmpty());
            if (!problem.isEmpty()) {
                LOG.warn("volume={} {} was not done: {}", volume.name(), action, problem);
                outcome = Plan.stuck("Refused", problem);
                break;
            }
        }
        Volume resource = informed.volume(volume.name());
        if (resource == null || plan.actions().contains(new Action.LetGo())) {
            return;
        }
        VolumeStatus before = resource.getStatus();
        List<Condition> conditions = orNone(before == null ? null : before.conditions());
        VolumeStatus status = projection.status(volume, outcome, conditions);
        if (!status.equals(before)) {
            ObjectNode tree = JSON.valueToTree(status);
            // What is not so any more has to be taken out of the object.
            if (status.owner() == null) {
                tree.putNull("owner");
            }
            if (status.restorableUntil() == null) {
                tree.putNull("restorableUntil");
            }
            String problem = executor.status("volumes", volume.name(), tree);
            note("the status of volume " + volume.name(), problem);
            if (problem.isEmpty()) {
                for (ObjectNode event : Events.of(resource, conditions, orNone(status.conditions()))) {
                    note("an event of volume " + volume.name(), executor.tell(event));
                }
            }
        }
    }

    private static List<Condition> orNone(@Nullable List<Condition> conditions) {
        return conditions == null ? List.of() : conditions;
    }

    private static void note(String of, String problem) {
        if (!problem.isEmpty()) {
            LOG.warn("{} was not written: {}", of, problem);
        }
    }

    /** What volumes were promised of each disk, for whoever asks for room. */
    private void tellPromises(Sweep sweep) {
        for (Disk disk : informed.allDisks()) {
            DiskStatus status = disk.getStatus();
            Capacity known = status == null ? null : status.capacity();
            Long before = known == null ? null : known.provisionedBytes();
            long now = sweep.promised(Informed.name(disk));
            if (known != null && now != (before == null ? 0 : before)) {
                ObjectNode tree = JSON.createObjectNode();
                tree.putObject("capacity").put("provisionedBytes", now);
                note("the status of disk " + Informed.name(disk), executor.status("disks", Informed.name(disk), tree));
            }
        }
    }

    private void tellConditions(Cluster cluster, Projection projection) {
        Evacuations evacuations = new Evacuations(cluster);
        Map<String, Progress> disks = evacuations.disks();
        for (Disk disk : informed.allDisks()) {
            List<Condition> before =
                    orNone(disk.getStatus() == null ? null : disk.getStatus().conditions());
            List<Condition> own = new ArrayList<>(evacuated(before, disks.get(Informed.name(disk)), projection));
            DiskState state = cluster.disks().get(Informed.name(disk));
            List<Condition> room = state == null || state.pool().isEmpty() || state.usableBytes() == 0
                    ? List.of()
                    : List.of(projection.hasRoom(before, state));
            own.addAll(room);
            if (tell("disks", disk, before, replaced(before, own, "Evacuated", "HasRoom"))) {
                for (ObjectNode event : Events.of(disk, before, room)) {
                    note("an event of disk " + Informed.name(disk), executor.tell(event));
                }
            }
        }
        Map<String, Progress> nodes = evacuations.nodes();
        for (StorageNode node : informed.storageNodes()) {
            List<Condition> before =
                    orNone(node.getStatus() == null ? null : node.getStatus().conditions());
            List<Condition> own = evacuated(before, nodes.get(Informed.name(node)), projection);
            boolean _ = tell("storagenodes", node, before, replaced(before, own, "Evacuated"));
        }
    }

    private static List<Condition> evacuated(
            List<Condition> before, @Nullable Progress progress, Projection projection) {
        return progress == null
                ? List.of()
                : List.of(projection.condition(
                        before, "Evacuated", progress.done(), progress.done() ? "Empty" : "Moving", progress.words()));
    }

    private static List<Condition> replaced(List<Condition> before, List<Condition> own, String... types) {
        List<Condition> after = new ArrayList<>(before);
        after.removeIf(each -> List.of(types).contains(each.getType()));
        after.addAll(own);
        return after;
    }

    /** Whether they were told; others may have told theirs meanwhile, then the next sweep does it. */
    private boolean tell(String plural, HasMetadata object, List<Condition> before, List<Condition> after) {
        if (Set.copyOf(after).equals(Set.copyOf(before))) {
            return false;
        }
        JsonNode conditions = JSON.valueToTree(after);
        ObjectNode status = JSON.createObjectNode();
        status.set("conditions", conditions);
        String name = Informed.name(object);
        String problem =
                executor.status(plural, name, status, object.getMetadata().getResourceVersion());
        note(plural + " " + name, problem);
        return problem.isEmpty();
    }

    @Override
    public void close() {
        closed = true;
        thread.interrupt();
        hands.shutdownNow();
        informed.close();
    }
}
