package storage.cairn.campaign;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdCommand;
import storage.cairn.client.nbd.NbdUri;
import storage.cairn.engine.sim.SimRandom;
import storage.cairn.engine.sim.Violation;

/**
 * One user of a volume: writes its own blocks and reads everybody's, over a connection of its own that fails over
 * between nodes. It never has two changes of one block under way, so that what it sends again means the same.
 */
final class Writer implements NbdClient.Listener, AutoCloseable {
    private static final int ENOSPC = 28;
    private static final int DEPTH = 32;
    private static final long DEADLINE_MILLIS = 3_600_000;
    private static final int MOST_OPEN = 8;

    private final VolumeLoad load;
    private final String name;
    private final int group;
    private final SimRandom random;
    private final List<TcpProxy> paths;
    private final NbdClient client;
    private final Set<Integer> busy = new HashSet<>();
    private final Set<Request> underWay = new HashSet<>();
    private final boolean once;
    private int at;
    private long sinceNanos;
    private boolean connected;
    private boolean stopped;
    private long supersededNanos = Long.MAX_VALUE;
    private String refusal = "";
    /** What it was connected to since it left. */
    private final Set<TcpProxy> usedSince = new HashSet<>();

    /**
     * @param group whose blocks are its own
     * @param paths one for each node, tried in this order
     * @param once whether it ends with its first connection
     */
    Writer(
            VolumeLoad load,
            String name,
            int group,
            SimRandom random,
            String export,
            List<TcpProxy> paths,
            boolean once) {
        this.load = load;
        this.name = name;
        this.group = group;
        this.random = random;
        this.paths = List.copyOf(paths);
        this.once = once;
        List<NbdUri> uris = paths.stream()
                .map(path -> NbdUri.parse("nbd://" + path.address() + "/" + export))
                .toList();
        this.sinceNanos = load.events().nanos();
        this.client = new NbdClient(uris, new NbdClient.Settings(DEPTH, DEADLINE_MILLIS), this);
    }

    @Override
    public void connected(NbdUri uri) {
        synchronized (load) {
            for (int i = 0; i < paths.size(); i++) {
                if (uri.text().contains(paths.get(i).address() + "/")) {
                    at = i;
                }
            }
            connected = true;
            usedSince.add(paths.get(at));
            sinceNanos = load.events().nanos();
            refusal = "";
        }
        load.events().tell(name + " connected to " + load.pathName(paths.get(at)));
    }

    @Override
    public void disconnected(NbdUri uri, String reason, int resend) {
        synchronized (load) {
            connected = false;
        }
        load.events()
                .tell(name + " lost " + load.pathName(paths.get(at)) + " (" + reason + "), " + resend + " to resend");
        if (once) {
            close();
        }
    }

    @Override
    public void refused(NbdUri uri, String reason) {
        if (!reason.equals(refusal)) {
            refusal = reason;
            load.events().tell(name + " refused by " + uri.text() + ": " + reason);
        }
    }

    /** Keeps so many requests under way until it is stopped. */
    void begin(int depth) {
        for (int i = 0; i < depth; i++) {
            load.later(this::next);
        }
    }

    private void next() {
        synchronized (load) {
            if (stopped) {
                return;
            }
            Request request = choose();
            if (request.changes() && (taken(request) || crowded(request))) {
                request = load.shape(random, NbdCommand.Type.READ, -1);
            }
            submit(request, true);
        }
    }

    private Request choose() {
        int dice = random.below(100);
        NbdCommand.Type type = dice < 48
                ? NbdCommand.Type.WRITE
                : dice < 88
                        ? NbdCommand.Type.READ
                        : dice < 93
                                ? NbdCommand.Type.WRITE_ZEROES
                                : dice < 98 ? NbdCommand.Type.TRIM : NbdCommand.Type.FLUSH;
        return load.shape(random, type, type == NbdCommand.Type.READ ? -1 : group);
    }

    private boolean taken(Request request) {
        for (int block = request.firstBlock(); block < request.endBlock(); block++) {
            if (busy.contains(block)) {
                return true;
            }
        }
        return false;
    }

    private boolean crowded(Request request) {
        for (int i = 0; i < request.sectors; i++) {
            if (load.history().openWrites((long) request.sector + i) >= MOST_OPEN) {
                return true;
            }
        }
        return false;
    }

