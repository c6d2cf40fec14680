package storage.cairn.engine.replication;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import storage.cairn.engine.fuzz.FuzzTarget;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.Authentication;
import storage.cairn.engine.protocol.Challenge;
import storage.cairn.engine.protocol.ExtentMap;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.protocol.FrameWriter;
import storage.cairn.engine.protocol.Frames;
import storage.cairn.engine.protocol.Grant;
import storage.cairn.engine.protocol.Held;
import storage.cairn.engine.protocol.Hello;
import storage.cairn.engine.protocol.ReplicaReport;
import storage.cairn.engine.sim.SimBuffers;

/**
 * What another engine answers to this one, on streams that this one opened: every question is answered once, with what
 * fits it, or the stream ends.
 *
 * <p>The first byte of an input: 0 leaves the handshake to the input, 1 is a lease conversation, 2 a replica stream,
 * both after a proof by the right secret. Then come frames: {@code u8 type, u8 flags and blocks of payload, u8 which
 * question, u8 status, u16 length, body}; headers and checksums are made right. Flag 16 puts the right checksums of the
 * payload at the body's end, flag 32 lets time pass before it.
 */
public final class PeerAnswersFuzz implements FuzzTarget {
    private static final int PEER = 2;
    private static final int MOST_FRAMES = 64;
    private static final int BLOCKS = 7;
    private static final int CRCS = 16;
    private static final int WAIT = 32;
    private static final int ENTRY_BYTES = 6;
    private static final FrameType[] TYPES = FrameType.values();
    private static final Status[] STATUSES = Status.values();
    private static final UUID SESSION = new UUID(0x5e, 2);

    private final FrameWriter writer = new FrameWriter(FuzzNode.CLUSTER);
    private final FrameReader reader = new FrameReader(FuzzNode.CLUSTER);
    private final Authentication authentication = new Authentication(FuzzNode.SECRET, FuzzNode.CLUSTER);

    @Override
    public void run(byte[] input) throws Exception {
        if (input.length == 0) {
            return;
        }
        int role = (input[0] & 0xff) % 3;
        SimBuffers pool = FuzzNode.newPool();
        try (Asking asking = new Asking(pool, role == 1)) {
            if (role != 0) {
                prove(asking);
                asking.ask();
            }
            ByteBuffer in = ByteBuffer.wrap(input, 1, input.length - 1).order(ByteOrder.LITTLE_ENDIAN);
            for (int left = MOST_FRAMES; left > 0 && in.remaining() >= ENTRY_BYTES; left--) {
                send(asking, in);
            }
            asking.end();
        }
        require(pool.outBytes() == 0, pool.outBytes() + " bytes were not given back");
    }

    static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    private void prove(Asking asking) throws BadFrameException {
        reader.open(ByteBuffer.wrap(asking.link().sent.getLast()), null);
        Hello hello = Hello.read(reader);
        Challenge challenge = new Challenge(PEER, SESSION, new byte[Authentication.NONCE_BYTES]);
        byte[] proof = authentication.ofServer(hello, challenge);
        asking.link().receive(frame(out -> challenge.write(out, proof)), null);
        asking.link().receive(frame(out -> welcome(out, hello)), null);
        require(!asking.link().closed, "the engine refuses who proves to know the secret");
    }

    private static void welcome(FrameWriter out, Hello hello) {
        if (hello.role() == Hello.Role.PEER) {
            out.begin(FrameType.WELCOME, 0);
        } else {
            report().write(out, FrameType.WELCOME, 0);
        }
    }

    private static ReplicaReport report() {
        return new ReplicaReport(
                1, false, FuzzNode.configuration(), 69_990, 70_001, List.of(new Held(4, 70_001, 0, 12, 1)));
    }

    private byte[] frame(Consumer<FrameWriter> body) {
        FuzzNode.Link written = new FuzzNode.Link();
        body.accept(writer);
        writer.send(written);
        return written.sent.getFirst();
    }

    private void send(Asking asking, ByteBuffer in) {
        FrameType type = TYPES[(in.get() & 0xff) % TYPES.length];
        int flags = in.get();
        long tag = asking.tag(in.get() & 0xff);
        Status status = STATUSES[(in.get() & 0xff) % STATUSES.length];
        int length = Math.min(in.getShort() & 0xffff, Math.min(in.remaining(), Frames.MAX_BODY_BYTES - 4 * BLOCKS));
        byte[] body = new byte[length];
        in.get(body);
        int blocks = type.mayCarryPayload() ? flags & BLOCKS : 0;
        Buffer payload = blocks == 0 ? null : asking.payload(blocks);
        if ((flags & WAIT) != 0) {
            asking.runMillis(2);
        }
        FuzzNode.Link written = new FuzzNode.Link();
        writer.begin(type, status, tag).bytes(body);
        if (payload != null && (flags & CRCS) != 0) {
            writer.crcs(payload, 0, blocks);
        }
        writer.send(written, payload, 0, blocks * 4096);
        asking.link().receive(written.sent.getFirst(), payload);
        if (payload != null) {
            payload.release();
        }
    }

