package storage.cairn.campaign;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.Json;
import storage.cairn.cli.cluster.ClusterFile;
import storage.cairn.cli.cluster.EngineCommand;
import storage.cairn.engine.sim.SimRandom;
import storage.cairn.engine.sim.Violation;

/** The engines of one life of a campaign, their disks, the links between them and their configuration store. */
final class Cluster implements AutoCloseable {
    private static final int PEER_PORT = 7001;
    private static final int CONTROL_PORT = 7002;
    private static final int NBD_PORT = 7003;
    private static final int METRICS_PORT = 7004;
    private static final long DISK_BYTES = 256L << 20;
    private static final long SMALL_POOL = 16L << 20;
    private static final int PROXIED_PERCENT = 40;
    private static final Duration READY = Duration.ofSeconds(90);

    private final Path folder;
    private final Network network;
    private final ConfigFolder config;
    private final List<Node> nodes = new ArrayList<>();
    private final Map<List<Integer>, TcpProxy> links = new LinkedHashMap<>();
    private final int flakyNode;
    private final Effects effects;
    private @Nullable FlakyDisk flaky;

    /**
     * @param flakyNode whose disk can fail; 0 for none
     */
    Cluster(
            Path folder,
            Network network,
            int count,
            int flakyNode,
            EngineCommand engine,
            Effects effects,
            SimRandom random) {
        this.folder = folder;
        this.network = network;
        this.effects = effects;
        this.flakyNode = flakyNode;
        this.config = new ConfigFolder(folder.resolve("config"), network.namespaces());
        try {
            layOut(count, engine, random);
        } catch (IOException e) {
            throw new UncheckedIOException("no cluster can be made in " + folder, e);
        }
    }