    /** Sends one request; with {@code goesOn} another follows it. The volume's lock is held. */
    private void submit(Request request, boolean goesOn) {
        if (request.changes()) {
            request.enter(
                    load.history(),
                    load.newValues(request.values()),
                    load.events().nanos());
            for (int block = request.firstBlock(); block < request.endBlock(); block++) {
                busy.add(block);
            }
        } else {
            request.calledNanos = load.events().nanos();
        }
        underWay.add(request);
        client.submit(request.into(new NbdCommand(command -> ended(request, command, goesOn))));
    }

    /** A few requests of its own at once; those that change something are on blocks of its own group. */
    void burst(int reads, int writes) {
        synchronized (load) {
            for (int i = 0; i < reads + writes && !stopped; i++) {
                NbdCommand.Type type = i < reads ? NbdCommand.Type.READ : NbdCommand.Type.WRITE;
                Request request = load.shape(random, type, type == NbdCommand.Type.READ ? -1 : group);
                if (!request.changes() || !(taken(request) || crowded(request))) {
                    load.events().effects().add(Effects.GUEST_ASKED, once ? 1 : 0);
                    submit(request, false);
                }
            }
        }
    }

    private void ended(Request request, NbdCommand command, boolean goesOn) {
        synchronized (load) {
            long now = load.events().nanos();
            underWay.remove(request);
            for (int block = request.firstBlock(); request.changes() && block < request.endBlock(); block++) {
                busy.remove(block);
            }
            count(request, command);
            if (command.error() == 0) {
                if (request.calledNanos > supersededNanos) {
                    load.events()
                            .broke(new Violation(
                                            "I31",
                                            load.name() + ": " + name + " was answered " + request
                                                    + " though its export was superseded before it asked")
                                    .about(load.name(), request.firstBlock()));
                }
                request.done(load.history(), now);
                load.answered(request, now);
            } else if (command.error() == ENOSPC && command.resends() == 0) {
                request.changes.forEach(load.history()::refused);
                load.failed();
            } else if (command.error() > 0) {
                load.events().tell(name + ": " + request + " failed: " + command.errorText());
                load.failed();
            }
        }
        if (goesOn && command.error() >= 0) {
            load.later(this::next);
        }
    }

    private void count(Request request, NbdCommand command) {
        Effects effects = load.events().effects();
        if (request.calledNanos > supersededNanos && command.error() != 0 && command.error() != NbdCommand.CLOSED) {
            effects.add(Effects.SUPERSEDED, 1);
        }
        effects.add(Effects.GUEST_ANSWERED, once && command.error() == 0 ? 1 : 0);
        effects.add(Effects.NO_SPACE, command.error() == ENOSPC ? 1 : 0);
    }

    /** Its export is superseded from now on: nothing that it asks for from here may succeed. */
    void superseded() {
        synchronized (load) {
            stopped = false;
            supersededNanos = load.events().nanos();
        }
    }

    /** No further requests of its own accord. */
    void stop() {
        synchronized (load) {
            stopped = true;
        }
    }

    boolean idle() {
        synchronized (load) {
            return underWay.isEmpty();
        }
    }

    /** How long its oldest request has waited on this connection; 0 when there is none. */
    long waitingNanos() {
        synchronized (load) {
            if (!connected || underWay.isEmpty()) {
                return 0;
            }
            long oldest = underWay.stream()
                    .mapToLong(request -> request.calledNanos)
                    .min()
                    .orElseThrow();
            return load.events().nanos() - Math.max(oldest, sinceNanos);
        }
    }

    @Nullable
    TcpProxy path() {
        synchronized (load) {
            return connected ? paths.get(at) : null;
        }
    }

    /** It leaves its present path. */
    void left() {
        synchronized (load) {
            usedSince.clear();
        }
    }

    /** Whether another node has served it since it left {@code path}: then the volume has another owner, or had. */
    boolean servedElsewhereThan(TcpProxy path) {
        synchronized (load) {
            return usedSince.stream().anyMatch(used -> !used.equals(path));
        }
    }

    @Override
    public void close() {
        stop();
        client.close();
    }

    /** The paths it has used, to be closed with it. */
    List<TcpProxy> paths() {
        return new ArrayList<>(paths);
    }
}
