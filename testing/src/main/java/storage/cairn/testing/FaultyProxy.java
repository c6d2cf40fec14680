package storage.cairn.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Stands between clients and a server on 127.0.0.1 and forwards bytes, but for what it is told to lose or to hold
 * back. It knows no protocol; what is encrypted stays so.
 */
public final class FaultyProxy implements AutoCloseable {
    private static final int BUFFER = 1 << 14;
    /** The farewell of TLS is shorter, a request longer. */
    private static final int LONGEST_FAREWELL = 64;

    private final ServerSocket listener;
    private final int target;
    private final AtomicLong asked = new AtomicLong();
    private final List<Connection> connections = new ArrayList<>();
    private Fault fault = Fault.NONE;

    /** What happens to bytes from now on. */
    public enum Fault {
        NONE,
        /** What the server sends is lost: requests arrive, and nobody hears of their outcome. */
        LOSE_REPLIES,
        /** What clients send is kept until the fault ends; of one that leaves meanwhile the server hears no farewell. */
        HOLD_REQUESTS,
        /** Connections end, and new ones at once. */
        CUT
    }

    private static final class Connection {
        final Socket client;
        final Socket server;
        final ArrayDeque<byte[]> held = new ArrayDeque<>();
        boolean clientEnded;

        Connection(Socket client, Socket server) {
            this.client = client;
            this.server = server;
        }
    }

    public FaultyProxy(int target) throws IOException {
        this.target = target;
        this.listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        start("proxy", this::accept);
    }

    private static void start(String name, Runnable work) {
        Thread.ofPlatform().daemon().name(name).start(work);
    }

    public int port() {
        return listener.getLocalPort();
    }

    /** Bytes that clients have sent so far. */
    public long askedBytes() {
        return asked.get();
    }

    public void set(Fault next) throws IOException {
        synchronized (this) {
            fault = next;
            for (Connection connection : connections) {
                if (next == Fault.CUT) {
                    end(connection);
                } else if (next != Fault.HOLD_REQUESTS) {
                    release(connection);
                }
            }
            connections.removeIf(connection -> connection.server.isClosed());
        }
    }

    private static void end(Connection connection) throws IOException {
        connection.client.close();
        connection.server.close();
    }

    private static void release(Connection connection) throws IOException {
        OutputStream out = connection.server.getOutputStream();
        for (byte[] next = connection.held.poll(); next != null; next = connection.held.poll()) {
            if (!connection.clientEnded || next.length > LONGEST_FAREWELL) {
                out.write(next);
            }
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket client = listener.accept();
                synchronized (this) {
                    if (fault == Fault.CUT) {
                        client.close();
                    } else {
                        open(client);
                    }
                }
            }
        } catch (IOException closed) {
            // The proxy was closed.
            return;
        }
    }

    private void open(Socket client) throws IOException {
        Socket server;
        try {
            server = new Socket(InetAddress.getLoopbackAddress(), target);
        } catch (IOException serverIsDown) {
            client.close();
            return;
        }
        Connection connection = new Connection(client, server);
        connections.add(connection);
        start("proxy-requests", () -> forwardRequests(connection));
        start("proxy-replies", () -> forwardReplies(connection));
    }

    private void forwardRequests(Connection connection) {
        try {
            InputStream in = connection.client.getInputStream();
            byte[] buffer = new byte[BUFFER];
            for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
                asked.addAndGet(length);
                synchronized (this) {
                    connection.held.add(java.util.Arrays.copyOf(buffer, length));
                    if (fault != Fault.HOLD_REQUESTS) {
                        release(connection);
                    }
                }
            }
        } catch (IOException ended) {
            // One of the two has gone, which is all there is to know.
            assert ended != null;
        }
        clientEnded(connection);
    }

    private synchronized void clientEnded(Connection connection) {
        connection.clientEnded = true;
        try {
            if (connection.held.isEmpty()) {
                end(connection);
                connections.remove(connection);
            }
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private void forwardReplies(Connection connection) {
        try {
            InputStream in = connection.server.getInputStream();
            byte[] buffer = new byte[BUFFER];
            for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
                synchronized (this) {
                    if (fault != Fault.LOSE_REPLIES && !connection.clientEnded) {
                        connection.client.getOutputStream().write(buffer, 0, length);
                    }
                }
            }
            connection.client.close();
        } catch (IOException ended) {
            // One of the two has gone, which is all there is to know.
            assert ended != null;
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        set(Fault.CUT);
    }
}
