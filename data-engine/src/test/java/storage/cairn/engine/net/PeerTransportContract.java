package storage.cairn.engine.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.testing.FreePorts;

/** What the transport does on real sockets; run on epoll and on io_uring. */
abstract class PeerTransportContract {
    private static final PeerTransport.Settings SETTINGS = new PeerTransport.Settings(64, 4, 1_500, 2_000, 10_000);

    private final EngineLoop.Setting setting;
    private Peer here;
    private Peer there;

    PeerTransportContract(EngineLoop.Setting setting) {
        this.setting = setting;
    }

    @BeforeEach
    void open() throws IOException {
        here = new Peer(setting, SETTINGS);
        there = new Peer(setting, SETTINGS);
        here.other = there.address;
        there.other = here.address;
    }

    @AfterEach
    void end() {
        here.close();
        there.close();
    }

    private Peer.Listener connected() {
        Peer.Listener near = here.connect();
        here.await(() -> near.openedTimes == 1);
        return near;
    }

    /** The other side of a stream that sent its first frame, of number 0. */
    private Peer.Listener introduced(Peer.Listener near) {
        here.loop.run(() -> here.send(near, here.opened, 0, 5, 0));
        Peer.Listener far = there.firstAccepted();
        there.await(() -> far.frames == 1);
        return far;
    }

    @Test
    void deliversFramesWholeAndInOrderBothWays() {
        Peer.Listener near = connected();
        Peer.Listener far = introduced(near);
        int frames = 5_000;
        SplittableRandom random = new SplittableRandom(7);
        Sender forth = new Sender(here, near, 1, frames, random.split());
        Sender back = new Sender(there, far, 0, frames, random.split());
        here.loop.run(forth);
        there.loop.run(back);
        there.await(() -> far.frames == frames);
        here.await(() -> near.frames == frames);
        assertThat(near.problems).isEmpty();
        assertThat(far.problems).isEmpty();
        assertThat(here.loop.call(() -> near.stream().queuedBytes())).isZero();
    }

    /** Sends frames of all sizes; waits for memory when its pool is empty. */
    private static final class Sender implements Runnable {
        private final Peer peer;
        private final Peer.Listener on;
        private final int until;
        private final SplittableRandom random;
        private int next;

        Sender(Peer peer, Peer.Listener on, int first, int until, SplittableRandom random) {
            this.peer = peer;
            this.on = on;
            this.next = first;
            this.until = until;
            this.random = random;
        }

        @Override
        public void run() {
            for (int burst = 0; next < until; burst++) {
                int blocks = switch (random.nextInt(8)) {
                    case 0 -> 1 + random.nextInt(256);
                    case 1, 2, 3 -> 1;
                    default -> 0;
                };
                int body = random.nextInt(300) == 0 ? random.nextInt(TestFraming.MAX_BODY_BYTES) : random.nextInt(100);
                if (burst == 20 || !peer.send(on, peer.opened, next, body, blocks * 4096)) {
                    peer.loop.engine.clock().after(100_000, this);
                    return;
                }
                next++;
            }
        }
    }

    @Test
    void aMebibyteArrivesInOneBuffer() {
        Peer.Listener near = connected();
        Peer.Listener far = introduced(near);
        far.keep = true;
        here.loop.run(() -> here.send(near, here.opened, 1, 40, BufferPool.MAX_BYTES));
        there.await(() -> far.frames == 2);
        there.loop.run(() -> {
            assertThat(far.problems).isEmpty();
            assertThat(far.kept.get(0).capacity()).isEqualTo(BufferPool.MAX_BYTES);
            far.kept.forEach(Buffer::release);
        });
    }

    @Test
    void withoutMemoryItStopsReadingAndLosesNothing() {
        Peer.Listener near = connected();
        Peer.Listener far = introduced(near);
        far.keep = true;
        int frames = 400;
        Sender sender = new Sender(here, near, 1, frames, new SplittableRandom(3));
        here.loop.run(sender);
        there.await(() -> there.accepted.waiting() == 1);
        int before = there.loop.call(() -> far.frames);
        assertThat(before).isLessThan(frames);
        there.await(() -> {
            far.kept.forEach(Buffer::release);
            far.kept.clear();
            return far.frames == frames;
        });
        there.loop.run(() -> far.kept.forEach(Buffer::release));
        assertThat(far.problems).isEmpty();
    }

