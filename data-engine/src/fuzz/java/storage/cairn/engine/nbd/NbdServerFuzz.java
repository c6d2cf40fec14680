package storage.cairn.engine.nbd;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.ReferenceCountUtil;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import storage.cairn.engine.fuzz.FuzzTarget;

/**
 * What a client of the NBD server sends, from the first byte on. The first byte of an input says in which pieces it
 * arrives (a power of two) and whether an export is open already (128), so that commands are reached soon.
 */
public final class NbdServerFuzz implements FuzzTarget {
    private static final int SIZE = 4 << 20;
    private static final int OPEN = 128;
    private static final int MANY_TURNS = 4_096;
    private static final byte[] NAME = TestServer.NAME.getBytes(StandardCharsets.UTF_8);

    private final TestServer server = new TestServer(false, SIZE, TestServer.settings());
    private final Thread worker = server.loop.call(Thread::currentThread);

    @Override
    public Thread worker() {
        return worker;
    }

    @Override
    public void run(byte[] input) throws Exception {
        if (input.length == 0) {
            return;
        }
        EmbeddedChannel channel = server.loop.call(this::connect);
        ByteBuf wire = Unpooled.buffer();
        if ((input[0] & OPEN) != 0) {
            wire.writeBytes(negotiation(NbdWire.OPT_GO, (input[0] & 64) != 0));
        }
        wire.writeBytes(input, 1, input.length - 1);
        int piece = 1 << (input[0] & 15);
        for (int turns = 0; turns < MANY_TURNS && server.loop.call(() -> receive(channel, wire, piece)); turns++) {}
        server.loop.call(() -> {
            NbdServer.close(channel);
            release(channel);
            return 0;
        });
        Awaitility.await()
                .pollDelay(0, TimeUnit.MILLISECONDS)
                .pollInterval(1, TimeUnit.MILLISECONDS)
                .atMost(10, TimeUnit.SECONDS)
                .until(() -> server.loop.call(this::atRest));
        if (!server.defects.isEmpty()) {
            Throwable defect = server.defects.getFirst();
            server.defects.clear();
            throw new AssertionError("the server failed inside", defect);
        }
    }

    private EmbeddedChannel connect() {
        return new EmbeddedChannel(new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                server.server.accepted(channel);
            }
        });
    }

    /** Plays the socket for one turn of the loop; false when the client is done or the server has closed. */
    @SuppressWarnings("deprecation") // Netty's own way to ask a channel where it reads to.
    private boolean receive(EmbeddedChannel channel, ByteBuf wire, int piece) {
        RecvByteBufAllocator.Handle handle =
                channel.config().getRecvByteBufAllocator().newHandle();
        boolean any = false;
        for (int reads = 0;
                reads < 16 && channel.isOpen() && channel.config().isAutoRead() && wire.isReadable();
                reads++) {
            ByteBuf target = handle.allocate(channel.alloc());
            int length = Math.min(Math.min(target.writableBytes(), wire.readableBytes()), piece);
            if (length == 0) {
                target.release();
                throw new AssertionError("the server reads on and has no room");
            }
            target.writeBytes(wire, length);
            channel.pipeline().fireChannelRead(target);
            any = true;
        }
        if (any) {
            channel.pipeline().fireChannelReadComplete();
        }
        release(channel);
        return channel.isOpen() && wire.isReadable();
    }

    private static void release(EmbeddedChannel channel) {
        for (Object message = channel.readOutbound(); message != null; message = channel.readOutbound()) {
            ReferenceCountUtil.release(message);
        }
        channel.runPendingTasks();
    }

    private boolean atRest() {
        return server.volume.outstanding == 0
                && server.volume.open == 0
                && server.pool.outBytes() == 0
                && server.loop.views().lent() == 0
                && server.server.metrics().heldBytes() == 0
                && server.server.metrics().connections() == 0;
    }

    private static byte[] negotiation(int last, boolean structured) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(3);
        if (structured) {
            option(out, NbdWire.OPT_STRUCTURED_REPLY, new byte[0]);
            option(
                    out,
                    NbdWire.OPT_SET_META_CONTEXT,
                    WireClient.contextData(TestServer.NAME, "base:allocation", "x:y"));
        }
        option(out, last, last == NbdWire.OPT_EXPORT_NAME ? NAME : WireClient.infoData(TestServer.NAME, 0, 1, 2, 3));
        return bytes.toByteArray();
    }

    private static void option(DataOutputStream out, int option, byte[] data) throws IOException {
        out.writeLong(NbdWire.IHAVEOPT);
        out.writeInt(option);
        out.writeInt(data.length);
        out.write(data);
    }

    private static void command(DataOutputStream out, int flags, int type, long offset, int length) throws IOException {
        out.writeInt(NbdWire.REQUEST_MAGIC);
        out.writeShort(flags);
        out.writeShort(type);
        out.writeLong(type);
        out.writeLong(offset);
        out.writeInt(length);
        if (type == NbdWire.CMD_WRITE) {
            out.write(new byte[length]);
        }
    }

    @Override
    public void close() {
        try {
            server.stop();
        } catch (Exception e) {
            throw new IllegalStateException("the server does not stop", e);
        }
    }

    @Override
    public List<byte[]> seeds() throws IOException {
        List<byte[]> seeds = new ArrayList<>();
        for (int last : new int[] {NbdWire.OPT_GO, NbdWire.OPT_INFO, NbdWire.OPT_EXPORT_NAME, NbdWire.OPT_LIST}) {
            seeds.add(input(12, negotiation(last, last != NbdWire.OPT_LIST), commands()));
        }
        seeds.add(input(OPEN | 10, new byte[0], commands()));
        seeds.add(input(OPEN | 64 | 10, new byte[0], commands()));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        out.writeInt(1);
        option(out, NbdWire.OPT_STARTTLS, new byte[0]);
        option(out, NbdWire.OPT_LIST, new byte[0]);
        option(out, NbdWire.OPT_LIST_META_CONTEXT, WireClient.contextData(TestServer.NAME, "base:"));
        option(out, 42, new byte[20]);
        option(out, NbdWire.OPT_ABORT, new byte[0]);
        seeds.add(input(7, bytes.toByteArray(), new byte[0]));
        return seeds;
    }

    private static byte[] commands() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        command(out, 0, NbdWire.CMD_WRITE, 4096, 4096);
        command(out, 1, NbdWire.CMD_WRITE, 100, 20);
        command(out, 0, NbdWire.CMD_READ, 0, 8192);
        command(out, 0, NbdWire.CMD_FLUSH, 0, 0);
        command(out, 0, NbdWire.CMD_TRIM, 8192, 65_536);
        command(out, 2, NbdWire.CMD_WRITE_ZEROES, 1, 9000);
        command(out, 8, NbdWire.CMD_BLOCK_STATUS, 0, 1 << 20);
        command(out, 0, NbdWire.CMD_CACHE, 0, 4096);
        command(out, 0, NbdWire.CMD_READ, SIZE - 10, 4096);
        command(out, 0, NbdWire.CMD_DISC, 0, 0);
        return bytes.toByteArray();
    }

    private static byte[] input(int first, byte[] start, byte[] rest) {
        byte[] input = new byte[1 + start.length + rest.length];
        input[0] = (byte) first;
        System.arraycopy(start, 0, input, 1, start.length);
        System.arraycopy(rest, 0, input, 1 + start.length, rest.length);
        return input;
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // A channel and a session with its requests, and replies for what may be a few commands in a few bytes.
        return (1L << 20) + 512L * inputBytes;
    }
}
