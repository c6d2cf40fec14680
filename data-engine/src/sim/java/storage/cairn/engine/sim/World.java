package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.Frames;
import storage.cairn.engine.replication.NodeIdentity;
import storage.cairn.engine.replication.NodeSettings;
import storage.cairn.engine.store.ReplicaStore;

/**
 * A whole cluster from a seed: nodes with their disks and engines, the network and the configuration store between
 * them, volumes with hosts that use them, and everything that goes wrong.
 *
 * <p>Safety: faults strike at random while hosts work, and no promise may be broken. Liveness: then everything is
 * healed, and the cluster must come to rest within bounded time ({@link Convergence}).
 */
final class World {
    private static final long TICK_NANOS = 100_000_000L;
    private static final long MOST_NANOS = 900_000_000_000L;
    /** No owner asks for what no replica may do. */
    private static final String MISUSED = "answered INVALID";

    /** A disk is nearly full when less than this part of it is free: the rest may be promised to owners. */
    private static final int CROWDED = 2;

    private static final long ROLL_BACKS = 0x726f_6c6cL;
    /** Of a block written: more of them, and a disk is never of use. */
    private static final int MOST_MISPLACED_PER_MILLION = 300;

    final SimClock clock = new SimClock();
    final SimRandom random;
    final Faults faults;
    final Trace trace;
    final SimNetwork network;
    final SimConfigStore config;
    final NodeSettings settings;
    final List<SimNode> nodes = new ArrayList<>();
    final List<SimVolume> volumes = new ArrayList<>();
    final List<SimHost> hosts = new ArrayList<>();
    /** Deleted ones, whose histories are still to be checked. */
    private final List<SimVolume> former = new ArrayList<>();

    final Ledger ledger = new Ledger(this);
    final RollBacks rollBacks;
    private final Bounds bounds = new Bounds(this);

    final Shape shape;
    private final Plan plan;
    private final TreeMap<DiskId, StoreUnderTest> disks = new TreeMap<>();
    private final TreeMap<String, Long> events = new TreeMap<>();
    private final List<Integer> numbers = new ArrayList<>();
    private final UUID cluster;
    private final byte[] secret = new byte[32];
    private final @Nullable StoreUnderTest victim;
    private boolean victimLost;
    private boolean calm;
    private boolean quiet;
    private boolean ending;
    private long operations;
    private long crashes;
    private long administered;
    private long values;

    /**
     * @param operations answers to hosts before the safety part ends
     * @param liveness whether to heal and to wait for rest afterwards
     */
    record Plan(
            long seed,
            StoreTarget stores,
            Collection<Fault> faults,
            Defect defect,
            long operations,
            boolean liveness) {}

    World(Plan plan, Trace trace) {
        this(plan, Faults.swarm(new SimRandom(~plan.seed), plan.faults), trace);
    }

    /** A world with faults as often as {@code faults} says. */
    World(Plan plan, Faults faults, Trace trace) {
        this(plan, faults, null, trace);
    }

    /**
     * @param wanted what it is made of; null: chance decides
     */
    World(Plan plan, Faults faults, @Nullable Shape wanted, Trace trace) {
        this.plan = plan;
        this.random = new SimRandom(plan.seed);
        this.shape = wanted == null ? Shape.random(random.fork(), plan.stores) : wanted;
        this.faults = faults.defect(plan.defect);
        this.faults.limit(Fault.DISK_LOST_WRITE, MOST_MISPLACED_PER_MILLION);
        this.faults.limit(Fault.DISK_MISDIRECTED_WRITE, MOST_MISPLACED_PER_MILLION);
        this.trace = trace;
        this.network = new SimNetwork(clock, random.fork(), faults, trace, Frames.FRAMING);
        this.config = new SimConfigStore(clock, random.fork(), faults, trace);
        this.config.whenAccepted(this::accepted);
        this.rollBacks = new RollBacks(this, new SimRandom(~plan.seed ^ ROLL_BACKS));
        this.settings = settings();
        this.cluster = new UUID(random.nextLong(), random.nextLong());
        for (int i = 0; i < secret.length; i++) {
            secret[i] = (byte) random.nextLong();
        }
        for (int i = 1; i <= shape.disks().size(); i++) {
            numbers.add(i);
        }
        for (int i : numbers) {
            nodes.add(new SimNode(this, i, makeDisks(i)));
        }
        this.victim = random.nextBoolean() ? null : disks.firstEntry().getValue();
        if (victim != null) {
            victim.losesWrites(true);
        }
    }

