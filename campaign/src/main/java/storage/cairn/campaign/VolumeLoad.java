package storage.cairn.campaign;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import storage.cairn.client.nbd.NbdCommand;
import storage.cairn.engine.sim.History;
import storage.cairn.engine.sim.SimRandom;
import storage.cairn.engine.sim.Stamps;

/**
 * Everything that uses one volume: its writers, the history of what they asked and heard, and how they are cut off
 * from a node that keeps them waiting. Blocks belong to writers by groups; the last group of each turn is for guests.
 */
final class VolumeLoad implements AutoCloseable {
    private static final int GROUP_BLOCKS = 64;
    private static final int HOT_BLOCKS = 16;
    private static final int SMALL_BLOCKS = 8;
    private static final long LATE_LOOK_MILLIS = 100;

    private final int number;
    private final String name;
    private final int blocks;
    private final Cluster cluster;
    private final Events events;
    private final ScheduledExecutorService timer;
    private final List<Writer> writers = new CopyOnWriteArrayList<>();
    private final List<Writer> extras = new CopyOnWriteArrayList<>();
    private final Map<TcpProxy, Integer> nodesOfPaths = Collections.synchronizedMap(new HashMap<>());
    private final SimRandom random;
    private History history;
    private String export = "";
    private int writerCount = 1;
    private int thinkMillis = 5;
    private long patienceNanos = 5_000_000_000L;
    private long nextValue = 1;
    private long operations;
    private long failures;
    private long lastChangeNanos;
    private long longestStallNanos;

    VolumeLoad(
            int number, int blocks, Cluster cluster, Events events, ScheduledExecutorService timer, SimRandom random) {
        this.number = number;
        this.name = "v" + number;
        this.blocks = blocks;
        this.cluster = cluster;
        this.events = events;
        this.timer = timer;
        this.random = random;
        this.history = new History(name);
    }

    String name() {
        return name;
    }

    int blocks() {
        return blocks;
    }

    Events events() {
        return events;
    }

    /** With this object's lock held, like everything that writers call here. */
    History history() {
        return history;
    }

    String export() {
        return export;
    }

    synchronized long operations() {
        return operations;
    }

    synchronized long failures() {
        return failures;
    }

    synchronized long longestStallNanos() {
        return Math.max(longestStallNanos, writers.isEmpty() ? 0 : events.nanos() - lastChangeNanos);
    }

    void failed() {
        failures++;
    }

    void answered(Request request, long nowNanos) {
        operations++;
        if (request.changes()) {
            longestStallNanos = Math.max(longestStallNanos, nowNanos - lastChangeNanos);
            lastChangeNanos = nowNanos;
        }
    }

    long newValues(int count) {
        long first = nextValue;
        nextValue += count;
        return ((number + 1L) << 48) + first;
    }

    /** The first round of a life, or the next one after a rest: other writers, in another rhythm. */
    void begin(String ofExport, int mostWriters) {
        synchronized (this) {
            export = ofExport;
            writerCount = 1 + random.below(mostWriters);
            thinkMillis = 2 << random.below(6);
            patienceNanos = random.between(3, 20) * 1_000_000_000L;
            lastChangeNanos = events.nanos();
        }
        addWriters();
    }

    private void addWriters() {
        for (int i = 0; i < writerCount; i++) {
            Writer writer = new Writer(this, name + "/w" + i, i, random.fork(), export, paths(), false);
            writers.add(writer);
            writer.begin(1 + random.below(8));
        }
    }

    /** A way to each node, in a random order, for one writer. */
    private List<TcpProxy> paths() {
        List<TcpProxy> paths = new ArrayList<>();
        for (Node node : cluster.nodes()) {
            paths.add(path(node.number()));
        }
        Collections.shuffle(paths, new java.util.Random(random.nextLong()));
        return paths;
    }

    private TcpProxy path(int node) {
        TcpProxy path = new TcpProxy(cluster.network().hub(), cluster.nbd(node), events.effects());
        nodesOfPaths.put(path, node);
        return path;
    }

    String pathName(TcpProxy path) {
        return "node " + nodesOfPaths.get(path);
    }

    /** The node that the first writer is connected to, or 0. */
    int servedBy() {
        for (Writer writer : writers) {
            TcpProxy path = writer.path();
            if (path != null) {
                return nodesOfPaths.getOrDefault(path, 0);
            }
        }
        return 0;
    }

    /** A connection of its own to one node, which ends with it. */
    Writer guest(int node) {
        Writer guest = new Writer(this, name + "/guest", writerCount, random.fork(), export, List.of(path(node)), true);
        extras.add(guest);
        return guest;
    }

    /** Closes a guest or a writer of an old export, with its paths. */
    void release(Writer writer) {
        extras.remove(writer);
        writer.close();
        for (TcpProxy path : writer.paths()) {
            path.close();
            nodesOfPaths.remove(path);
        }
    }