    @Test
    void aSlowReaderMakesTheSenderQueueAndNobodyElseGrow() {
        Peer.Listener near = connected();
        Peer.Listener far = introduced(near);
        there.loop.run(() -> far.stream().pause(true));
        List<Integer> sent = new ArrayList<>(List.of(1));
        here.await(() -> {
            while (here.send(near, here.opened, sent.get(0), 0, 65536)) {
                sent.set(0, sent.get(0) + 1);
            }
            return near.stream().queuedBytes() > (8 << 16);
        });
        assertThat(there.loop.call(() -> far.frames)).isOne();
        assertThat(there.loop.call(there.accepted::outBytes)).isLessThanOrEqualTo(65536);
        there.loop.run(() -> far.stream().pause(false));
        there.await(() -> far.frames == sent.get(0));
        assertThat(far.problems).isEmpty();
        assertThat(here.loop.call(() -> near.stream().queuedBytes())).isZero();
    }

    @Test
    void pausedInsideACallItDeliversNothingMore() {
        Peer.Listener near = connected();
        Peer.Listener far = introduced(near);
        there.loop.run(() -> far.pauseAfterEach = true);
        here.loop.run(() -> {
            for (int i = 1; i <= 20; i++) {
                here.send(near, here.opened, i, 10, i % 2 * 4096);
            }
        });
        for (int i = 2; i <= 21; i++) {
            int expected = i;
            there.await(() -> far.frames == expected);
            there.loop.run(() -> far.stream().pause(false));
        }
        assertThat(far.problems).isEmpty();
    }

    @Test
    void nobodyListeningIsToldAsRefused() throws IOException {
        here.other = new InetSocketAddress(InetAddress.getLoopbackAddress(), FreePorts.next());
        Peer.Listener near = here.connect();
        here.await(() -> near.closedTimes == 1);
        assertThat(near.refused).isTrue();
        assertThat(near.reason).contains("node 2");
        assertThat(near.openedTimes).isZero();
    }

    @Test
    void anUnknownNodeIsAnEndLater() {
        here.other = null;
        Peer.Listener near = here.connect();
        here.await(() -> near.closedTimes == 1);
        assertThat(near.problems).isEmpty();
        assertThat(near.refused).isFalse();
        assertThat(near.reason).contains("no address");
    }

    @Test
    void whatWasSentBeforeTheCloseArrivesAndBothHearOfTheEndOnce() {
        Peer.Listener near = connected();
        Peer.Listener far = introduced(near);
        here.loop.run(() -> {
            here.send(near, here.opened, 1, 10, 4096);
            near.stream().close("enough");
            assertThat(near.closedTimes).isZero();
            here.send(near, here.opened, 2, 10, 4096);
            near.stream().close("again");
            assertThat(near.stream().queuedBytes()).isZero();
        });
        here.await(() -> near.closedTimes == 1);
        there.await(() -> far.closedTimes == 1);
        assertThat(near.reason).isEqualTo("enough");
        assertThat(far.frames).isEqualTo(2);
        assertThat(far.reason).isNotBlank();
    }

    @Test
    void aPeerThatTakesNothingCannotHoldUpTheClose() throws IOException {
        try (ServerSocket deaf = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            here.other = new InetSocketAddress(InetAddress.getLoopbackAddress(), deaf.getLocalPort());
            Peer.Listener near = connected();
            try (Socket never = deaf.accept()) {
                assertThat(never.isConnected()).isTrue();
                here.loop.run(() -> {
                    int sent = 0;
                    while (sent < 16 && here.send(near, here.opened, sent, 0, 1 << 20)) {
                        sent++;
                    }
                    // More than a kernel keeps for a peer that reads nothing.
                    assertThat(near.stream().queuedBytes()).isPositive();
                    near.stream().close("given up");
                });
                here.await(() -> near.closedTimes == 1);
            }
        }
    }

    @Test
    void garbageEndsTheStreamWithItsReason() throws IOException {
        SplittableRandom random = new SplittableRandom(11);
        for (int i = 0; i < 20; i++) {
            byte[] garbage = new byte[1 + random.nextInt(3000)];
            random.nextBytes(garbage);
            int number = i;
            try (Socket socket = raw()) {
                OutputStream out = socket.getOutputStream();
                if (i % 2 == 1) {
                    out.write(TestFraming.head(0, 20, 0).array());
                }
                out.write(garbage);
                out.write(new byte[64]);
                assertEnded(socket);
            }
            there.await(() -> there.acceptedListeners.get(number).closedTimes == 1);
            there.loop.run(() -> {
                Peer.Listener listener = there.acceptedListeners.get(number);
                assertThat(listener.reason).contains("bad frame");
                assertThat(listener.frames).isEqualTo(number % 2);
            });
        }
    }