    private List<StoreUnderTest> makeDisks(int node) {
        List<StoreUnderTest> made = new ArrayList<>();
        for (int i = 0; i < shape.disks().get(node - 1); i++) {
            StoreUnderTest disk =
                    plan.stores.make(clock, random.fork(), faults, trace, node * 10 + i, shape.diskBlocks());
            disk.keepMediumHonest();
            made.add(disk);
            disks.put(disk.id(), disk);
        }
        return List.copyOf(made);
    }

    private NodeSettings settings() {
        NodeSettings usual = NodeSettings.DEFAULTS;
        NodeSettings.Background background = usual.background();
        return new NodeSettings(
                usual.leases(),
                usual.failures(),
                usual.limits(),
                new NodeSettings.Background(
                        background.rebuildBytesPerSecond(),
                        background.rebuildFloorBytesPerSecond(),
                        background.rebuildExtents(),
                        background.rebuildRetryMillis(),
                        background.scrubBytesPerSecond(),
                        1_000L << random.below(8)));
    }

    NodeIdentity identity(int number) {
        return new NodeIdentity(number, cluster, secret, numbers);
    }

    @Nullable
    StoreUnderTest disk(DiskId id) {
        return disks.get(id);
    }

    /** Lives the whole life; throws a {@link Violation} if a promise is broken. */
    SimReport run() {
        begin();
        new Administrator(this, random.fork()).begin();
        while (operations < plan.operations && clock.nanos() < MOST_NANOS) {
            step();
        }
        heal();
        long convergence = plan.liveness ? new Convergence(this).await() : SimReport.NOT_AWAITED;
        former.addAll(volumes);
        for (SimVolume volume : former) {
            if (excused(volume)) {
                volume.history.checkDetection();
            } else {
                volume.history.check();
            }
        }
        return report(convergence);
    }

    /** Starts the nodes, and chance. */
    void begin() {
        nodes.forEach(SimNode::start);
        clock.after(TICK_NANOS, this::tick);
    }

    /** Runs the next event. What code under test throws is a broken assertion. */
    void step() {
        try {
            if (!clock.step()) {
                throw new Violation("liveness", "nothing is left to happen");
            }
        } catch (Violation violation) {
            throw violation;
        } catch (RuntimeException e) {
            throw new Violation("assertion", e.toString(), e);
        }
    }

    private void heal() {
        calm = true;
        faults.heal();
        config.heal();
        network.heal();
        for (SimNode node : nodes) {
            if (node.up() && node.hasFailedDisk()) {
                // A disk that failed takes part in nothing until somebody looks after it.
                node.kill(false);
            }
            if (!node.up()) {
                node.start();
            }
        }
        trace.event(clock.nanos(), 0, "world: healed", operations, 0, 0);
    }

    /** Hosts send nothing new from now on, also those that come. */
    void quiet() {
        quiet = true;
        hosts.forEach(SimHost::stop);
    }

    /** Nodes that end from now on stay down. */
    void ending() {
        ending = true;
    }

    boolean calm() {
        return calm;
    }

    private void tick() {
        if (calm) {
            return;
        }
        network.tick();
        config.tick();
        rollBacks.tick();
        for (SimNode node : nodes) {
            strike(node);
        }
        rot();
        bounds.check();
        clock.after(TICK_NANOS, this::tick);
    }

