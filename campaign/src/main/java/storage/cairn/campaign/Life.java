package storage.cairn.campaign;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.cluster.EngineCommand;
import storage.cairn.engine.sim.SimRandom;
import storage.cairn.engine.sim.Violation;

/** The life of one cluster: rounds of load under faults, each ended by rest, death of all engines, and checks. */
final class Life implements AutoCloseable {
    private static final int VOLUME_BLOCKS = 4096;
    /** More than a disk of the cluster holds. */
    private static final long FILL_BYTES = 232L << 20;

    private static final int REQUEST_SECONDS = 30;
    private static final long LATEST_NANOS = 60_000_000_000L;
    private static final long AGAIN_NANOS = 2_000_000_000L;
    private static final long LOOK_NANOS = 200_000_000;
    private static final long LINE_NANOS = 5_000_000_000L;
    private static final int MOST_THREADS = 4;

    /**
     * @param seed of this life
     * @param nodes 1 to 9
     * @param volumes 1 to 8
     * @param faults that may strike
     * @param mix which of them strike in a round
     * @param roundMillis how long faults strike in each round
     * @param mostWriters of a volume
     * @param rest how long the way to rest may take
     */
    record Plan(
            long seed,
            int nodes,
            int volumes,
            Set<FaultKind> faults,
            Schedule.Mix mix,
            long roundMillis,
            int mostWriters,
            Duration rest) {}

    private final Plan plan;
    private final Events events;
    private final Totals totals;
    private final Consumer<String> out;
    private final SimRandom random;
    private final ScheduledExecutorService timer = Executors.newScheduledThreadPool(
            MOST_THREADS, Thread.ofPlatform().daemon().name("campaign").factory());
    private final Cluster cluster;
    private final List<VolumeLoad> loads = new ArrayList<>();
    private final Injector injector;
    private int rounds;

    Life(
            Plan plan,
            Path folder,
            Network network,
            EngineCommand engine,
            Events events,
            Totals totals,
            Consumer<String> out) {
        this.plan = plan;
        this.events = events;
        this.totals = totals;
        this.out = out;
        this.random = new SimRandom(plan.seed);
        boolean failing = plan.faults.stream().anyMatch(FaultKind::ofDisk);
        int flakyNode = failing && plan.nodes >= 3 ? 1 + random.below(plan.nodes) : 0;
        this.cluster = new Cluster(folder, network, plan.nodes, flakyNode, engine, events.effects(), random.fork());
        Filler filler;
        try {
            cluster.awaitReady();
            for (int i = 0; i < plan.volumes; i++) {
                VolumeLoad load = new VolumeLoad(i, VOLUME_BLOCKS, cluster, events, timer, random.fork());
                loads.add(load);
                make(load.name(), VOLUME_BLOCKS * (long) Request.BLOCK_BYTES, flakyNode);
            }
            make(Filler.NAME, FILL_BYTES, flakyNode);
            filler = new Filler(cluster, events, FILL_BYTES, serve(Filler.NAME));
        } catch (RuntimeException e) {
            cluster.close();
            throw e;
        }
        this.injector = new Injector(cluster, loads, filler, events, timer, random.fork());
    }

    /** Replicas on a disk that may rot have two others, so that each acked block is on a disk that does not. */
    private void make(String name, long bytes, int flakyNode) {
        int most = Math.min(3, plan.nodes);
        int replicas = flakyNode != 0 || random.below(4) != 0 ? most : 1 + random.below(most);
        Volume made = cluster.node(1)
                .ask(
                        REQUEST_SECONDS,
                        stub -> stub.createVolume(CreateVolumeRequest.newBuilder()
                                .setName(name)
                                .setSizeBytes(bytes)
                                .setReplicas(replicas)
                                .build()));
        if (made == null) {
            throw new Violation("liveness", "the volume " + name + " could not be made on a healthy cluster");
        }
        events.tell(name + " has " + replicas + " replicas");
    }

