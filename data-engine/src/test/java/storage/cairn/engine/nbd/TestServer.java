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
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.HostVolume;

/** An NBD server over memory volumes on a real loop and real sockets, and the checks that every test ends with. */
final class TestServer implements Exports, AutoCloseable {
    static final String ATTACH = "00000000-0000-4000-8000-000000000001";
    static final String NAME = "vol/" + ATTACH;

    final TestLoop loop;
    final TestPool pool;
    final NbdServer server;
    final MemoryVolume volume;
    final List<Throwable> defects = new CopyOnWriteArrayList<>();
    private final Map<String, MemoryVolume> volumes = new TreeMap<>();
    private final List<HostVolume.Lost> clients = new ArrayList<>();
    private boolean holdOpens;
    private final List<Runnable> heldOpens = new ArrayList<>();
    private String refusal = "";

    TestServer(boolean uring, int volumeBytes, NbdSettings settings) {
        loop = new TestLoop(uring);
        pool = new TestPool(settings.totalBytes());
        volume = new MemoryVolume(loop, volumeBytes);
        volumes.put(NAME, volume);
        server = new NbdServer(loop.loop(), loop, this, pool, settings, defects::add);
    }

    static NbdSettings settings() {
        return new NbdSettings(64, 16, 5_000, 5_000, 1_000, 1_000, 8 << 20, 40 << 20);
    }

    Path listenUnix(Path folder) throws Exception {
        Path socket = folder.resolve("nbd.sock");
        server.listen(loop.unix(), socket).get(5, TimeUnit.SECONDS);
        return socket;
    }

    InetSocketAddress listenTcp() throws Exception {
        return server.listen(loop.tcp(), new InetSocketAddress("127.0.0.1", 0)).get(5, TimeUnit.SECONDS);
    }

    <T> T onLoop(Callable<T> task) throws Exception {
        return loop.loop().submit(task).get(5, TimeUnit.SECONDS);
    }

    void onLoop(Runnable task) throws Exception {
        loop.loop().submit(task).get(5, TimeUnit.SECONDS);
    }

    void add(String name, int sizeBytes) {
        volumes.put(name, new MemoryVolume(loop, sizeBytes));
    }

    void refuse(String reason) {
        refusal = reason;
    }

    void holdOpens() {
        holdOpens = true;
    }

    void releaseOpens() {
        holdOpens = false;
        heldOpens.forEach(loop::execute);
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
            loop.execute(task);
        }
    }

    /** Stops everything and checks that nothing leaked and nothing went wrong inside. */
    @Override
    public void close() throws Exception {
        java.util.concurrent.CompletableFuture<Void> drained = new java.util.concurrent.CompletableFuture<>();
        loop.execute(() -> {
            volume.releaseHeld();
            server.shutdown(() -> drained.complete(null));
        });
        drained.get(10, TimeUnit.SECONDS);
        org.awaitility.Awaitility.await().atMost(5, TimeUnit.SECONDS).until(() -> pool.outBytes() == 0);
        int open = onLoop(() -> volume.open);
        loop.close();
        if (!defects.isEmpty()) {
            throw new AssertionError("the server failed inside", defects.getFirst());
        }
        if (open != 0 || server.metrics().heldBytes() != 0 || server.metrics().connections() != 0) {
            throw new AssertionError("left behind: " + open + " open volumes, "
                    + server.metrics().heldBytes() + " bytes, " + server.metrics().connections() + " connections");
        }
    }
}