    private void strike(SimNode node) {
        if (!node.up()) {
            return;
        }
        if (faults.strikes(Fault.POWER_CUT, random)) {
            node.kill(true);
        } else if (faults.strikes(Fault.KILL, random)) {
            node.kill(false);
        } else if (faults.strikes(Fault.NET_ISOLATED, random)) {
            long nanos = random.between(1, 20) * 1_000_000_000L;
            network.isolate(node.number(), numbers, nanos);
            config.cutOff(node.number(), nanos);
        } else if (faults.strikes(Fault.PAUSE, random)) {
            node.pause(random.between(1, 60) * 1_000_000_000L);
        } else if (faults.strikes(Fault.WALL_CLOCK_JUMP, random)) {
            node.process().skewWallClock(random.between(-1_000_000, 1_000_000));
        } else if (faults.strikes(Fault.CLEAN_RESTART, random) && node.serving()) {
            node.stop((grants, problems, held) -> {});
        }
    }

    /** Rot follows an atlas: it befalls one disk only, so that another replica keeps each block. */
    private void rot() {
        StoreUnderTest bad = victim;
        if (bad == null || volumes.isEmpty() || !faults.on(Fault.DISK_ROT)) {
            return;
        }
        SimVolume volume = volumes.get(random.below(volumes.size()));
        if (!volume.isServed()) {
            return;
        }
        Configuration now = config.current(volume.id());
        if (now != null && now.inSync().size() > 1 && faults.strikes(Fault.DISK_ROT, random)) {
            bad.rot(now.volume(), random.below(volume.blocks()));
        }
    }

    /**
     * Whether a volume may legitimately have lost data: it depended on the bad disk alone for some time, or has a
     * replica on it that nobody can use any more.
     */
    boolean excused(SimVolume volume) {
        StoreUnderTest bad = victim;
        if (rollBacks.excuses(volume)) {
            return true;
        }
        return bad != null
                && faults.struckOfMedia() > 0
                && volume.wasServed()
                && (waitsForDamaged(volume, bad)
                        || config.history(volume.id()).stream()
                                .anyMatch(value -> value.inSync().equals(List.of(bad.id()))
                                        || (victimLost && value.replicas().contains(bad.id()))));
    }

    /** Whether it needs each of its replicas, and that of the bad disk has found its journal damaged in the middle. */
    private boolean waitsForDamaged(SimVolume volume, StoreUnderTest bad) {
        Configuration now = config.current(volume.id());
        return now != null
                && now.inSync().contains(bad.id())
                && now.inSync().size() == now.minInSync()
                && nodes.stream()
                        .filter(SimNode::up)
                        .map(node -> node.store(bad.id()))
                        .filter(Objects::nonNull)
                        .map(store -> store.replica(volume.id()))
                        .anyMatch(replica -> replica != null && replica.damaged());
    }

    /** Whether a replica of the volume may have lost what tells where its blocks are. */
    boolean rots(SimVolume volume) {
        StoreUnderTest bad = victim;
        return bad != null
                && faults.struckOfMedia() > 0
                && volume.isServed()
                && config.history(volume.id()).stream()
                        .anyMatch(value -> value.replicas().contains(bad.id()));
    }

    void nodeGone(SimNode node, boolean power) {
        crashes++;
        long hearing = power ? random.below(5_000_000_000L) : 0;
        clock.after(hearing, () -> hosts.forEach(host -> host.nodeGone(node)));
        clock.after(random.below(shape.hasty() ? 2_000_000_000L : 20_000_000_000L), () -> {
            if (!ending) {
                node.start();
            }
        });
    }

    void diskUnusable(SimNode node, StoreUnderTest disk, String problem) {
        trace.say(clock.nanos(), node.number(), "disk " + disk.id() + " cannot be used: " + problem);
        if (faults.struckOfDisk() == 0) {
            throw new Violation("I9", "a healthy disk cannot be opened: " + problem);
        }
        if (calm && disk.equals(victim) && faults.struckOfMedia() > 0) {
            // Somebody has to put a new disk in its place, which nobody does here.
            victimLost = true;
        } else if (calm) {
            // It failed by an error from before all was healed.
            clock.execute(() -> node.kill(false));
        }
    }

