package storage.cairn.campaign;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.MoveVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.engine.sim.SimRandom;
import storage.cairn.engine.sim.Violation;

/** Makes the events of a schedule happen to a cluster, and undoes them. */
final class Injector implements AutoCloseable {
    private static final int MOVE_SECONDS = 20;
    private static final int SETTLE_SECONDS = 180;
    private static final int BURSTS = 4;
    private static final int LOOK_MILLIS = 250;
    private static final int MOST_LOOKS = 20;
    private static final int ADMINISTRATION = 0;
    private static final int FILLING = -1;
    private static final String DISK_ERRORS = "cairn_disk_errors_total";

    private final Cluster cluster;
    private final List<VolumeLoad> loads;
    private final Filler filler;
    private final Events events;
    private final SimRandom random;
    private final ScheduledExecutorService timer;
    /** What strikes a process waits for what struck it before; two more are for what else may block. */
    private final Map<Integer, ExecutorService> queues = new HashMap<>();

    private final List<Future<?>> begun = new ArrayList<>();
    private final Map<FaultKind, Integer> counts = new EnumMap<>(FaultKind.class);
    /** Of this round: what has not struck anything yet. */
    private final List<Schedule.Event> owed = new ArrayList<>();

    private volatile boolean healing;
    private boolean rotten;

    Injector(
            Cluster cluster,
            List<VolumeLoad> loads,
            Filler filler,
            Events events,
            ScheduledExecutorService timer,
            SimRandom random) {
        this.cluster = cluster;
        this.loads = loads;
        this.filler = filler;
        this.events = events;
        this.timer = timer;
        this.random = random;
        for (int queue = FILLING; queue <= cluster.nodes().size(); queue++) {
            queues.put(
                    queue, Executors.newSingleThreadExecutor(Thread.ofVirtual().factory()));
        }
    }

    /** How often each kind struck. */
    synchronized Map<FaultKind, Integer> counts() {
        return new EnumMap<>(counts);
    }

    /** Whether bits have ever flipped on the disk that may fail. */
    synchronized boolean rotten() {
        return rotten;
    }

    /** Plans a round; returns at once. */
    void begin(Schedule schedule) {
        healing = false;
        synchronized (this) {
            owed.clear();
            owed.addAll(schedule.events());
        }
        schedule.events().forEach(event -> after(event.atMillis(), () -> strike(event)));
    }

    /** Faults of this round that found nothing to strike, or whose turn is still to come. */
    synchronized List<Schedule.Event> owed() {
        return List.copyOf(owed);
    }

    /** Lets them strike now, as far as they can. */
    void strikeOwed() {
        owed().forEach(event -> guarded(() -> strike(event)));
    }

    private void after(long millis, Runnable action) {
        var unused = timer.schedule(() -> guarded(action), millis, TimeUnit.MILLISECONDS);
    }

    private void guarded(Runnable action) {
        if (healing) {
            return;
        }
        try {
            action.run();
        } catch (Violation violation) {
            events.broke(violation);
        } catch (RuntimeException e) {
            if (!healing) {
                events.broke(new Violation("campaign", "the campaign itself failed: " + e));
            }
        }
    }

    private synchronized void queue(int number, Runnable action) {
        ExecutorService queue = queues.get(number);
        if (queue != null && !healing) {
            begun.add(queue.submit(() -> guarded(action)));
        }
    }

    /** As {@link #queue(int, Runnable)}, for an event that strikes once, however often it tried. */
    private void queue(int number, Schedule.Event event, Runnable action) {
        queue(number, () -> {
            if (owed().contains(event)) {
                action.run();
            }
        });
    }

    private synchronized void count(Schedule.Event event) {
        counts.merge(event.kind(), 1, Integer::sum);
        owed.remove(event);
        events.tell("--- " + event.kind().label() + event.toString().replaceFirst("^[^ ]* s: [^ ]*", ""));
    }

