package storage.cairn.engine.net;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.io.TestLoop;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Network;

/** One engine's side of the transport in a test: its own loop, pools and a listener that checks what arrives. */
final class Peer implements AutoCloseable {
    final TestLoop loop;
    final Slab accepted;
    final Slab opened;
    final PeerTransport transport;
    final List<Listener> acceptedListeners = new ArrayList<>();
    InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

    @Nullable
    InetSocketAddress other;

    Peer(EngineLoop.Setting setting, PeerTransport.Settings settings) throws IOException {
        loop = new TestLoop(setting);
        accepted = loop.engine.slab("accepted", new Slab.Sizes(64, 8, 8, 4));
        opened = loop.engine.slab("opened", new Slab.Sizes(64, 8, 8, 4));
        transport = new PeerTransport(loop.engine, new TestFraming(), node -> other, accepted, opened, settings);
        loop.run(() -> transport.accept(stream -> {
            Listener listener = new Listener();
            listener.stream = stream;
            acceptedListeners.add(listener);
            stream.trust();
            return listener;
        }));
        address = transport.listen(address);
    }

    Listener connect() {
        Listener listener = new Listener();
        loop.run(() -> {
            listener.stream = transport.connect(2, listener);
            listener.stream.trust();
            if (listener.openedTimes + listener.closedTimes > 0) {
                listener.problems.add("called back inside connect");
            }
        });
        return listener;
    }

    void await(Callable<Boolean> condition) {
        Awaitility.await()
                .pollInterval(Duration.ofMillis(5))
                .atMost(Duration.ofMinutes(3))
                .until(() -> loop.call(condition));
    }

    Listener firstAccepted() {
        await(() -> !acceptedListeners.isEmpty());
        return loop.call(() -> acceptedListeners.get(0));
    }

    /** Sends a frame whose payload is filled as {@link Listener} expects it; false when the pool is empty. */
    boolean send(Listener on, Slab from, int number, int bodyBytes, int payloadBytes) {
        Buffer payload = null;
        if (payloadBytes > 0) {
            payload = from.acquire(payloadBytes);
            if (payload == null) {
                return false;
            }
            fill(payload, number, payloadBytes);
        }
        ByteBuffer head = TestFraming.head(number, bodyBytes, payloadBytes);
        on.stream().send(head, head.limit(), payload, 0, payloadBytes);
        if (payload != null) {
            payload.release();
        }
        return true;
    }

    static void fill(Buffer payload, int number, int payloadBytes) {
        for (int at = 0; at < payloadBytes; at += 8) {
            payload.bytes().putLong(at, number * 0x9e3779b97f4a7c15L + at);
        }
    }

    @Override
    public void close() {
        transport.close();
        await(() -> transport.streams() == 0);
        long out = loop.call(() -> accepted.outBytes() + opened.outBytes());
        int lent = loop.call(() -> loop.engine.views().lent());
        long heads = loop.call(() -> ((Slab) transport.heads()).outBytes());
        loop.close();
        if (out != 0 || lent != 0 || heads != 0) {
            throw new AssertionError(
                    "not given back: " + out + " bytes of payload, " + heads + " of heads, " + lent + " views");
        }
    }

    /** Checks that frames come whole, in order and with their content. Everything on the loop. */
    static final class Listener implements Network.Listener {
        final List<String> problems = new ArrayList<>();
        final List<Buffer> kept = new ArrayList<>();
        Network.@Nullable Stream stream;
        boolean keep;
        boolean pauseAfterEach;
        int openedTimes;
        int closedTimes;
        int frames;
        String reason = "";
        boolean refused;

        Network.Stream stream() {
            if (stream == null) {
                throw new IllegalStateException("no stream yet");
            }
            return stream;
        }

        @Override
        public void opened(Network.Stream from) {
            openedTimes++;
        }

        @Override
        public void received(Network.Stream from, ByteBuffer head, @Nullable Buffer payload) {
            int number = head.getInt(12);
            int payloadBytes = head.getInt(8);
            if (number != frames) {
                problems.add("frame " + number + " instead of " + frames);
            }
            frames++;
            if (closedTimes > 0) {
                problems.add("a frame after the end");
            }
            for (int at = 0; payload != null && at < payloadBytes; at += 8) {
                if (payload.bytes().getLong(at) != number * 0x9e3779b97f4a7c15L + at) {
                    problems.add("payload of frame " + number + " at " + at);
                    break;
                }
            }
            if (keep && payload != null) {
                kept.add(payload.retain());
            }
            if (pauseAfterEach) {
                from.pause(true);
            }
        }

        @Override
        public void closed(Network.Stream from, String why, boolean nobodyListens) {
            closedTimes++;
            reason = why;
            refused = nobodyListens;
        }
    }
}
