package storage.cairn.campaign;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * Passes TCP connections on to one address, late, not at all, or broken off in the middle, as the campaign says. What
 * it has taken and not passed on is what a network with deep buffers holds.
 */
final class TcpProxy implements AutoCloseable {
    private static final int CHUNK_BYTES = 64 << 10;
    private static final int MOST_CHUNKS = 64;
    private static final int CONNECT_MILLIS = 3_000;
    private static final byte[] END = new byte[0];

    private final ServerSocket server;
    private final InetSocketAddress target;
    private final Effects effects;
    private final List<Link> links = new CopyOnWriteArrayList<>();
    private final Gate forward = new Gate();
    private final Gate backward = new Gate();
    private volatile boolean closed;

    /** Listens at {@code host}, at a port of the kernel's choice. */
    TcpProxy(String host, InetSocketAddress target, Effects effects) {
        this.target = target;
        this.effects = effects;
        try {
            this.server = new ServerSocket();
            server.bind(new InetSocketAddress(host, 0), 64);
        } catch (IOException e) {
            throw new UncheckedIOException("no proxy can listen at " + host, e);
        }
        Thread.ofVirtual().name("proxy").start(this::accept);
    }

    String address() {
        return server.getInetAddress().getHostAddress() + ":" + server.getLocalPort();
    }

    /** Both ways by so much from now on. */
    void delay(long millis) {
        forward.delay(millis);
        backward.delay(millis);
    }

    /** Whether what comes from the side that connects is held back from now on. */
    void holdForward(boolean on) {
        forward.hold(on);
    }

    /** The same for what comes from the side that listens. */
    void holdBackward(boolean on) {
        backward.hold(on);
    }

    /** Breaks every connection, with bytes under way. */
    void reset() {
        effects.add(Effects.RESET, links.size());
        links.forEach(Link::reset);
    }

    /**
     * Ends every connection towards the side that connected, and none towards the other: what was taken and not
     * passed on stays here.
     */
    List<Link> orphan() {
        List<Link> orphans = List.copyOf(links);
        orphans.forEach(Link::orphan);
        return orphans;
    }

    @Override
    public void close() {
        closed = true;
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        links.forEach(Link::reset);
        holdForward(false);
        holdBackward(false);
    }

    private void accept() {
        while (!closed) {
            try {
                Socket client = server.accept();
                Thread.ofVirtual().name("proxy-link").start(() -> link(client));
            } catch (IOException e) {
                if (!closed) {
                    throw new UncheckedIOException("the proxy to " + target + " stopped", e);
                }
            }
        }
    }

    private void link(Socket client) {
        Socket onward = new Socket();
        Link link = new Link(client, onward);
        links.add(link);
        try {
            client.setTcpNoDelay(true);
            onward.setTcpNoDelay(true);
            // A partition holds connections back, too.
            forward.await();
            onward.connect(target, CONNECT_MILLIS);
            link.run();
        } catch (IOException e) {
            link.reset();
        } finally {
            links.remove(link);
        }
    }

    /** One connection and its continuation. */
    final class Link {
        private final Socket client;
        private final Socket onward;
        private final Gate orphaned = new Gate();
        private volatile boolean orphan;

        Link(Socket client, Socket onward) {
            this.client = client;
            this.onward = onward;
        }

        private void run() {
            Thread back = Thread.ofVirtual().name("proxy-back").start(() -> pump(onward, client, backward, new Gate()));
            pump(client, onward, forward, orphaned);
            join(back);
        }

        private void pump(Socket from, Socket to, Gate gate, Gate second) {
            LinkedBlockingQueue<Chunk> queue = new LinkedBlockingQueue<>(MOST_CHUNKS);
            Thread writer = Thread.ofVirtual().name("proxy-writer").start(() -> write(queue, to, gate, second));
            byte[] bytes = new byte[CHUNK_BYTES];
            try {
                for (int n = from.getInputStream().read(bytes);
                        n >= 0;
                        n = from.getInputStream().read(bytes)) {
                    long lateNanos = gate.delayNanos();
                    effects.add(Effects.DELAYED, Long.signum(lateNanos));
                    queue.put(new Chunk(Arrays.copyOf(bytes, n), System.nanoTime() + lateNanos));
                }
            } catch (IOException e) {
                if (!orphan) {
                    reset();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            try {
                queue.put(new Chunk(END, System.nanoTime()));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            join(writer);
        }

        private void write(LinkedBlockingQueue<Chunk> queue, Socket to, Gate gate, Gate second) {
            boolean broken = false;
            try {
                for (Chunk chunk = queue.take(); chunk.bytes.length > 0; chunk = queue.take()) {
                    TimeUnit.NANOSECONDS.sleep(chunk.dueNanos - System.nanoTime());
                    gate.await();
                    second.await();
                    broken = broken || !send(to, chunk.bytes);
                }
                if (!broken) {
                    second.await();
                    to.shutdownOutput();
                }
            } catch (IOException e) {
                reset();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        private boolean send(Socket to, byte[] bytes) {
            try {
                to.getOutputStream().write(bytes);
                effects.add(Effects.LATE, orphan ? 1 : 0);
                return true;
            } catch (IOException e) {
                // An orphan's answers have nobody to go to.
                if (!orphan) {
                    reset();
                }
                return false;
            }
        }

        void reset() {
            abort(client);
            abort(onward);
            orphaned.hold(false);
        }

        private void orphan() {
            orphan = true;
            orphaned.hold(true);
            abort(client);
        }

        /** Passes on what an orphan left. */
        void release() {
            orphaned.hold(false);
        }
    }

    private static void abort(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (SocketException e) {
            // Closed already.
            return;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private record Chunk(byte[] bytes, long dueNanos) {}

    /** What one direction has to wait for. */
    private static final class Gate {
        private long delayMillis;
        private boolean held;

        synchronized void delay(long millis) {
            delayMillis = millis;
        }

        synchronized long delayNanos() {
            return delayMillis * 1_000_000;
        }

        synchronized void hold(boolean on) {
            held = on;
            notifyAll();
        }

        synchronized void await() throws IOException {
            try {
                while (held) {
                    wait();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }
    }
}
