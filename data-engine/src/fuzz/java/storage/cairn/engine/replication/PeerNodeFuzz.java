package storage.cairn.engine.replication;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.fuzz.FuzzTarget;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.protocol.Authentication;
import storage.cairn.engine.protocol.Challenge;
import storage.cairn.engine.protocol.Configurations;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.protocol.FrameWriter;
import storage.cairn.engine.protocol.Frames;
import storage.cairn.engine.protocol.Held;
import storage.cairn.engine.protocol.Hello;
import storage.cairn.engine.sim.SimBuffers;

/**
 * What another engine says to this one, frame after frame, on a stream of any kind.
 *
 * <p>The first byte of an input: 0 proves nothing, 1 opens a lease conversation, 2 a replica stream of the owner, both
 * with the right secret. Then come frames: {@code u8 type, u8 flags and blocks of payload, u16 length, body}; headers
 * and checksums are made right. Flag 16 puts the right checksums of the payload at the body's end, flag 32 lets time
 * pass before it.
 */
public final class PeerNodeFuzz implements FuzzTarget {
    private static final int MOST_FRAMES = 64;
    private static final int BLOCKS = 7;
    private static final int CRCS = 16;
    private static final int WAIT = 32;
    private static final FrameType[] TYPES = FrameType.values();
    private static final UUID SESSION = new UUID(0x5e, 1);

    private final FrameWriter writer = new FrameWriter(FuzzNode.CLUSTER);
    private final FrameReader reader = new FrameReader(FuzzNode.CLUSTER);
    private final Authentication authentication = new Authentication(FuzzNode.SECRET, FuzzNode.CLUSTER);

    @Override
    public void run(byte[] input) throws Exception {
        if (input.length == 0) {
            return;
        }
        // Its own: what a broken input leaves behind is not to be told of the next one.
        SimBuffers pool = FuzzNode.newPool();
        FuzzNode node = new FuzzNode(2, pool);
        FuzzNode.Link link = node.accept();
        int role = input[0] % 3;
        if (role != 0) {
            prove(node, link, role == 1 ? Hello.Role.PEER : Hello.Role.REPLICA);
        }
        ByteBuffer in = ByteBuffer.wrap(input, 1, input.length - 1).order(ByteOrder.LITTLE_ENDIAN);
        for (int left = MOST_FRAMES; left > 0 && in.remaining() >= 4; left--) {
            send(node, link, in);
        }
        node.runMillis(50);
        for (byte[] sent : link.sent) {
            reader.open(ByteBuffer.wrap(withoutPayload(sent)), null);
        }
        if (link.trusted != (role != 0)) {
            throw new AssertionError("trusted: " + link.trusted + ", in role " + role);
        }
        link.end();
        node.runMillis(20);
        if (pool.outBytes() != 0) {
            throw new AssertionError(pool.outBytes() + " bytes were not given back");
        }
    }

    /** The reader wants to see the payload that a frame announces; here only its head counts. */
    private static byte[] withoutPayload(byte[] frame) {
        byte[] copy = frame.clone();
        ByteBuffer header = ByteBuffer.wrap(copy).order(ByteOrder.LITTLE_ENDIAN);
        header.putInt(36, 0);
        header.putInt(44, storage.cairn.engine.port.Crc32c.of(header, 0, 44));
        return copy;
    }

    private Hello hello(Hello.Role role) {
        boolean replica = role == Hello.Role.REPLICA;
        return new Hello(
                2,
                SESSION,
                new byte[Authentication.NONCE_BYTES],
                role,
                replica ? FuzzNode.VOLUME.uuid() : Hello.NONE,
                replica ? FuzzNode.DISK.uuid() : Hello.NONE,
                1,
                FuzzNode.EPOCH,
                FuzzNode.INCARNATION);
    }

    private void prove(FuzzNode node, FuzzNode.Link link, Hello.Role role) throws BadFrameException {
        Hello hello = hello(role);
        link.receive(frame(hello::write), null);
        reader.open(ByteBuffer.wrap(link.sent.getLast()), null);
        Challenge challenge = Challenge.read(reader);
        byte[] proof = authentication.ofClient(hello, challenge);
        link.receive(frame(out -> out.begin(FrameType.PROOF, 0).bytes(proof)), null);
        node.runMillis(5);
        if (link.closed) {
            throw new AssertionError("the engine refuses its owner");
        }
    }

    private byte[] frame(Consumer<FrameWriter> body) {
        FuzzNode.Link written = new FuzzNode.Link();
        body.accept(writer);
        writer.send(written);
        return written.sent.getFirst();
    }

    private void send(FuzzNode node, FuzzNode.Link link, ByteBuffer in) {
        FrameType type = TYPES[(in.get() & 0xff) % TYPES.length];
        int flags = in.get();
        int length = Math.min(in.getShort() & 0xffff, Math.min(in.remaining(), Frames.MAX_BODY_BYTES - 4 * BLOCKS));
        byte[] body = new byte[length];
        in.get(body);
        int blocks = type.mayCarryPayload() ? flags & BLOCKS : 0;
        Buffer payload = blocks == 0 ? null : node.payload(blocks);
        if (payload != null) {
            payload.bytes().putLong(0, length);
            payload.seal(0, blocks);
        }
        if ((flags & WAIT) != 0) {
            node.runMillis(2);
        }
        byte[] frame = sealed(type, flags, body, payload, blocks);
        link.receive(frame, payload);
        if (payload != null) {
            payload.release();
        }
    }

