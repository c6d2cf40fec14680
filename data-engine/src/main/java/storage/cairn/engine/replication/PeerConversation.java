package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.protocol.FrameWriter;
import storage.cairn.engine.protocol.Grant;
import storage.cairn.engine.protocol.Hello;

/** The asking side of the one lease conversation with another node: renews all leases at once, and asks for favours. */
final class PeerConversation implements Outgoing.Uses {
    private static final int MAX_UNANSWERED = 16;
    private static final int SILENT_RENEWALS = 3;

    private final NodeContext context;
    private final int node;
    private final Heard heard;
    /** Renewals without an answer: when each was sent. */
    private final TreeMap<Long, Long> renewals = new TreeMap<>();

    private final TreeMap<Long, PeerRequests.Result> requests = new TreeMap<>();
    private @Nullable Outgoing outgoing;
    private boolean connected;
    private boolean refused;
    private boolean closed;
    private String reason = "not connected yet";
    private long tag;
    private long seenSequence;
    private long heardNanos;

    /** Who wants to know what peers tell. */
    interface Heard {
        void granted(int node, long sentNanos, Grant grant);

        void lost(int node);
    }

    PeerConversation(NodeContext context, int node, Heard heard) {
        this.context = context;
        this.node = node;
        this.heard = heard;
    }

    int node() {
        return node;
    }

    boolean connected() {
        return connected;
    }

    /** Nobody listens there: its process is not running. */
    boolean refused() {
        return refused;
    }

    String reason() {
        return reason;
    }

    void connect() {
        if (closed) {
            return;
        }
        Hello hello = new Hello(
                context.identity.node(),
                context.session,
                context.newNonce(),
                Hello.Role.PEER,
                Hello.NONE,
                Hello.NONE,
                0,
                0,
                Hello.NONE);
        Outgoing fresh = new Outgoing(context, node, hello, this);
        outgoing = fresh;
        fresh.connect();
    }

    /** Called each second. */
    void renew() {
        Outgoing present = outgoing;
        if (!connected || present == null) {
            return;
        }
        long silence = NodeContext.nanos(context.settings.leases().renewMillis() * SILENT_RENEWALS);
        if (context.now() - heardNanos > silence) {
            present.close("no answer to renewals");
            ended(Status.UNAVAILABLE, "node " + node + " does not answer", false);
            return;
        }
        while (renewals.size() >= MAX_UNANSWERED) {
            renewals.pollFirstEntry();
        }
        renewals.put(++tag, context.now());
        context.writer.begin(FrameType.RENEW, tag).u64(seenSequence).send(present.stream());
    }

    /** Asks for something: {@code body} adds what belongs to the request. Answered within a bounded time. */
    void ask(FrameType type, long timeoutMillis, Consumer<FrameWriter> body, PeerRequests.Result result) {
        Outgoing present = outgoing;
        if (!connected || present == null) {
            context.clock.execute(() -> result.result(Status.UNAVAILABLE, "node " + node + ": " + reason));
            return;
        }
        long mine = ++tag;
        requests.put(mine, result);
        FrameWriter out = context.writer.begin(type, mine);
        body.accept(out);
        out.send(present.stream());
        context.afterMillis(timeoutMillis, () -> {
            PeerRequests.Result late = requests.remove(mine);
            if (late != null) {
                late.result(Status.UNAVAILABLE, "node " + node + " did not answer " + type + " in time");
            }
        });
    }

    @Override
    public void welcomed(FrameReader in) throws BadFrameException {
        in.end();
        connected = true;
        refused = false;
        reason = "";
        heardNanos = context.now();
        seenSequence = 0;
        renew();
    }

    @Override
    public void waits(long millis) {
        ended(Status.UNAVAILABLE, "asked to wait", false);
    }

    @Override
    public void frame(FrameReader in, @Nullable Buffer payload) throws BadFrameException {
        heardNanos = context.now();
        long answered = in.tag();
        if (in.type() == FrameType.GRANT) {
            Grant grant = Grant.read(in);
            Long sent = renewals.remove(answered);
            if (sent == null) {
                throw new BadFrameException("a grant that nobody asked for");
            }
            seenSequence = Math.max(seenSequence, grant.sequence());
            heard.granted(node, sent, grant);
        } else if (in.type() == FrameType.RESULT) {
            Status status = in.status();
            String text = in.text();
            in.end();
            PeerRequests.Result result = requests.remove(answered);
            if (result != null) {
                result.result(status, text);
            }
        } else {
            throw new BadFrameException(in.type() + " on a lease conversation");
        }
    }

    @Override
    public void ended(Status status, String why, boolean refusedNow) {
        connected = false;
        refused = refusedNow;
        reason = why;
        outgoing = null;
        renewals.clear();
        List<PeerRequests.Result> open = new ArrayList<>(requests.values());
        requests.clear();
        heard.lost(node);
        for (PeerRequests.Result result : open) {
            result.result(Status.UNAVAILABLE, "node " + node + ": " + why);
        }
        context.afterMillis(context.settings.failures().reconnectMillis(), this::connect);
    }

    void close() {
        closed = true;
        connected = false;
        reason = "this node shuts down";
        Outgoing present = outgoing;
        if (present != null) {
            present.close("this node shuts down");
        }
    }
}