    @Override
    public List<byte[]> seeds() {
        List<byte[]> seeds = new ArrayList<>();
        seeds.add(input(
                0,
                List.of(
                        entry(
                                FrameType.CHALLENGE,
                                0,
                                0,
                                Status.OK,
                                out -> new Challenge(PEER, SESSION, new byte[Authentication.NONCE_BYTES])
                                        .write(out, new byte[Authentication.PROOF_BYTES])),
                        entry(FrameType.REFUSED, 0, 0, Status.STALE_EPOCH, out -> out.text("no")))));
        seeds.add(input(1, peerAnswers()));
        List<byte[]> answers = replicaAnswers();
        answers.forEach(answer -> seeds.add(input(2, List.of(answer))));
        seeds.add(input(2, answers));
        return seeds;
    }

    private List<byte[]> peerAnswers() {
        Grant grant = new Grant(
                3,
                true,
                List.of(new Grant.Disk(FuzzNode.DISK.uuid(), 1, 100, 50, 1, "")),
                List.of(new Grant.Exception(FuzzNode.VOLUME.uuid(), FuzzNode.DISK.uuid(), 5)));
        return List.of(
                entry(FrameType.GRANT, 0, Asking.FIRST_RENEWAL, Status.OK, out -> grant.write(out, 0)),
                entry(FrameType.RESULT, 0, Asking.FIRST_RENEWAL + 1, Status.OK, out -> out.text("")),
                entry(FrameType.RESULT, WAIT, Asking.FIRST_RENEWAL + 2, Status.NO_SPACE, out -> out.text("full")));
    }

    /** In the order of the questions. */
    private List<byte[]> replicaAnswers() {
        byte[] states = new byte[Asking.STATES];
        int blocks = ExtentMap.MAX_BLOCKS;
        ExtentMap map = new ExtentMap(new byte[blocks], new int[blocks], new int[blocks], 9);
        return List.of(
                entry(FrameType.EPOCH_STATE, 0, 0, Status.OK, out -> report().write(out, FrameType.EPOCH_STATE, 0)),
                entry(
                        FrameType.DATA,
                        WAIT | CRCS | Asking.READ_BLOCKS,
                        1,
                        Status.OK,
                        out -> out.u32(Asking.READ_BLOCKS)),
                entry(
                        FrameType.CREDITS_GRANTED,
                        0,
                        2,
                        Status.OK,
                        out -> out.u64(FuzzNode.EPOCH).u32(64)),
                entry(FrameType.NAK, 0, 3, Status.NO_SPACE, out -> {}),
                entry(
                        FrameType.STATES,
                        0,
                        4,
                        Status.OK,
                        out -> out.u32(states.length).bytes(states)),
                entry(
                        FrameType.EXTENTS,
                        0,
                        5,
                        Status.OK,
                        out -> out.u32(2).u64(Asking.FIRST_EXTENT).u64(Asking.FIRST_EXTENT + 2)),
                entry(FrameType.CRCS, 0, 6, Status.OK, map::write),
                entry(
                        FrameType.VERIFIED,
                        0,
                        7,
                        Status.OK,
                        out -> out.u32(1).u64(Asking.FIRST_EXTENT * ExtentMap.MAX_BLOCKS + 3)),
                entry(FrameType.ACK, 0, 8, Status.OK, out -> {}),
                entry(FrameType.NAK, 0, 9, Status.CORRUPT, out -> {}),
                entry(FrameType.ACK, 0, 10, Status.OK, out -> {}),
                entry(FrameType.PONG, 0, 0, Status.OK, out -> {}),
                entry(FrameType.LEAVING, 0, 0, Status.OK, out -> {}));
    }

    private byte[] entry(FrameType type, int flags, int question, Status status, Consumer<FrameWriter> fields) {
        byte[] frame = frame(out -> fields.accept(out.begin(type, 0)));
        byte[] body = Arrays.copyOfRange(frame, Frames.HEADER_BYTES, frame.length);
        return ByteBuffer.allocate(ENTRY_BYTES + body.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) type.ordinal())
                .put((byte) flags)
                .put((byte) question)
                .put((byte) status.ordinal())
                .putShort((short) body.length)
                .put(body)
                .array();
    }

    private static byte[] input(int role, List<byte[]> entries) {
        int length = entries.stream().mapToInt(entry -> entry.length).sum();
        ByteBuffer input = ByteBuffer.allocate(1 + length).put((byte) role);
        entries.forEach(input::put);
        return input.array();
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // A clock, the questions' buffers, and lists that are longer in memory than on the wire.
        return (2L << 20) + 256L * inputBytes;
    }
}