    private void accepted(Configuration value) {
        StoreUnderTest bad = victim;
        if (bad != null) {
            boolean alone = volumes.stream()
                    .filter(SimVolume::isServed)
                    .map(volume -> config.current(volume.id()))
                    .anyMatch(now -> now != null && now.inSync().equals(List.of(bad.id())));
            bad.losesWrites(!alone);
        }
        for (SimVolume volume : volumes) {
            if (volume.isServed() && volume.known().volume().equals(value.volume())) {
                ledger.accepted(volume, value);
            }
        }
    }

    void logged(int node, Log.Level level, String subject, long epoch, String event, String detail) {
        for (SimVolume volume : volumes) {
            if (event.equals("TookOver") && volume.isServed() && volume.name.equals(subject)) {
                ledger.takenOver(volume, nodes.get(node - 1), epoch);
            }
        }
        if (detail.contains(MISUSED)) {
            throw new Violation("contract", subject + ", epoch " + epoch + ", " + event + ": " + detail)
                    .about(subject, -1);
        }
        events.merge(event, 1L, Long::sum);
        trace.event(clock.nanos(), node, event, epoch, level.ordinal(), subject.hashCode());
        if (trace.records()) {
            trace.tell(clock.nanos(), node, subject, "epoch " + epoch + " " + event + ": " + detail);
        }
    }

    /** How often engines logged an event of a name that contains {@code part}. */
    long logged(String part) {
        long sum = 0;
        for (var entry : events.entrySet()) {
            sum += entry.getKey().contains(part) ? entry.getValue() : 0;
        }
        return sum;
    }

    /** Somebody changes a volume. */
    void administers() {
        administered++;
    }

    void operationDone() {
        operations++;
    }

    void failedOperation(SimVolume volume, HostOp op, Status status) {
        if (status == Status.NO_SPACE && (shape.tight() || crowded(volume))) {
            // On a small disk, what is under way takes all there is for a moment.
            return;
        }
        if (status == Status.FENCED) {
            // The volume is on its way to another node: a frontend ends the connection, and the host goes there.
            return;
        }
        if (calm && status != Status.OK && !excused(volume) && Convergence.settled(this)) {
            throw new Violation(
                    "liveness",
                    volume.name + ": " + op.kind + " at " + op.block + " fails with " + status
                            + " in a healthy cluster");
        }
    }

    /** Whether a disk with an in-sync replica of the volume is nearly full, as it is known to its node. */
    boolean crowded(SimVolume volume) {
        Configuration now = volume.isServed() ? config.current(volume.id()) : null;
        return now != null && MembershipRules.replicas(now).stream().anyMatch(this::crowded);
    }

    private boolean crowded(DiskId disk) {
        for (SimNode node : nodes) {
            ReplicaStore store = node.up() ? node.store(disk) : null;
            if (store != null) {
                return store.freeSlots() * CROWDED < store.capacitySlots();
            }
        }
        return shape.tight();
    }

    long newValue() {
        return ++values << 16;
    }

    void add(SimVolume volume) {
        volumes.add(volume);
        SimHost host = new SimHost(this, volume, random.fork());
        hosts.add(host);
        if (quiet) {
            host.stop();
        }
        host.begin();
    }

    private SimReport report(long convergenceNanos) {
        return new SimReport(
                clock.nanos(),
                operations,
                trace.hash(),
                faults.struck(),
                crashes,
                config.conflicts(),
                logged("TookOver"),
                logged("RebuildDone"),
                logged("Repaired") - logged("NotRepaired"),
                administered,
                convergenceNanos);
    }

    /** A volume is gone for good, with its host. */
    void deleted(SimVolume volume) {
        volume.deletedAt(clock.nanos());
        volumes.remove(volume);
        former.add(volume);
        for (SimHost host : List.copyOf(hosts)) {
            if (host.uses(volume)) {
                host.end();
                hosts.remove(host);
            }
        }
    }

    /** The node that owns a volume now by the store's word, if it is up. */
    @Nullable
    SimNode owner(SimVolume volume) {
        Configuration now = volume.isServed() ? config.current(volume.id()) : null;
        Configuration.Owner owner = now == null ? null : now.owner();
        if (owner == null) {
            return null;
        }
        SimNode node = nodes.get(owner.node() - 1);
        return node.up() ? node : null;
    }
}
