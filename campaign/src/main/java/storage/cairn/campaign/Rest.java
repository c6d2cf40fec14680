package storage.cairn.campaign;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.v1alpha1.Disk;
import storage.cairn.api.v1alpha1.MoveVolumeRequest;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.Replica;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdCommand;
import storage.cairn.client.nbd.NbdUri;
import storage.cairn.engine.sim.Stamps;
import storage.cairn.engine.sim.Violation;

/**
 * Holds a healed cluster to its promises: it comes to rest within bounded time, survives the death of every engine,
 * and each in-sync replica gives the same bytes.
 */
final class Rest {
    private static final Duration READS = Duration.ofSeconds(120);
    private static final int REQUEST_SECONDS = 20;
    private static final int PIECE_BLOCKS = 64;
    private static final long LOOK_NANOS = 250_000_000;

    private final Cluster cluster;
    private final List<VolumeLoad> loads;
    private final Events events;
    private final boolean forgiven;
    private final Duration converges;

    /**
     * @param forgiven whether the disk that may fail is allowed to be lost for good, since bits flipped on it
     * @param converges how long the way to rest may take
     */
    Rest(Cluster cluster, List<VolumeLoad> loads, Events events, boolean forgiven, Duration converges) {
        this.cluster = cluster;
        this.loads = loads;
        this.events = events;
        this.forgiven = forgiven;
        this.converges = converges;
    }

