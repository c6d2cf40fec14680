package storage.cairn.engine.replication;

import static storage.cairn.engine.replication.PeerAnswersFuzz.require;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.protocol.Grant;
import storage.cairn.engine.protocol.Hello;
import storage.cairn.engine.protocol.ReplicaReport;
import storage.cairn.engine.sim.Faults;
import storage.cairn.engine.sim.SimBuffers;
import storage.cairn.engine.sim.SimClock;
import storage.cairn.engine.sim.SimConfigStore;
import storage.cairn.engine.sim.SimProcess;
import storage.cairn.engine.sim.SimRandom;
import storage.cairn.engine.sim.Trace;
import storage.cairn.engine.store.Replica;

/** The asking end of one stream: a question of every kind, and what an answer to it has to be like. */
final class Asking implements ReplicaLink.Events, PeerConversation.Heard, AutoCloseable {
    static final int READ_BLOCKS = 4;
    static final int STATES = 300;
    static final int FIRST_EXTENT = 7;
    /** The conversation's first number; two requests follow. */
    static final int FIRST_RENEWAL = 1;

    private static final int NODE = 2;
    private static final int MOST_EXTENTS = 64;
    private static final int TIMEOUT_MILLIS = 1_000;
    private static final DiskId REMOTE = new DiskId(new UUID(0xd1, 2));

    private final SimBuffers pool;
    private final SimClock clock = new SimClock();
    private final NodeContext context;
    private final List<FuzzNode.Link> links = new ArrayList<>();
    private final List<Integer> answers = new ArrayList<>();
    private final @Nullable PeerConversation conversation;
    private final @Nullable RemoteLink replica;

    Asking(SimBuffers pool, boolean peer) {
        this.pool = pool;
        SimProcess process = new SimProcess(clock, 0);
        SimRandom random = new SimRandom(1);
        this.context = new NodeContext(
                new NodeIdentity(1, FuzzNode.CLUSTER, FuzzNode.SECRET, List.of(1, NODE)),
                NodeSettings.DEFAULTS,
                process,
                random,
                new Connects(),
                new SimConfigStore(clock, random, Faults.none(), Trace.hashing()).open(1, process),
                new NodeBuffers(pool, pool, pool),
                Log.SILENT);
        if (peer) {
            replica = null;
            conversation = new PeerConversation(context, NODE, this);
            conversation.connect();
        } else {
            conversation = null;
            Hello hello = new Hello(
                    1,
                    context.session,
                    context.newNonce(),
                    Hello.Role.REPLICA,
                    FuzzNode.VOLUME.uuid(),
                    REMOTE.uuid(),
                    1,
                    FuzzNode.EPOCH,
                    FuzzNode.INCARNATION);
            replica = new RemoteLink(context, NODE, hello, this);
            replica.open();
        }
        runMillis(1);
    }

    FuzzNode.Link link() {
        return links.getFirst();
    }

    void runMillis(long millis) {
        clock.runUntil(clock.nanos() + millis * 1_000_000);
    }

    Buffer payload(int blocks) {
        Buffer payload = acquired(blocks);
        payload.bytes().putLong(0, blocks);
        payload.seal(0, blocks);
        return payload;
    }

    private Buffer acquired(int blocks) {
        Buffer buffer = pool.acquire(blocks * 4096);
        if (buffer == null) {
            throw new IllegalStateException("no memory");
        }
        return buffer;
    }

    /** What a question is known by on the wire; a number of no question where there is none. */
    long tag(int question) {
        return replica != null && question < answers.size() ? (question + 1L) << 20 | question : question;
    }

    void ask() {
        PeerConversation asked = conversation;
        if (asked != null) {
            for (FrameType type : List.of(FrameType.ASK_OWNER, FrameType.CREATE_REPLICA)) {
                int question = question();
                asked.ask(
                        type,
                        TIMEOUT_MILLIS,
                        out -> out.id(FuzzNode.VOLUME.uuid()),
                        (status, text) -> answered(question));
            }
        }
        RemoteLink link = replica;
        if (link != null) {
            askReplica(link);
        }
    }

