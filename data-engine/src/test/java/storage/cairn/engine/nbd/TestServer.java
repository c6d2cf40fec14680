package storage.cairn.engine.nbd;

import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.HostVolume;

/** An NBD server over memory volumes on a real loop and real sockets, and the checks that every test ends with. */
final class TestServer implements Exports {
    static final String ATTACH = "00000000-0000-4000-8000-000000000001";
    static final String NAME = "vol/" + ATTACH;
    /** For what should happen soon, on a machine that has other things to do. */
    static final long PATIENCE_SECONDS = 180;

    final EngineLoop loop;
    final Slab pool;
    final NbdServer server;
    final MemoryVolume volume;
    final List<Throwable> defects = new CopyOnWriteArrayList<>();
    private final Map<String, MemoryVolume> volumes = new TreeMap<>();
    private final List<HostVolume.Lost> clients = new ArrayList<>();
    private boolean holdOpens;
    private final List<Runnable> heldOpens = new ArrayList<>();
    private String refusal = "";

    TestServer(boolean uring, int volumeBytes, NbdSettings settings) {
        loop = EngineLoop.open(
                uring ? EngineLoop.Setting.IO_URING : EngineLoop.Setting.POOL, (what, cause) -> defects.add(cause));
        pool = loop.slab("hosts", new Slab.Sizes(1024, 64, 32, 40));
        volume = new MemoryVolume(loop.clock(), volumeBytes);
        volumes.put(NAME, volume);
        server = new NbdServer(loop, this, pool, settings);
    }

    /** A server on a loop of that kind; the test is skipped, and says so, where there is no io_uring. */
    static TestServer start(boolean uring, int volumeBytes, NbdSettings settings) {
        try {
            return new TestServer(uring, volumeBytes, settings);
        } catch (IllegalStateException e) {
            return org.junit.jupiter.api.Assumptions.abort("skipped: " + e.getMessage());
        }
    }

    static NbdSettings settings() {
        return new NbdSettings(64, 16, 5_000, 5_000, 1_000, 1_000, 8 << 20, 32 << 20, 40 << 20);
    }

    /** For clients that are processes of their own, which a busy machine may hold up. */
    static NbdSettings patient() {
        return new NbdSettings(64, 16, 120_000, 120_000, 60_000, 60_000, 8 << 20, 32 << 20, 40 << 20);
    }

    Path listenUnix(Path folder) throws Exception {
        Path socket = folder.resolve("nbd.sock");
        server.listenUnix(socket).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        return socket;
    }

    InetSocketAddress listenTcp() throws Exception {
        return server.listenTcp(new InetSocketAddress("127.0.0.1", 0)).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    <T> T onLoop(Callable<T> task) throws Exception {
        return loop.eventLoop().submit(task).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    void onLoop(Runnable task) throws Exception {
        loop.eventLoop().submit(task).get(PATIENCE_SECONDS, TimeUnit.SECONDS);
    }

    void add(String name, int sizeBytes) {
        volumes.put(name, new MemoryVolume(loop.clock(), sizeBytes));
    }

    void refuse(String reason) {
        refusal = reason;
    }

    void holdOpens() {
        holdOpens = true;
    }

    void releaseOpens() {
        holdOpens = false;
        heldOpens.forEach(loop.clock()::execute);
        heldOpens.clear();
    }

    void lose(Status status, String reason) {
        List.copyOf(clients).forEach(client -> client.lost(status, reason));
    }

    @Override
    public List<String> names(int limit) {
        return volumes.keySet().stream().limit(limit).toList();
    }

    @Override
    public void open(String exportName, HostVolume.Lost lost, Answer answer) {
        Runnable task = () -> {
            MemoryVolume found = volumes.get(exportName);
            if (!refusal.isEmpty()) {
                answer.opened(new Opened.Refused(refusal));
            } else if (found == null) {
                answer.opened(new Opened.Unknown("no export " + exportName));
            } else {
                found.open++;
                clients.add(lost);
                answer.opened(new Opened.Granted(found));
            }
        };
        if (holdOpens) {
            heldOpens.add(task);
        } else {
            loop.clock().execute(task);
        }
    }

    /** Stops everything and checks that nothing leaked and nothing went wrong inside. */
    void stop() throws Exception {
        java.util.concurrent.CompletableFuture<Void> drained = new java.util.concurrent.CompletableFuture<>();
        loop.clock().execute(() -> {
            volume.releaseHeld();
            server.shutdown(() -> drained.complete(null));
        });
        drained.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        org.awaitility.Awaitility.await()
                .atMost(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .until(() -> onLoop(pool::outBytes) == 0);
        int open = onLoop(() -> volume.open);
        int lent = onLoop(() -> loop.views().lent());
        loop.close();
        if (!defects.isEmpty()) {
            throw new AssertionError("the server failed inside", defects.getFirst());
        }
        if (open != 0
                || lent != 0
                || server.metrics().heldBytes() != 0
                || server.metrics().connections() != 0) {
            throw new AssertionError("left behind: " + open + " open volumes, " + lent + " views, "
                    + server.metrics().heldBytes() + " bytes, "
                    + server.metrics().connections() + " connections");
        }
    }
}