    private String serve(String name) {
        ServeVolumeResponse served = cluster.node(1 + random.below(plan.nodes))
                .ask(
                        REQUEST_SECONDS,
                        stub -> stub.serveVolume(
                                ServeVolumeRequest.newBuilder().setName(name).build()));
        if (served == null) {
            throw new Violation("liveness", "the volume " + name + " could not be served on a healthy cluster");
        }
        return served.getExportName();
    }

    /** Kinds of faults that this machine and this cluster allow. */
    private Set<FaultKind> possible() {
        EnumSet<FaultKind> possible = EnumSet.copyOf(plan.faults);
        possible.removeIf(
                kind -> kind.ofConfig() && !cluster.config().possible().contains(kind));
        possible.removeIf(kind -> kind.ofDisk() && cluster.flaky() == null);
        possible.removeIf(kind -> (kind == FaultKind.DELAY || kind == FaultKind.RESET)
                && cluster.proxied(1, 2).isEmpty());
        possible.removeIf(kind -> kind == FaultKind.LOSS && !cluster.network().namespaces());
        return possible;
    }

    /** One round; throws what was broken. */
    void round() {
        rounds++;
        Schedule schedule = Schedule.draw(
                plan.seed * 1_000 + rounds,
                new Schedule.Ground(possible(), plan.mix, plan.nodes, plan.volumes, cluster.flakyNode()),
                plan.roundMillis);
        out.accept("round " + rounds + " of life " + plan.seed + ": " + plan.nodes + " nodes, " + plan.volumes
                + " volumes, " + schedule.events().size() + " faults in " + plan.roundMillis / 1000 + " s");
        schedule.events().forEach(event -> out.accept("  " + event));
        for (VolumeLoad load : loads) {
            load.begin(load.export().isEmpty() ? serve(load.name()) : load.export(), plan.mostWriters);
        }
        injector.begin(schedule);
        strike(System.nanoTime() + plan.roundMillis * 1_000_000);
        if (plan.mix == Schedule.Mix.EACH_ONCE) {
            strikeWhatIsOwed(System.nanoTime() + LATEST_NANOS);
        }
        injector.heal();
        cluster.awaitReady();
        Rest rest = new Rest(cluster, loads, events, injector.rotten(), plan.rest);
        out.accept("  healed; waiting for rest");
        long converged = rest.converge();
        totals.converged(converged);
        rest.verify();
        totals.round(loads, injector.counts());
        out.accept(String.format(
                Locale.ROOT,
                "  at rest after %.1f s; every engine killed; each replica read; all histories explained",
                converged / 1e9));
    }

    /** A fault finds nothing to strike while another one has it: it tries again. */
    private void strikeWhatIsOwed(long deadline) {
        while (!injector.owed().isEmpty()) {
            if (System.nanoTime() > deadline) {
                throw new Violation("campaign", "in a whole round nothing was struck by " + injector.owed());
            }
            injector.strikeOwed();
            strike(System.nanoTime() + AGAIN_NANOS);
        }
    }

    private void strike(long end) {
        long line = System.nanoTime() + LINE_NANOS;
        while (System.nanoTime() < end) {
            events.check();
            cluster.checkAlive();
            loads.forEach(VolumeLoad::impatience);
            if (System.nanoTime() > line) {
                line += LINE_NANOS;
                out.accept("  " + totals.line(loads));
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** Logs of the engines, for a story. */
    List<Path> logs() {
        return cluster.nodes().stream().map(Node::log).toList();
    }

    /** The load of a volume by name, or null. */
    @Nullable
    VolumeLoad load(String name) {
        return loads.stream()
                .filter(load -> load.name().equals(name))
                .findFirst()
                .orElse(null);
    }

    @Override
    public void close() {
        injector.close();
        timer.shutdownNow();
        loads.forEach(VolumeLoad::close);
        cluster.close();
    }
}