    private void strike(Schedule.Event event) {
        int number = event.node();
        switch (event.kind()) {
            case KILL -> queue(number, event, () -> killOne(event));
            case KILL_ALL -> killAll(event);
            case PAUSE -> queue(number, event, () -> pause(event, cluster.node(number)));
            case RESTART -> queue(number, event, () -> restart(event, cluster.node(number)));
            case COMEBACK -> {
                int owner = loads.get(event.volume()).servedBy();
                if (owner != 0) {
                    queue(owner, event, () -> pause(event, cluster.node(owner)));
                }
            }
            case PARTITION, ONE_WAY, ISOLATE -> cut(event);
            case LOSS -> {
                count(event);
                cluster.network().lose(number, 1 + random.below(30));
                after(event.millis(), () -> cluster.network().lose(number, 0));
            }
            case DELAY -> delay(event, cluster.proxied(number, event.other()));
            case RESET -> {
                count(event);
                cluster.proxied(number, event.other()).forEach(TcpProxy::reset);
            }
            case LATE -> {
                if (loads.get(event.volume()).late(event.millis())) {
                    count(event);
                }
            }
            case DISK_FULL -> queue(FILLING, event, () -> fill(event));
            case DISK_ERROR, DISK_STALL, ROT -> strikeDisk(event);
            case CONFIG_READ_ONLY, CONFIG_HANG, CONFIG_FULL, CONFIG_GONE -> strikeConfig(event);
            case MOVE -> queue(ADMINISTRATION, event, () -> move(event));
            case REATTACH -> queue(ADMINISTRATION, event, () -> reattach(event));
        }
    }

    private void killOne(Schedule.Event event) {
        count(event);
        kill(cluster.node(event.node()));
        after(event.millis(), cluster.node(event.node())::start);
    }

    private void killAll(Schedule.Event event) {
        count(event);
        for (Node each : cluster.nodes()) {
            queue(each.number(), () -> {
                kill(each);
                after(event.millis(), each::start);
            });
        }
    }

    private void restart(Schedule.Event event, Node node) {
        if (node.runs() && !node.paused()) {
            count(event);
            node.terminate();
            after(event.millis(), node::start);
        }
    }

    /** Some nodes hear nothing of some others for a while. */
    private void cut(Schedule.Event event) {
        count(event);
        int a = event.node();
        int b = event.other();
        List<Integer> unheard = event.kind() == FaultKind.ISOLATE ? others(a) : List.of(b);
        boolean bothWays = event.kind() == FaultKind.PARTITION;
        unheard.forEach(other -> cut(other, a, bothWays, true));
        after(event.millis(), () -> unheard.forEach(other -> cut(other, a, bothWays, false)));
    }

    private void cut(int from, int to, boolean bothWays, boolean on) {
        cluster.cut(from, to, on);
        if (bothWays) {
            cluster.cut(to, from, on);
        }
    }

    private void delay(Schedule.Event event, List<TcpProxy> links) {
        count(event);
        long late = random.between(1, 400);
        links.forEach(link -> link.delay(late));
        after(event.millis(), () -> links.forEach(link -> link.delay(0)));
    }

    private void kill(Node node) {
        events.effects().add(Effects.KILLED, node.kill() ? 1 : 0);
    }

    /** Stops a process; guests that were connected before ask it the moment it goes on. */
    private void pause(Schedule.Event event, Node node) {
        if (!node.runs() || node.paused()) {
            return;
        }
        List<Writer> guests = new ArrayList<>();
        List<Writer> expected = new ArrayList<>();
        List<VolumeLoad> owned = new ArrayList<>();
        for (VolumeLoad load : loads) {
            boolean owner = load.servedBy() == node.number();
            if (owner) {
                owned.add(load);
            }
            if (owner || random.below(3) == 0) {
                Writer guest = load.guest(node.number());
                guests.add(guest);
                if (owner) {
                    expected.add(guest);
                }
            }
        }
        whenConnected(expected, MOST_LOOKS, () -> {
            count(event);
            node.pause();
            if (event.kind() == FaultKind.COMEBACK) {
                owned.forEach(VolumeLoad::leave);
            }
            after(event.millis(), () -> {
                owned.removeIf(load -> load.servedBy() == node.number() || load.servedBy() == 0);
                events.effects().add(Effects.OVERTAKEN, owned.size());
                guests.forEach(guest -> guest.burst(24, 2));
                node.go();
                guests.forEach(guest -> guest.burst(24, 2));
                after(5_000, () -> guests.forEach(Writer::close));
                if (event.kind() == FaultKind.COMEBACK) {
                    owned.forEach(load -> queue(ADMINISTRATION, () -> handTo(load, node.number())));
                }
            });
        });
    }