    @Test
    void aResetInsideAFrameGivesTheMemoryBack() throws IOException {
        for (int cut : new int[] {1, 15, 17, 30, 5000, 60_000, 900_000}) {
            int number = there.loop.call(there.acceptedListeners::size);
            try (Socket socket = raw()) {
                OutputStream out = socket.getOutputStream();
                ByteBuffer head = TestFraming.head(0, 20, 1 << 20);
                out.write(head.array(), 0, Math.min(cut, head.limit()));
                out.write(new byte[Math.max(0, cut - head.limit())]);
                out.flush();
                there.await(() -> there.acceptedListeners.size() > number);
                socket.setSoLinger(true, 0);
            }
            there.await(() -> there.acceptedListeners.get(number).closedTimes == 1);
            there.await(() -> there.accepted.outBytes() == 0);
        }
    }

    @Test
    void aStrangerWhoSaysNothingIsSentAway() throws IOException {
        try (Socket socket = raw()) {
            socket.getOutputStream().write(TestFraming.head(0, 100, 0).array(), 0, 50);
            assertEnded(socket);
        }
        Peer.Listener far = there.firstAccepted();
        there.await(() -> far.closedTimes == 1);
        assertThat(far.reason).contains("no frame within");
    }

    @Test
    void strangersInTheWayDelayButDoNotLockOutAPeer() throws IOException {
        List<Socket> strangers = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            strangers.add(raw());
        }
        there.await(() -> there.acceptedListeners.size() >= SETTINGS.maxStrangers());
        assertThat(there.loop.call(there.acceptedListeners::size)).isLessThanOrEqualTo(4 * SETTINGS.maxStrangers());
        boolean heard = false;
        while (!heard) {
            Peer.Listener near = here.connect();
            here.await(() -> near.openedTimes + near.closedTimes > 0);
            here.loop.run(() -> here.send(near, here.opened, 0, 5, 0));
            here.await(() -> near.closedTimes == 1
                    || there.loop.call(() -> there.acceptedListeners.stream().anyMatch(l -> l.frames == 1)));
            heard = there.loop.call(() -> there.acceptedListeners.stream().anyMatch(l -> l.frames == 1));
        }
        for (Socket socket : strangers) {
            socket.close();
        }
    }

    @Test
    void aStreamAllocatesNearlyNothingForAFrame() {
        Peer.Listener near = connected();
        Peer.Listener far = introduced(near);
        Ping ping = new Ping(here, near);
        here.loop.run(ping::start);
        there.await(() -> far.frames > 60_000);
        long thread = here.loop.call(() -> Thread.currentThread().threadId());
        com.sun.management.ThreadMXBean threads =
                (com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean();
        long bytes = threads.getThreadAllocatedBytes(thread);
        int frames = here.loop.call(() -> ping.sent);
        there.await(() -> far.frames > frames + 60_000);
        long perFrame = (threads.getThreadAllocatedBytes(thread) - bytes) / (here.loop.call(() -> ping.sent) - frames);
        System.out.println(getClass().getSimpleName() + ": " + perFrame + " bytes allocated for each frame sent");
        here.loop.run(ping::stop);
        assertThat(perFrame).isLessThan(200);
    }

    /** Keeps some frames with a block each under way, without allocation of its own. */
    private static final class Ping implements Runnable {
        private final Peer peer;
        private final Peer.Listener on;
        private final ByteBuffer head = TestFraming.head(1, 40, 4096);
        private int sent = 1;
        private boolean stopped;

        Ping(Peer peer, Peer.Listener on) {
            this.peer = peer;
            this.on = on;
        }

        void start() {
            run();
        }

        void stop() {
            stopped = true;
        }

        @Override
        public void run() {
            if (stopped) {
                return;
            }
            Buffer buffer = on.stream().queuedBytes() > 200_000 ? null : peer.opened.acquire(4096);
            if (buffer == null) {
                peer.loop.engine.clock().execute(this);
                return;
            }
            Peer.fill(buffer, sent, 4096);
            head.putInt(12, sent++);
            on.stream().send(head, 56, buffer, 0, 4096);
            buffer.release();
            peer.loop.engine.clock().execute(this);
        }
    }

    private Socket raw() throws IOException {
        return new Socket(there.address.getAddress(), there.address.getPort());
    }

    private static void assertEnded(Socket socket) throws IOException {
        socket.setSoTimeout(180_000);
        try {
            assertThat(socket.getInputStream().read()).isEqualTo(-1);
        } catch (java.net.SocketException e) {
            assertThat(e).hasMessageContaining("reset");
        }
    }
}