    private void layOut(int count, EngineCommand engine, SimRandom random) throws IOException {
        String clusterId = UUID.randomUUID().toString();
        Path secret = folder.resolve("secret");
        byte[] bytes = new byte[32];
        random.nextBytes(bytes);
        Files.createFile(secret, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(secret, HexFormat.of().formatHex(bytes) + "\n");
        for (int number = 1; number <= count; number++) {
            network.addNode(number);
        }
        List<ClusterFile.Node> places = new ArrayList<>();
        for (int number = 1; number <= count; number++) {
            places.add(place(number, address(number, PEER_PORT)));
        }
        for (ClusterFile.Node place : places) {
            int number = place.node();
            Path own = Files.createDirectories(folder.resolve("node-" + number));
            List<ClusterFile.Node> seen = new ArrayList<>();
            for (ClusterFile.Node other : places) {
                boolean drawn = random.below(100) < PROXIED_PERCENT || (number == 1 && other.node() == 2);
                boolean proxied = other.node() != number && (!network.namespaces() || drawn);
                seen.add(
                        proxied ? place(other.node(), link(number, other.node()).address()) : other);
            }
            Files.writeString(own.resolve("cluster.json"), Json.text(new ClusterFile(clusterId, seen)));
            EngineFile.Disk disk = new EngineFile.Disk(own.resolve("disk-1").toString(), DISK_BYTES);
            if (number == flakyNode) {
                FlakyDisk failing = new FlakyDisk(own, DISK_BYTES);
                flaky = failing;
                disk = new EngineFile.Disk(failing.device(), 0);
            }
            Files.writeString(
                    own.resolve("engine.json"),
                    Json.text(new EngineFile(
                            number,
                            own.toString(),
                            own.resolve("cluster.json").toString(),
                            secret.toString(),
                            config.folder().toString(),
                            List.of(disk),
                            random.nextBoolean() ? "auto" : "pool",
                            true,
                            new EngineFile.Memory(SMALL_POOL, SMALL_POOL, SMALL_POOL, SMALL_POOL, SMALL_POOL))));
            nodes.add(new Node(number, own, place, network, engine));
        }
    }

    private String address(int node, int port) {
        return network.address(node) + ":" + port;
    }

    private ClusterFile.Node place(int node, String peerAddress) {
        Path own = folder.resolve("node-" + node);
        return new ClusterFile.Node(
                node,
                peerAddress,
                own.resolve("control.sock").toString(),
                address(node, CONTROL_PORT),
                own.resolve("nbd.sock").toString(),
                address(node, NBD_PORT),
                address(node, METRICS_PORT));
    }

    private TcpProxy link(int from, int to) {
        return links.computeIfAbsent(
                List.of(from, to),
                unknown -> new TcpProxy(network.hub(), new InetSocketAddress(network.address(to), PEER_PORT), effects));
    }

    List<Node> nodes() {
        return nodes;
    }

    Node node(int number) {
        return nodes.get(number - 1);
    }

    Network network() {
        return network;
    }

    ConfigFolder config() {
        return config;
    }

    @Nullable
    FlakyDisk flaky() {
        return flaky;
    }

    int flakyNode() {
        return flakyNode;
    }

    InetSocketAddress nbd(int node) {
        return new InetSocketAddress(network.address(node), NBD_PORT);
    }

    /**
     * The links between two nodes that go through a proxy; where none does, one of those that do: what strikes no link
     * is no fault. Empty only where there is one node.
     */
    List<TcpProxy> proxied(int a, int b) {
        List<TcpProxy> found = new ArrayList<>();
        for (List<Integer> pair : List.of(List.of(a, b), List.of(b, a))) {
            TcpProxy proxy = links.get(pair);
            if (proxy != null) {
                found.add(proxy);
            }
        }
        if (found.isEmpty()) {
            links.values().stream().limit(1).forEach(found::add);
        }
        return found;
    }

    /** From now on {@code to} hears nothing of {@code from}, or everything again. */
    void cut(int from, int to, boolean on) {
        if (on) {
            network.cut(from, to);
        } else {
            network.heal(from, to);
        }
        TcpProxy forth = links.get(List.of(from, to));
        if (forth != null) {
            forth.holdForward(on);
        }
        TcpProxy back = links.get(List.of(to, from));
        if (back != null) {
            back.holdBackward(on);
        }
    }

    /** Ends every fault of network, disks and configuration store, and lets every process go on. */
    void heal() {
        config.heal();
        FlakyDisk disk = flaky;
        if (disk != null) {
            disk.errors(false);
            disk.stall(false);
        }
        for (Node to : nodes) {
            network.lose(to.number(), 0);
            for (Node from : nodes) {
                if (from.number() != to.number()) {
                    cut(from.number(), to.number(), false);
                }
            }
            to.go();
        }
        links.values().forEach(link -> link.delay(0));
    }

    void startAll() {
        nodes.forEach(Node::start);
    }

    /** Throws when an engine ended by itself. */
    void checkAlive() {
        nodes.forEach(node -> node.checkAlive(config.troubled()));
    }

    void killAll() {
        nodes.parallelStream().forEach(Node::kill);
    }

    /** Counts what faults have done since it was last asked, as far as network and engines tell. */
    void count() {
        for (Node node : nodes) {
            Map<String, Long> dropped = network.dropped(node.number());
            effects.add(Effects.CUT_OFF, dropped.getOrDefault("cut", 0L));
            effects.add(Effects.LOST, dropped.getOrDefault("lost", 0L));
            node.told(effects);
        }
    }

    /** Starts what does not run and waits until every engine answers. */
    void awaitReady() {
        startAll();
        long deadline = System.nanoTime() + READY.toNanos();
        for (Node node : nodes) {
            while (node.status() == null) {
                node.checkAlive(config.troubled());
                if (System.nanoTime() > deadline) {
                    throw new Violation(
                            "liveness",
                            "the engine of node " + node.number() + " does not answer " + READY.toSeconds()
                                    + " s after everything was healed; its log: " + node.log());
                }
                LockSupport.parkNanos(50_000_000);
            }
        }
    }

    /** A volume as the node that knows the newest epoch sees it; its owner's view where there is one. */
    @Nullable
    Volume volume(String name) {
        Volume best = null;
        for (Node node : nodes) {
            Volume seen = node.ask(
                    3,
                    stub -> stub.getVolume(storage.cairn.api.v1alpha1.GetVolumeRequest.newBuilder()
                            .setName(name)
                            .build()));
            if (seen == null) {
                continue;
            }
            boolean owners = seen.getOwnerNode() == node.number();
            if (best == null || seen.getEpoch() > best.getEpoch() || (seen.getEpoch() == best.getEpoch() && owners)) {
                best = seen;
            }
        }
        return best;
    }

    @Override
    public void close() {
        nodes.forEach(Node::go);
        config.heal();
        killAll();
        links.values().forEach(TcpProxy::close);
        FlakyDisk disk = flaky;
        if (disk != null) {
            disk.close();
        }
        config.close();
        nodes.forEach(node -> network.removeNode(node.number()));
    }
}