    private void askReplica(RemoteLink link) {
        long epoch = FuzzNode.EPOCH;
        long block = FIRST_EXTENT * (long) Replica.EXTENT_BLOCKS;
        int first = question();
        link.epochSet(FuzzNode.configuration(), 0, (status, report) -> {
            require((status == Status.OK) == (report != null), "a report goes with OK");
            answered(first);
        });
        Buffer into = acquired(READ_BLOCKS);
        int read = question();
        link.read(
                block,
                READ_BLOCKS,
                into,
                0,
                (tag, status) -> {
                    require(status != Status.OK || into.firstMismatch(0, READ_BLOCKS) < 0, "OK with other bytes");
                    into.release();
                    answered(read);
                },
                0);
        int credits = question();
        link.credits(epoch, 64, (of, granted) -> answered(credits));
        link.reserve(epoch, block, READ_BLOCKS, done(), 0);
        int states = question();
        link.blockStates(block, STATES, (tag, status, list) -> {
            require(list.size() <= STATES, list.size() + " states of " + STATES + " blocks");
            answered(states);
        });
        int changed = question();
        link.changedExtents(3, FIRST_EXTENT, MOST_EXTENTS, (tag, status, extents) -> {
            require(extents.length <= MOST_EXTENTS, extents.length + " extents, asked for were " + MOST_EXTENTS);
            rising(extents, FIRST_EXTENT, Long.MAX_VALUE / Replica.EXTENT_BLOCKS);
            answered(changed);
        });
        int described = question();
        link.describe(FIRST_EXTENT, (tag, status, content) -> {
            require(content == null || content.states().length == Replica.EXTENT_BLOCKS, "a part of an extent");
            answered(described);
        });
        int verified = question();
        link.verify(FIRST_EXTENT, (tag, status, bad) -> {
            rising(bad, block, block + Replica.EXTENT_BLOCKS);
            answered(verified);
        });
        Buffer data = payload(1);
        link.repair(epoch, block, 1, data, 0, done());
        Replica.TailEntry entry = new Replica.TailEntry(4, 70_001, Replica.Kind.WRITE, block, 1);
        link.rollForward(epoch, entry, 0, data, 0, done(), 0);
        data.release();
        link.release(FuzzNode.INCARNATION, done());
        require(link.outstanding() == answers.size(), "questions under way are miscounted");
    }

    private static void rising(long[] numbers, long from, long end) {
        long least = from;
        for (long number : numbers) {
            require(number >= least && number < end, number + " where at least " + least + " was to come");
            least = number + 1;
        }
    }

    private Replica.Done done() {
        int question = question();
        return (tag, status) -> answered(question);
    }

    private int question() {
        answers.add(0);
        return answers.size() - 1;
    }

    private void answered(int question) {
        require(answers.set(question, 1) == 0, "question " + question + " is answered twice");
    }

    /** The stream ends: what was asked on it has an answer now. */
    void end() {
        runMillis(2);
        link().end();
        runMillis(2);
        require(!answers.contains(0), "a question has no answer: " + answers);
        RemoteLink link = replica;
        require(link == null || (link.outstanding() == 0 && link.queuedBytes() >= 0), "something is still under way");
    }

    @Override
    public void welcomed(ReplicaReport report) {
        require(report.tail().size() <= Replica.MAX_TAIL, "a tail beyond its bound");
    }

    @Override
    public void waits(long millis) {
        require(millis >= 0 && millis <= 60_000, "a wait of " + millis + " ms");
    }

    @Override
    public void leaving() {}

    @Override
    public void ended(Status status, String reason, boolean refused) {
        require(status != Status.OK && !reason.isBlank(), "ended without a reason");
    }

    @Override
    public void granted(int node, long sentNanos, Grant grant) {
        require(node == NODE && sentNanos <= context.now(), "a grant from the future");
    }

    @Override
    public void lost(int node) {
        require(node == NODE, "another node was lost");
    }

    @Override
    public void close() {
        if (conversation != null) {
            conversation.close();
        }
        if (replica != null) {
            replica.close("over");
        }
    }

    /** The first stream is the input's; what is opened after it hears nothing. */
    private final class Connects implements Network {
        @Override
        public Stream connect(int number, Listener listener) {
            FuzzNode.Link link = new FuzzNode.Link();
            link.listener = listener;
            links.add(link);
            context.clock.execute(() -> listener.opened(link));
            return link;
        }

        @Override
        public void accept(Acceptor acceptor) {
            throw new IllegalStateException("only asks");
        }
    }
}