    private byte[] sealed(FrameType type, int flags, byte[] body, @Nullable Buffer payload, int blocks) {
        FuzzNode.Link written = new FuzzNode.Link();
        writer.begin(type, 7).bytes(body);
        if (payload != null && (flags & CRCS) != 0) {
            writer.crcs(payload, 0, blocks);
        }
        writer.send(written, payload, 0, blocks * 4096);
        return written.sent.getFirst();
    }

    @Override
    public List<byte[]> seeds() {
        List<byte[]> epochSet = new ArrayList<>();
        epochSet.add(entry(FrameType.EPOCH_SET, 0, out -> {
            out.u64(0);
            Configurations.write(out, FuzzNode.configuration());
        }));
        List<byte[]> seeds = new ArrayList<>();
        seeds.add(input(
                0,
                List.of(entry(FrameType.HELLO, 0, out -> hello(Hello.Role.PEER).write(out)))));
        seeds.add(input(1, peerFrames()));
        for (byte[] operation : operations()) {
            seeds.add(input(2, List.of(epochSet.getFirst(), operation)));
        }
        List<byte[]> all = new ArrayList<>(epochSet);
        all.addAll(operations());
        seeds.add(input(2, all));
        return seeds;
    }

    private List<byte[]> peerFrames() {
        return List.of(
                entry(FrameType.RENEW, 0, out -> out.u64(0)),
                entry(FrameType.ASK_OWNER, 0, out -> out.id(FuzzNode.VOLUME.uuid())),
                entry(
                        FrameType.ASK_LEASE,
                        0,
                        out -> out.id(FuzzNode.VOLUME.uuid()).id(FuzzNode.DISK.uuid())),
                entry(
                        FrameType.RELEASE_VOLUME,
                        0,
                        out -> out.id(FuzzNode.VOLUME.uuid()).flag(true)),
                entry(
                        FrameType.TAKE_VOLUME,
                        0,
                        out -> out.id(FuzzNode.VOLUME.uuid()).id(SESSION)),
                entry(FrameType.CREATE_REPLICA, 0, out -> {
                    out.id(FuzzNode.DISK.uuid());
                    Configurations.write(out, FuzzNode.configuration());
                }),
                entry(FrameType.RELEASE, WAIT, out -> out.id(SESSION)));
    }

    private List<byte[]> operations() {
        long epoch = FuzzNode.EPOCH;
        return List.of(
                entry(
                        FrameType.WRITE,
                        WAIT | CRCS | 2,
                        out -> numbers(out, epoch, 70_000, 0, 4).u32(2)),
                entry(
                        FrameType.ZERO,
                        0,
                        out -> numbers(out, epoch, 70_001, 70_000, 5).u32(9).flag(true)),
                entry(FrameType.RESIZE, 0, out -> numbers(out, epoch, 70_002, 70_000, 4_096)),
                entry(FrameType.COMMIT, WAIT, out -> out.u64(70_002)),
                entry(FrameType.READ, WAIT, out -> out.u64(4).u32(3)),
                entry(FrameType.CREDITS, 0, out -> out.u64(epoch).u32(100)),
                entry(FrameType.RESERVE, 0, out -> out.u64(epoch).u64(4).u32(8)),
                entry(FrameType.BLOCK_STATES, 0, out -> out.u64(0).u32(512)),
                entry(FrameType.RESYNC_LIST, 0, out -> out.u64(0).u64(0).u32(64)),
                entry(FrameType.CRC_LIST, 0, out -> out.u64(0)),
                entry(FrameType.VERIFY, 0, out -> out.u64(0)),
                entry(
                        FrameType.REPAIR,
                        WAIT | CRCS | 1,
                        out -> out.u64(epoch).u64(4).u32(1)),
                entry(
                        FrameType.RESYNC_WRITE,
                        WAIT,
                        out -> out.u64(epoch)
                                .u64(256)
                                .u64(9)
                                .u32(2)
                                .u8(0)
                                .u8(1)
                                .u32(0)
                                .u32(0)
                                .u32(1)
                                .u32(2)),
                entry(FrameType.ROLL_FORWARD, CRCS | 1, out -> {
                    out.u64(epoch).u64(0);
                    new Held(4, 69_000, 0, 12, 1).write(out);
                }),
                entry(FrameType.PING, 0, out -> {}),
                entry(FrameType.RELEASE, WAIT, out -> out.id(FuzzNode.INCARNATION)));
    }

    private static FrameWriter numbers(FrameWriter out, long epoch, long wseq, long commitSeq, long block) {
        return out.u64(epoch).u64(wseq).u64(commitSeq).u64(block);
    }

    private byte[] entry(FrameType type, int flags, Consumer<FrameWriter> fields) {
        byte[] frame = frame(out -> fields.accept(out.begin(type, 0)));
        byte[] body = Arrays.copyOfRange(frame, Frames.HEADER_BYTES, frame.length);
        return ByteBuffer.allocate(4 + body.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put((byte) type.ordinal())
                .put((byte) flags)
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
        // A whole engine, a few blocks of memory disk, and lists of up to 8,192 states for each frame.
        return (8L << 20) + 4_096L * inputBytes;
    }
}
