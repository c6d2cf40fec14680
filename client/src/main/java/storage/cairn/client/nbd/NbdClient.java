package storage.cairn.client.nbd;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.UncheckedIOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Keeps requests to one export under way, at whichever of several nodes serves it.
 *
 * <p>When a connection ends it goes to the next URI, with a small back-off after each round, and sends every request
 * without a reply again, in the old order. A write that is sent twice may have happened twice, with nothing of this
 * client in between on the same bytes if its user never has two writes of the same bytes under way. It never leaves a
 * connection that is merely silent: what the old server still has to do could then happen after what the new one did.
 * When the nodes that answer say that there is no such export, every request ends as unreachable, then and later.
 *
 * <p>One thread of its own does everything, and calls every completion.
 */
public final class NbdClient implements AutoCloseable {
    private static final int MAX_BACKOFF_MILLIS = 500;
    private static final int FIRST_BACKOFF_MILLIS = 20;
    /** For a node that is asked while another one is silent: leases have to run out, and then it takes over. */
    private static final long OTHER_NODE_NANOS = 20_000_000_000L;

    /**
     * How it behaves.
     *
     * @param depth most requests under way at once, 1 to 1024; more wait
     * @param deadlineMillis how long no node may serve the export before every request ends as unreachable
     * @param silenceMillis without any reply, after which the other nodes are asked; 0: they are not
     */
    public record Settings(int depth, long deadlineMillis, long silenceMillis) {
        public Settings {
            if (depth < 1 || depth > 1024 || deadlineMillis < 1 || silenceMillis < 0) {
                throw new IllegalArgumentException(
                        "depth " + depth + ", deadline " + deadlineMillis + " ms or silence " + silenceMillis + " ms");
            }
        }

        public Settings(int depth, long deadlineMillis) {
            this(depth, deadlineMillis, 0);
        }
    }

    /** Told of connections, on the client's thread. */
    public interface Listener {
        /** Requests go to this one from now on. */
        void connected(NbdUri uri);

        /** The connection ended, {@code resend} requests have no reply. */
        void disconnected(NbdUri uri, String reason, int resend);

        /** It could not be had from this node; the next one is tried. */
        void refused(NbdUri uri, String reason);
    }

    private final List<NbdUri> uris;
    private final Settings settings;
    private final Listener listener;
    private final Selector selector;
    private final Queue<NbdCommand> submitted = new ConcurrentLinkedQueue<>();
    private final Queue<Runnable> tasks = new ConcurrentLinkedQueue<>();
    private final ArrayDeque<NbdCommand> waiting = new ArrayDeque<>();
    private final NbdTransfer transfer;
    private final CompletableFuture<Long> sizeBytes = new CompletableFuture<>();
    private final Thread thread;
    private @Nullable NbdConnection connection;
    /** When a reply came last, or the first request that waits for one was sent. */
    private long heardNanos;

    private int next;
    private volatile boolean closed;
    private volatile boolean ended;
    private @Nullable String failure;