    /** Waits until every volume has all of its replicas in sync; answers how long that took. */
    long converge() {
        long begun = System.nanoTime();
        restartWithFailedDisks();
        while (true) {
            events.check();
            cluster.checkAlive();
            List<String> open = new ArrayList<>();
            for (VolumeLoad load : loads) {
                String why = unsettled(load);
                if (!why.isEmpty()) {
                    open.add(load.name() + ": " + why);
                }
            }
            if (open.isEmpty()) {
                return System.nanoTime() - begun;
            }
            if (System.nanoTime() - begun > converges.toNanos()) {
                throw new Violation(
                                "liveness",
                                converges.toSeconds() + " s after everything was healed: " + String.join("; ", open))
                        .about(open.getFirst().replaceFirst(":.*", ""), -1);
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** A disk that failed is served again only by a new process. */
    private void restartWithFailedDisks() {
        for (Node node : cluster.nodes()) {
            NodeStatus status = node.status();
            if (status != null
                    && status.getDisksList().stream()
                            .anyMatch(disk -> disk.getNode() == node.number() && failed(disk))) {
                events.tell("node " + node.number() + " is restarted, its disk failed");
                node.terminate();
                node.start();
            }
        }
        cluster.awaitReady();
    }

    private static boolean failed(Disk disk) {
        return !disk.getState().equals("Ready");
    }

    /** What keeps a volume from being at rest; empty when nothing does. */
    private String unsettled(VolumeLoad load) {
        Volume volume = cluster.volume(load.name());
        if (volume == null) {
            return "no node tells of it";
        }
        for (Replica replica : volume.getReplicasList()) {
            boolean lost = forgiven && (replica.getNode() == cluster.flakyNode() || replica.getNode() == 0);
            if (!replica.getState().equals("InSync") && !(lost && diskIsLost())) {
                return volume.getPhase() + " (" + volume.getReason() + "), replica on node " + replica.getNode()
                        + " is "
                        + replica.getState() + ", owner " + volume.getOwnerNode() + " in epoch " + volume.getEpoch()
                        + " " + volume.getActivity().getActivity();
            }
        }
        return load.servedBy() == 0 ? "served to nobody; " + volume.getPhase() + " " + volume.getReason() : "";
    }

    private boolean diskIsLost() {
        NodeStatus status = cluster.node(cluster.flakyNode()).status();
        return status != null
                && status.getDisksList().stream()
                        .anyMatch(disk -> disk.getNode() == cluster.flakyNode() && failed(disk));
    }

    /** Ends the load, kills every engine, and reads everything from each replica in turn. */
    void verify() {
        loads.forEach(VolumeLoad::stop);
        long begun = System.nanoTime();
        while (!loads.stream().allMatch(VolumeLoad::idle)) {
            events.check();
            if (System.nanoTime() - begun > READS.toNanos()) {
                throw new Violation("liveness", "requests have no answer " + READS.toSeconds() + " s after the rest");
            }
            LockSupport.parkNanos(LOOK_NANOS / 10);
        }
        loads.forEach(VolumeLoad::end);
        events.check();
        cluster.count();
        cluster.killAll();
        cluster.awaitReady();
        for (VolumeLoad load : loads) {
            verify(load);
        }
        events.check();
    }

    private void verify(VolumeLoad load) {
        Volume volume = known(load);
        Map<Long, Long> first = null;
        int firstNode = 0;
        for (Replica replica : volume.getReplicasList()) {
            int node = replica.getNode();
            if (!replica.getState().equals("InSync") || node == 0) {
                continue;
            }
            own(load, node);
            Map<Long, Long> held = readAll(load, node);
            if (first == null) {
                first = held;
                firstNode = node;
            } else if (!held.equals(first)) {
                throw different(load, first, firstNode, held, node);
            }
        }
        load.check(first);
    }

    private Volume known(VolumeLoad load) {
        long deadline = System.nanoTime() + READS.toNanos();
        for (Volume seen = cluster.volume(load.name()); ; seen = cluster.volume(load.name())) {
            if (seen != null && seen.getReplicasCount() > 0) {
                return seen;
            }
            if (System.nanoTime() > deadline) {
                throw new Violation("liveness", "no node tells of " + load.name() + " after all were killed");
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** Makes a node the owner, which reads its own replica. */
    private void own(VolumeLoad load, int node) {
        long deadline = System.nanoTime() + READS.toNanos();
        while (true) {
            Volume moved = cluster.node(node)
                    .ask(
                            REQUEST_SECONDS,
                            stub -> stub.moveVolume(MoveVolumeRequest.newBuilder()
                                    .setName(load.name())
                                    .setNode(node)
                                    .build()));
            if (moved != null && moved.getOwnerNode() == node) {
                return;
            }
            if (System.nanoTime() > deadline) {
                throw new Violation(
                                "liveness",
                                load.name() + " could not be moved to node " + node + " within " + READS.toSeconds()
                                        + " s at rest")
                        .about(load.name(), -1);
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** Reads the whole volume at one node; enters it into the history, and answers what is not zero. */
    private Map<Long, Long> readAll(VolumeLoad load, int node) {
        Map<Long, Long> held = new HashMap<>();
        NbdUri uri = NbdUri.parse("nbd://" + cluster.node(node).place().nbdAddress() + "/" + load.export());
        try (NbdClient client =
                new NbdClient(List.of(uri), new NbdClient.Settings(8, READS.toMillis()), new Told(load, node))) {
            List<Request> requests = new ArrayList<>();
            List<CompletableFuture<Integer>> answers = new ArrayList<>();
            for (int block = 0; block < load.blocks(); block += VolumeLoad.small(block) ? 1 : PIECE_BLOCKS) {
                int count = VolumeLoad.small(block) ? 1 : Math.min(PIECE_BLOCKS, load.blocks() - block);
                Request request = new Request(
                        NbdCommand.Type.READ, block * Stamps.SECTORS, count * Stamps.SECTORS, VolumeLoad.small(block));
                CompletableFuture<Integer> answer = new CompletableFuture<>();
                requests.add(request);
                answers.add(answer);
                request.calledNanos = events.nanos();
                client.submit(request.into(new NbdCommand(command -> answer.complete(command.error()))));
            }
            for (int i = 0; i < requests.size(); i++) {
                take(load, node, requests.get(i), await(answers.get(i)), held);
            }
        }
        return held;
    }

    private void take(VolumeLoad load, int node, Request request, int error, Map<Long, Long> held) {
        if (error != 0) {
            throw new Violation(
                            "liveness",
                            load.name() + ": " + request + " at rest on node " + node + " failed with error " + error)
                    .about(load.name(), request.firstBlock());
        }
        synchronized (load) {
            request.done(load.history(), events.nanos());
        }
        int step = request.small ? 1 : Stamps.SECTORS;
        for (int i = 0; i < request.sectors; i += step) {
            long value = request.value(i, step);
            if (value != 0) {
                held.put((long) request.sector + i, value);
            }
        }
    }

    private static int await(CompletableFuture<Integer> answer) {
        try {
            return answer.get(READS.toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            return NbdCommand.UNREACHABLE;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return NbdCommand.CLOSED;
        }
    }

    private static Violation different(
            VolumeLoad load, Map<Long, Long> first, int firstNode, Map<Long, Long> second, int secondNode) {
        List<String> lines = new ArrayList<>();
        long block = -1;
        for (long register = 0; register < (long) load.blocks() * Stamps.SECTORS && lines.size() < 8; register++) {
            long a = first.getOrDefault(register, 0L);
            long b = second.getOrDefault(register, 0L);
            if (a != b) {
                block = block < 0 ? register / Stamps.SECTORS : block;
                lines.add("sector " + register + ": " + a + " on node " + firstNode + ", " + b + " on node "
                        + secondNode);
            }
        }
        return new Violation("I9", load.name() + ": in-sync replicas differ at rest: " + String.join("; ", lines))
                .about(load.name(), block);
    }

    /** Notes connections in the events. */
    private final class Told implements NbdClient.Listener {
        private final VolumeLoad load;
        private final int node;
        private @Nullable String last;

        Told(VolumeLoad load, int node) {
            this.load = load;
            this.node = node;
        }

        @Override
        public void connected(NbdUri uri) {
            events.tell(load.name() + "/verify connected to node " + node);
        }

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {
            events.tell(load.name() + "/verify lost node " + node + ": " + reason);
        }

        @Override
        public void refused(NbdUri uri, String reason) {
            if (!reason.equals(last)) {
                last = reason;
                events.tell(load.name() + "/verify refused by node " + node + ": " + reason);
            }
        }
    }
}
