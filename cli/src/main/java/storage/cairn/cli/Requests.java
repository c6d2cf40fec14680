package storage.cairn.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import storage.cairn.api.v1alpha1.ControlGrpc.ControlBlockingStub;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.GetVolumeRequest;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.cluster.ClusterStatus;
import storage.cairn.cli.cluster.ControlClient;
import storage.cairn.cli.cluster.LocalCluster;

/** Brings a request to an engine that can carry it out, and waits for one that answers. */
final class Requests {
    /** A busy machine may need that long; an engine that is stopped never answers. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final Duration POLL = Duration.ofMillis(200);
    /** A request that the configuration store answers. */
    private static final int QUICK_SECONDS = 30;

    private final Cairn cairn;
    private final LocalCluster cluster;

    Requests(Cairn cairn) {
        this.cairn = cairn;
        this.cluster = cairn.cluster();
    }

    LocalCluster cluster() {
        return cluster;
    }

    boolean exists(String name) {
        try {
            stored(name);
            return true;
        } catch (Failure e) {
            if (e.code() != ExitCode.NOT_FOUND) {
                throw e;
            }
            return false;
        }
    }

    private Volume stored(String name) {
        GetVolumeRequest request = GetVolumeRequest.newBuilder().setName(name).build();
        return any(QUICK_SECONDS, stub -> stub.getVolume(request));
    }

    /** A volume as its owner sees it; else as the configuration store has it. */
    Volume find(String name) {
        Volume stored = stored(name);
        return ClusterStatus.ask(cluster)
                .volume(name)
                .filter(seen -> seen.getId().equals(stored.getId()) && seen.getEpoch() >= stored.getEpoch())
                .orElse(stored);
    }

    /** Asks the owner of a volume, any engine when nobody owns it, or its process ends before it has answered. */
    <T> T owner(String name, int seconds, Function<ControlBlockingStub, T> request) {
        int owner = find(name).getOwnerNode();
        if (owner != 0 && cluster.runs(owner)) {
            try {
                return on(owner, seconds, request);
            } catch (Failure e) {
                if (e.code() != ExitCode.UNREACHABLE || cluster.runs(owner)) {
                    throw e;
                }
            }
        }
        return any(seconds, request);
    }

    /** Asks an engine that answers; another one, or the same again, for what it could not be reached or refused for now. */
    <T> T any(int seconds, Function<ControlBlockingStub, T> request) {
        return anyClient(client -> client.call(seconds, request));
    }

    Volume create(int seconds, CreateVolumeRequest request) {
        return anyClient(client -> client.createVolume(seconds, request, cairn.err()::println));
    }

    private <T> T anyClient(Function<ControlClient, T> request) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        for (int round = 0; ; round++) {
            int node = answering();
            try (ControlClient client = ControlClient.connect(cluster.node(node))) {
                return request.apply(client);
            } catch (Failure e) {
                if (e.code() != ExitCode.UNREACHABLE || System.nanoTime() >= deadline) {
                    throw e;
                }
                if (round == 0) {
                    cairn.err().println(e.getMessage() + "; trying for up to " + PATIENCE.toSeconds() + " s ...");
                }
                LockSupport.parkNanos(POLL.toNanos());
            }
        }
    }

    <T> T on(int node, int seconds, Function<ControlBlockingStub, T> request) {
        try (ControlClient client = ControlClient.connect(cluster.node(node))) {
            return client.call(seconds, request);
        }
    }

    /** A node whose engine answers: some may be stopped, and all may be busy for a while. */
    int answering() {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        for (int round = 0; ; round++) {
            List<Integer> running = cluster.running();
            if (running.isEmpty()) {
                throw new Failure(
                        ExitCode.UNREACHABLE, "No engine of " + cluster.dir() + " runs: start them with 'cairn up'");
            }
            int node = firstAnswering(running);
            if (node != 0) {
                return node;
            }
            if (System.nanoTime() >= deadline) {
                throw new Failure(
                        ExitCode.UNREACHABLE,
                        "No engine of " + cluster.dir() + " answered for " + PATIENCE.toSeconds()
                                + " s: 'cairn status' tells more, their logs are in its node folders");
            }
            if (round == 0) {
                cairn.err()
                        .println("No engine of " + cluster.dir() + " answers yet; waiting up to " + PATIENCE.toSeconds()
                                + " s ...");
            }
            LockSupport.parkNanos(POLL.toNanos());
        }
    }

    /** Asks all at once; the first answer counts. 0: none answers. */
    private int firstAnswering(List<Integer> running) {
        ExecutorService each = ControlClient.callers();
        try {
            CompletionService<Integer> answers = new ExecutorCompletionService<>(each);
            for (int node : new ArrayList<>(running)) {
                answers.submit(() -> {
                    try (ControlClient client = ControlClient.connect(cluster.node(node))) {
                        return client.reachable() ? node : 0;
                    }
                });
            }
            for (int i = 0; i < running.size(); i++) {
                int node = answers.take().get();
                if (node != 0) {
                    return node;
                }
            }
            return 0;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Failure failure) {
                throw failure;
            }
            throw new IllegalStateException("a node could not be asked", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Failure(ExitCode.FAILED, "interrupted", e);
        } finally {
            each.shutdownNow();
        }
    }
}