    /** A new export is served: writers of the old one are handed back, still open, and new ones begin. */
    List<Writer> supersede(String newExport) {
        List<Writer> old = new ArrayList<>(writers);
        writers.clear();
        extras.addAll(old);
        old.forEach(Writer::stop);
        old.forEach(Writer::superseded);
        export = newExport;
        addWriters();
        return old;
    }

    /** Cuts off writers whose node keeps them waiting, as hosts do that have another path. */
    void impatience() {
        for (Writer writer : writers) {
            TcpProxy path = writer.path();
            if (path != null && writer.waitingNanos() > patienceNanos) {
                events.tell(name + ": a request waits too long at " + pathName(path) + ", its writer leaves");
                leave(writer, path, random.below(20_000));
            }
        }
    }

    /** All writers leave the node that they are at, as hosts do that are told that it is down. */
    void leave() {
        for (Writer writer : writers) {
            TcpProxy path = writer.path();
            if (path != null) {
                leave(writer, path, random.below(20_000));
            }
        }
    }

    /** A writer's connections end; what they hold back arrives later, or never. Answers whether it had any. */
    boolean late(long millis) {
        if (writers.isEmpty()) {
            return false;
        }
        Writer writer = writers.get(random.below(writers.size()));
        TcpProxy path = writer.path();
        if (path != null) {
            path.holdForward(true);
            var unused = timer.schedule(() -> leave(writer, path, millis), LATE_LOOK_MILLIS, TimeUnit.MILLISECONDS);
        }
        return path != null;
    }

    private void leave(Writer writer, TcpProxy path, long lateMillis) {
        writer.left();
        List<TcpProxy.Link> orphans = path.orphan();
        path.holdForward(false);
        var unused = timer.schedule(
                () -> {
                    // To the same owner nothing tells an old connection from a second one of the same host.
                    boolean elsewhere = writer.servedElsewhereThan(path);
                    events.tell(name + ": what was under way to " + pathName(path)
                            + (elsewhere ? " arrives late" : " is lost"));
                    orphans.forEach(elsewhere ? TcpProxy.Link::release : TcpProxy.Link::reset);
                },
                lateMillis,
                TimeUnit.MILLISECONDS);
    }

    /** Runs a task after the pause that writers make between two requests. */
    void later(Runnable task) {
        int millis;
        synchronized (this) {
            millis = random.below(2 * thinkMillis + 1);
        }
        if (!timer.isShutdown()) {
            var unused = timer.schedule(task, millis, TimeUnit.MILLISECONDS);
        }
    }

    /**
     * A request of a random shape.
     *
     * @param group whose blocks it is for; -1: any
     */
    Request shape(SimRandom choice, NbdCommand.Type type, int group) {
        if (type == NbdCommand.Type.FLUSH) {
            return new Request(type, 0, 0, false);
        }
        int turn = writerCount + 1;
        int of = group < 0 ? choice.below(turn) : group;
        int turns = Math.max(1, blocks / GROUP_BLOCKS / turn);
        boolean hot = choice.below(4) != 0;
        int first = (of + (hot ? 0 : choice.below(turns) * turn)) * GROUP_BLOCKS;
        int range = hot ? HOT_BLOCKS : GROUP_BLOCKS;
        if (first == 0 && choice.below(3) == 0) {
            int from = choice.below(SMALL_BLOCKS * Stamps.SECTORS - 16);
            // A trim of less than a block may be left undone.
            NbdCommand.Type inPart = type == NbdCommand.Type.TRIM ? NbdCommand.Type.WRITE_ZEROES : type;
            return new Request(inPart, from, 1 + choice.below(16), true);
        }
        int skip = first == 0 ? SMALL_BLOCKS : 0;
        int count = 1 + choice.below(choice.below(8) == 0 ? range - skip : Math.min(4, range - skip));
        int block = first + skip + choice.below(range - skip - count + 1);
        return new Request(type, block * Stamps.SECTORS, count * Stamps.SECTORS, false);
    }

    /** Whether a block's registers are its sectors. */
    static boolean small(int block) {
        return block < SMALL_BLOCKS;
    }

    void stop() {
        writers.forEach(Writer::stop);
    }

    boolean idle() {
        return writers.stream().allMatch(Writer::idle);
    }

    /** Closes every connection: what has no answer stays unknown. */
    void end() {
        longestStallNanos = longestStallNanos();
        writers.forEach(this::release);
        writers.clear();
        extras.forEach(this::release);
    }

    /** Checks the history, and begins another one with what the volume holds now. */
    synchronized void check(@Nullable Map<Long, Long> held) {
        history.check();
        if (held != null) {
            history = new History(name);
            long now = events.nanos();
            held.forEach((register, value) -> history.written(history.writing(register, value, now), now));
        }
    }

    @Override
    public void close() {
        end();
        List.copyOf(nodesOfPaths.keySet()).forEach(TcpProxy::close);
    }
}