    /** Starts to connect; the first URI is tried first. */
    public NbdClient(List<NbdUri> uris, Settings settings, Listener listener) {
        if (uris.isEmpty()) {
            throw new IllegalArgumentException("no URI to connect to");
        }
        this.uris = List.copyOf(uris);
        this.settings = settings;
        this.listener = listener;
        this.transfer = new NbdTransfer(settings.depth());
        try {
            this.selector = Selector.open();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        this.thread = Thread.ofPlatform().name("nbd-client").daemon().start(this::run);
    }

    /** Waits for the first connection; answers with the size of the export. */
    public long awaitSizeBytes() throws IOException {
        try {
            return sizeBytes.get(settings.deadlineMillis() + 5_000, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        } catch (ExecutionException | TimeoutException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new IOException(String.valueOf(cause.getMessage()), cause);
        }
    }

    /** From any thread. The command belongs to the client until its completion was called. */
    public void submit(NbdCommand command) {
        command.submitted(System.nanoTime());
        submitted.add(command);
        if (ended && submitted.remove(command)) {
            command.end(NbdCommand.CLOSED, System.nanoTime());
        }
        wake();
    }

    /** Runs a task on the client's thread; on this one when that has ended. */
    public void execute(Runnable task) {
        tasks.add(task);
        if (ended && tasks.remove(task)) {
            task.run();
        }
        wake();
    }

    /** The URI of the current or last connection; on the client's thread. */
    public NbdUri connectedTo() {
        return uris.get(next);
    }

    private void wake() {
        if (!onThread()) {
            selector.wakeup();
        }
    }

    private boolean onThread() {
        return Thread.currentThread().equals(thread);
    }

    /** Ends everything; requests without a reply end as closed. */
    @Override
    public void close() {
        closed = true;
        selector.wakeup();
        if (!onThread()) {
            boolean interrupted = false;
            while (true) {
                try {
                    thread.join();
                    break;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void run() {
        try (selector) {
            while (!closed) {
                if (connection == null && failure == null) {
                    connect();
                } else {
                    turn();
                }
            }
        } catch (IOException e) {
            failure = "the selector failed: " + e;
        } finally {
            closed = true;
            ended = true;
            closeConnection();
            runTasks();
            takeSubmitted();
            endAll(NbdCommand.CLOSED);
            sizeBytes.completeExceptionally(new IOException("the client was closed"));
        }
    }

    private void takeSubmitted() {
        for (NbdCommand command = submitted.poll(); command != null; command = submitted.poll()) {
            waiting.add(command);
        }
    }

    private void runTasks() {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
            task.run();
        }
    }

    /** One round of tasks, sending and receiving. */
    private void turn() throws IOException {
        runTasks();
        takeSubmitted();
        NbdConnection current = connection;
        if (current == null) {
            endAll(NbdCommand.UNREACHABLE);
            if (submitted.isEmpty() && tasks.isEmpty() && !closed) {
                selector.select();
            }
            return;
        }
        try {
            if (!transfer.waits()) {
                heardNanos = System.nanoTime();
            }
            while (!waiting.isEmpty() && transfer.hasRoom()) {
                transfer.start(waiting.remove());
            }
            boolean sentAll = transfer.send(current.socket());
            current.key().interestOps(SelectionKey.OP_READ | (sentAll ? 0 : SelectionKey.OP_WRITE));
            if (submitted.isEmpty() && tasks.isEmpty()) {
                // 0: for as long as it takes.
                selector.select(transfer.waits() ? settings.silenceMillis() : 0);
            } else {
                selector.selectNow();
            }
            selector.selectedKeys().clear();
            if (transfer.receive(current)) {
                heardNanos = System.nanoTime();
            } else if (isSilent()) {
                askOthers(current);
            }
        } catch (IOException e) {
            broken(current, String.valueOf(e.getMessage()));
        }
    }

    private boolean isSilent() {
        return settings.silenceMillis() > 0
                && transfer.waits()
                && System.nanoTime() - heardNanos >= settings.silenceMillis() * 1_000_000;
    }

    /** Goes to another node if one serves the export; otherwise stays with the silent one. */
    private void askOthers(NbdConnection silent) {
        silent.key().interestOps(0);
        int here = uris.indexOf(silent.uri());
        for (int i = 1; i < uris.size() && !closed; i++) {
            int there = (here + i) % uris.size();
            NbdUri uri = uris.get(there);
            try {
                NbdConnection made =
                        new NbdConnection(uri, selector, System.nanoTime() + OTHER_NODE_NANOS, () -> closed);
                broken(silent, "it is silent, and another node has taken the volume over");
                next = there;
                begin(made);
                return;
            } catch (IOException | IllegalArgumentException e) {
                if (!closed) {
                    listener.refused(uri, String.valueOf(e.getMessage()));
                }
            }
        }
        heardNanos = System.nanoTime();
    }

    private void begin(NbdConnection made) {
        connection = made;
        transfer.begin(made.structured());
        listener.connected(made.uri());
        sizeBytes.complete(made.sizeBytes());
    }

    private void broken(NbdConnection current, String reason) {
        closeConnection();
        int count = transfer.takeBack(waiting);
        listener.disconnected(current.uri(), reason, count);
        next = (uris.indexOf(current.uri()) + 1) % uris.size();
    }

    private void closeConnection() {
        NbdConnection current = connection;
        connection = null;
        if (current != null) {
            current.close();
        }
    }

    private void connect() throws IOException {
        long deadline = System.nanoTime() + settings.deadlineMillis() * 1_000_000;
        long backoffMillis = FIRST_BACKOFF_MILLIS;
        String last = "";
        // Nodes that said in this round that there is no such export, unless another one knows it.
        int unknown = 0;
        for (int attempt = 1; !closed; attempt++) {
            NbdUri uri = uris.get(next);
            try {
                begin(new NbdConnection(uri, selector, deadline, () -> closed));
                return;
            } catch (IOException | IllegalArgumentException e) {
                if (e instanceof NbdConnection.RefusedException refusal) {
                    unknown = refusal.unknown && unknown >= 0 ? unknown + 1 : -1;
                }
                // What a node said tells more than that the time ran out while the next one was asked.
                if (last.isEmpty() || System.nanoTime() < deadline) {
                    last = uri + ": " + e.getMessage();
                }
                if (!closed) {
                    listener.refused(uri, String.valueOf(e.getMessage()));
                }
            }
            next = (next + 1) % uris.size();
            if (System.nanoTime() >= deadline) {
                fail("no node served the export within " + settings.deadlineMillis() + " ms; last: " + last);
                return;
            }
            if (attempt % uris.size() == 0) {
                if (unknown > 0) {
                    fail("the export exists no more; " + last);
                    return;
                }
                unknown = 0;
                pause(backoffMillis);
                backoffMillis = Math.min(MAX_BACKOFF_MILLIS, backoffMillis * 2);
            }
        }
    }

    private void fail(String reason) {
        failure = reason;
        sizeBytes.completeExceptionally(new IOException(reason));
    }

    private void pause(long millis) throws IOException {
        long until = System.nanoTime() + millis * 1_000_000;
        for (long left = millis; left > 0 && !closed; left = (until - System.nanoTime()) / 1_000_000) {
            selector.select(left);
            selector.selectedKeys().clear();
            runTasks();
        }
    }

    private void endAll(int outcome) {
        transfer.takeBack(waiting);
        long now = System.nanoTime();
        for (int i = waiting.size(); i > 0; i--) {
            NbdCommand command = waiting.remove();
            command.message = failure;
            command.end(outcome, now);
        }
    }
}