    /** A guest that comes too late asks nothing of an engine that stands still. */
    private void whenConnected(List<Writer> guests, int looks, Runnable then) {
        after(LOOK_MILLIS, () -> {
            if (looks == 0 || guests.stream().allMatch(guest -> guest.path() != null)) {
                then.run();
            } else {
                whenConnected(guests, looks - 1, then);
            }
        });
    }

    /** An owner that stood still while another served is made the owner again at once. */
    private void handTo(VolumeLoad load, int node) {
        int owner = load.servedBy();
        if (owner != 0 && owner != node && hand(load, owner, node)) {
            events.effects().add(Effects.BACK, 1);
        }
    }

    private boolean hand(VolumeLoad load, int owner, int node) {
        Volume moved = cluster.node(owner)
                .ask(
                        MOVE_SECONDS,
                        stub -> stub.moveVolume(MoveVolumeRequest.newBuilder()
                                .setName(load.name())
                                .setNode(node)
                                .build()));
        return moved != null && moved.getOwnerNode() == node;
    }

    private List<Integer> others(int node) {
        return cluster.nodes().stream()
                .map(Node::number)
                .filter(other -> other != node)
                .toList();
    }

    private void strikeDisk(Schedule.Event event) {
        FlakyDisk disk = cluster.flaky();
        if (disk == null) {
            return;
        }
        count(event);
        if (event.kind() == FaultKind.ROT) {
            disk.rot(random, 20 + random.below(400));
            synchronized (this) {
                rotten = true;
            }
        } else if (event.kind() == FaultKind.DISK_ERROR) {
            Node node = cluster.node(event.node());
            long before = node.figure(DISK_ERRORS);
            disk.errors(true);
            after(event.millis(), () -> {
                disk.errors(false);
                events.effects().add(Effects.DISK_ERRORS, node.figure(DISK_ERRORS) - before);
            });
        } else {
            disk.stall(true);
            after(event.millis(), () -> {
                events.effects()
                        .add(Effects.DISK_STALLED, cluster.node(event.node()).figure("cairn_disk_in_flight"));
                disk.stall(false);
            });
        }
    }

    private void strikeConfig(Schedule.Event event) {
        if (cluster.config().begin(event.kind())) {
            count(event);
            after(event.millis(), cluster.config()::heal);
        }
    }

    private void fill(Schedule.Event event) {
        count(event);
        filler.fill(event.millis(), () -> healing);
    }

    private void move(Schedule.Event event) {
        VolumeLoad load = loads.get(event.volume());
        int owner = load.servedBy();
        if (owner != 0) {
            count(event);
            boolean _ = hand(load, owner, event.node());
        }
    }

    private void reattach(Schedule.Event event) {
        VolumeLoad load = loads.get(event.volume());
        ServeVolumeResponse served = serve(event.node(), load);
        if (served == null || served.getExportName().equals(load.export())) {
            return;
        }
        count(event);
        List<Writer> old = load.supersede(served.getExportName());
        for (int part = 0; part < BURSTS; part++) {
            after(event.millis() * part / BURSTS, () -> old.forEach(writer -> writer.burst(3, 2)));
        }
        var unused = timer.schedule(() -> old.forEach(load::release), event.millis(), TimeUnit.MILLISECONDS);
    }

    private @Nullable ServeVolumeResponse serve(int node, VolumeLoad load) {
        return cluster.node(node)
                .ask(
                        MOVE_SECONDS,
                        stub -> stub.serveVolume(ServeVolumeRequest.newBuilder()
                                .setName(load.name())
                                .build()));
    }

    /** Ends every fault, and waits until what had begun is over. */
    void heal() {
        healing = true;
        cluster.heal();
        cluster.startAll();
        List<Future<?>> waiting;
        synchronized (this) {
            waiting = List.copyOf(begun);
            begun.clear();
        }
        for (Future<?> each : waiting) {
            try {
                each.get(SETTLE_SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException e) {
                throw new IllegalStateException(e);
            } catch (TimeoutException e) {
                throw new Violation("liveness", "a fault's end hangs for " + SETTLE_SECONDS + " s: " + e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
        cluster.heal();
        cluster.checkAlive();
    }

    @Override
    public void close() {
        healing = true;
        queues.values().forEach(ExecutorService::shutdownNow);
    }
}
