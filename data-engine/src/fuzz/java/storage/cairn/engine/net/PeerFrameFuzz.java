package storage.cairn.engine.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.fuzz.FuzzTarget;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.io.TestLoop;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.Frames;

/**
 * The bytes of a stream between engines, cut into frames. The first byte of an input says in which pieces they
 * arrive (its low four bits), whether the other end has proved nothing (32), and whether headers get right checksums
 * first (64), so that what they protect is reached.
 */
public final class PeerFrameFuzz implements FuzzTarget {
    private static final UUID CLUSTER = new UUID(1, 2);
    private static final int SEAL = 64;
    private static final int STRANGER = 32;
    private static final int MANY_TURNS = 1 << 16;

    private final TestLoop loop = new TestLoop(EngineLoop.Setting.POOL);
    private final Slab payloads = loop.engine.slab("payloads", new Slab.Sizes(4, 2, 2, 2));
    private final Slab heads = loop.engine.slab("heads", new Slab.Sizes(4, 1, 1, 1));
    private final ByteBuffer scratch = FrameCutter.newScratch();
    private final ByteBuf stage = Unpooled.directBuffer(FrameCutter.STAGE_BYTES, FrameCutter.STAGE_BYTES);
    private final FrameReader reader = new FrameReader(CLUSTER);
    private final Thread worker = loop.call(Thread::currentThread);

    @Override
    public Thread worker() {
        return worker;
    }

    @Override
    public void run(byte[] input) {
        if (input.length > 0) {
            loop.run(() -> cut(input));
        }
    }

    private void cut(byte[] input) {
        byte[] bytes = input.clone();
        if ((input[0] & SEAL) != 0) {
            seal(bytes);
        }
        ByteBuf wire = Unpooled.wrappedBuffer(bytes, 1, bytes.length - 1);
        int piece = 1 << (input[0] & 15);
        Frame sink = new Frame();
        FrameCutter cutter =
                new FrameCutter(Frames.FRAMING, payloads, heads, loop.engine.views(), stage, scratch, sink);
        if ((input[0] & STRANGER) == 0) {
            cutter.trust();
        }
        try {
            for (int turns = 0; wire.isReadable(); turns++) {
                ByteBuf target = cutter.nextTarget();
                int length = Math.min(Math.min(target.writableBytes(), wire.readableBytes()), piece);
                if (length == 0 || turns > MANY_TURNS) {
                    target.release();
                    throw new AssertionError("no room to receive " + wire.readableBytes() + " bytes");
                }
                target.writeBytes(wire, length);
                cutter.received(target);
                cutter.cut();
            }
        } catch (BadFrameException refused) {
            require(refused.getMessage() != null, "a refusal without a reason");
        } finally {
            cutter.drop();
        }
        require(stage.refCnt() == 1, "the stage is still held");
        require(payloads.outBytes() == 0 && heads.outBytes() == 0, "memory was not given back");
        require(loop.engine.views().lent() == 0, "a view was not given back");
    }

    /** Makes each header, as far as one follows the other, right in its checksum. */
    private static void seal(byte[] bytes) {
        ByteBuffer all = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        long at = 1;
        while (at + Frames.HEADER_BYTES <= bytes.length) {
            int header = (int) at;
            all.putInt(header, 0x464e5243);
            all.put(header + 4, (byte) Frames.VERSION);
            all.putLong(header + 16, CLUSTER.getMostSignificantBits());
            all.putLong(header + 24, CLUSTER.getLeastSignificantBits());
            int body = all.getInt(header + 32);
            if (body >= 0 && body <= bytes.length - header - Frames.HEADER_BYTES) {
                all.putInt(header + 40, body == 0 ? 0 : Crc32c.of(all, header + Frames.HEADER_BYTES, body));
            }
            all.putInt(header + 44, Crc32c.of(all, header, 44));
            at += Frames.HEADER_BYTES + (body & 0xffffffffL) + (all.getInt(header + 36) & 0xffffffffL);
        }
    }

    static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    @Override
    public void close() {
        stage.release();
        loop.close();
    }

    @Override
    public List<byte[]> seeds() {
        return List.of(frame(63, 17, 0, 0), frame(64 + 15, 34, 60, 4096), frame(64 + 5, 33, 20_000, 0));
    }

    private static byte[] frame(int first, int type, int body, int payload) {
        ByteBuffer frame = ByteBuffer.allocate(1 + 2 * (Frames.HEADER_BYTES + body + payload))
                .order(ByteOrder.LITTLE_ENDIAN);
        frame.put((byte) first);
        for (int i = 0; i < 2; i++) {
            int at = frame.position();
            frame.put(at + 5, (byte) type).putInt(at + 32, body).putInt(at + 36, payload);
            frame.position(at + Frames.HEADER_BYTES + body + payload);
        }
        seal(frame.array());
        return frame.array();
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // The input twice, an exception with its trace, and a little for each frame.
        return (64 << 10) + 64L * inputBytes;
    }

    private final class Frame implements FrameCutter.Sink {
        private @Nullable BufferPool starvedOf;

        @Override
        public void frame(ByteBuffer head, @Nullable Buffer payload) {
            try {
                reader.open(head, payload);
                reader.tag();
                reader.status();
            } catch (BadFrameException refused) {
                require(refused.getMessage() != null, "a refusal without a reason");
            }
        }

        @Override
        public boolean stopped() {
            return starvedOf != null;
        }

        @Override
        public void starved(BufferPool pool) {
            throw new AssertionError("one stream took more memory than one frame needs");
        }
    }
}
