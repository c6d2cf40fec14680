package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import storage.cairn.api.register.NameClaims;
import storage.cairn.api.register.NoReplyException;
import storage.cairn.api.register.Reply;
import storage.cairn.api.resource.Api;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/**
 * The configuration store of a cluster on Kubernetes: a VolumeMembership object for each volume. {@link Registers} says
 * how they are compared and set, {@link NameClaims} how names stay unique.
 *
 * <p>Calls come from one loop and are done by other threads, those for one volume in their order; answers go back to
 * the loop. A request has 2 s; after that its outcome is unknown. When too many wait, the next is refused at once.
 * Changes, and reads that settle one, go before all other reads: a change of a volume makes every engine read it, and
 * hosts wait for changes alone.
 */
public final class KubernetesConfigStore implements ConfigStore, AutoCloseable {
    private static final long TIMEOUT_MILLIS = 2_000;
    private static final int MAX_IN_FLIGHT = 64;
    private static final int MAX_WAITING = 16_384;
    private static final long CLOSE_MILLIS = 5_000;
    private static final String LIST = "list";

    private final Clock clock;
    private final ApiClient api;
    private final Registers registers;
    private final Lanes lanes = new Lanes(MAX_IN_FLIGHT, MAX_WAITING);
    private final ObjectWatch changes;
    private final ApiClient watchApi;
    private final Consumer<String> problems;
    private final CopyOnWriteArrayList<Changed> watchers = new CopyOnWriteArrayList<>();
    private volatile Wished wished = (volume, disks, sizeBytes) -> {};
    /** What was told last; on the watching thread. */
    private final Map<String, String> wishes = new HashMap<>();

    /** Volumes of which a change was not settled when it was last heard of; on the loop. */
    private final Set<VolumeId> unsettled = new HashSet<>();

    private boolean watching;

    private KubernetesConfigStore(ApiClient api, ApiClient watchApi, Clock clock, Consumer<String> problems) {
        this.clock = clock;
        this.api = api;
        this.registers = new Registers(api, problems);
        this.watchApi = watchApi;
        this.problems = problems;
        api.whenAnswered(lanes::answered);
        this.changes = new ObjectWatch(
                watchApi, Memberships.PATH, ObjectWatch.Content.METADATA, new MembershipFollower(), problems);
    }

    /**
     * Told on the loop where a volume is wanted, and how large: by the annotations {@value Api#PLACEMENT} and
     * {@value Api#SIZE} of its membership.
     */
    public interface Wished {
        /**
         * @param disks all of them; none: nobody minds where it is
         * @param sizeBytes 0: nobody said
         */
        void wished(VolumeId volume, List<DiskId> disks, long sizeBytes);
    }

    /** Puts it on record that a replica holds a configuration that the API server's data forgot. */
    public void testify(DiskId disk, Configuration held) {
        boolean taken = lanes.submit(held.volume(), false, () -> {
            ObjectNode patch = ApiClient.JSON.createObjectNode();
            patch.putObject("metadata")
                    .putObject("annotations")
                    .put(Api.WITNESS_PREFIX + disk, Memberships.spec(held).toString());
            try {
                Reply written = api.merge(Memberships.path(held.volume()), patch);
                if (!written.ok()) {
                    problems.accept("volume=" + held.name() + " its later configuration is not on record: "
                            + written.message());
                }
            } catch (NoReplyException e) {
                problems.accept(
                        "volume=" + held.name() + " its later configuration is not on record: " + e.getMessage());
            }
        });
        if (!taken) {
            problems.accept("volume=" + held.name() + " its later configuration is not on record: too much waits");
        }
    }

    /** Before {@link #watch}. */
    public void whenWished(Wished listener) {
        wished = listener;
    }

    private final class MembershipFollower implements ObjectWatch.Follower {
        @Override
        public void present(JsonNode object) {
            String name = Memberships.name(object);
            try {
                VolumeId volume = VolumeId.of(name);
                changed(volume);
                JsonNode annotations = object.path("metadata").path("annotations");
                String disks = annotations.path(Api.PLACEMENT).asText();
                String size = annotations.path(Api.SIZE).asText();
                String wish = disks + " " + size;
                if (!wish.equals(wishes.getOrDefault(name, " "))) {
                    List<DiskId> all = Memberships.disks(disks);
                    long bytes = size.isEmpty() ? 0 : Long.parseLong(size);
                    wishes.put(name, wish);
                    clock.execute(() -> wished.wished(volume, all, bytes));
                }
            } catch (IllegalArgumentException e) {
                problems.accept("VolumeMembership " + name + " left alone: " + e.getMessage());
            }
        }

        @Override
        public void gone(String name) {
            wishes.remove(name);
            try {
                changed(VolumeId.of(name));
            } catch (IllegalArgumentException notAVolume) {
                problems.accept("VolumeMembership " + name + " was removed: not the name of a volume");
            }
        }
    }

    /**
     * Opens the store; the API server need not answer yet.
     *
     * @param kubeconfig how to reach it; empty: as a pod does, by its service account
     * @param problems told of what is wrong and fails no call; called on threads of the store
     */
    public static KubernetesConfigStore open(String kubeconfig, Clock clock, Consumer<String> problems)
            throws IOException {
        return open(kubeconfig, TIMEOUT_MILLIS, clock, problems);
    }

    /** The same with another longest wait for one answer. */
    static KubernetesConfigStore open(String kubeconfig, long timeoutMillis, Clock clock, Consumer<String> problems)
            throws IOException {
        ApiClient api = new ApiClient(kubeconfig, timeoutMillis);
        return new KubernetesConfigStore(api, new ApiClient(kubeconfig, timeoutMillis), clock, problems);
    }

    @Override
    public void get(VolumeId volume, Answer<Read> answer) {
        ask(
                volume,
                unsettled.contains(volume),
                () -> registers.get(volume),
                outcome -> {
                    if (!(outcome instanceof Read.Unavailable)) {
                        unsettled.remove(volume);
                    }
                    answer.accept(outcome);
                },
                Read.Unavailable::new,
                Read.Unavailable::new);
    }

    @Override
    public void compareAndSet(VolumeId volume, long expected, Configuration value, Answer<Written> answer) {
        ask(
                volume,
                true,
                () -> registers.compareAndSet(volume, expected, value),
                outcome -> {
                    if (outcome instanceof Written.Unknown || outcome instanceof Written.Conflict) {
                        unsettled.add(volume);
                    } else {
                        unsettled.remove(volume);
                    }
                    answer.accept(outcome);
                },
                Written.Refused::new,
                Written.Unknown::new);
    }

    @Override
    public void list(Answer<Listed> answer) {
        ask(LIST, false, registers::list, answer, Listed.Unavailable::new, Listed.Unavailable::new);
    }

    @Override
    public Watch watch(Changed changed) {
        watchers.add(changed);
        if (!watching) {
            watching = true;
            changes.start();
        }
        return () -> watchers.remove(changed);
    }

    private void changed(VolumeId volume) {
        clock.execute(() -> {
            for (Changed watcher : watchers) {
                watcher.changed(volume);
            }
        });
    }

    /**
     * @param notBegun what to answer when nothing was tried
     * @param broken what to answer when it failed on the way
     */
    private <T> void ask(
            Object lane,
            boolean urgent,
            Supplier<T> work,
            Answer<T> answer,
            Function<String, T> notBegun,
            Function<String, T> broken) {
        boolean taken = lanes.submit(lane, urgent, () -> {
            T outcome;
            try {
                outcome = work.get();
            } catch (RuntimeException | Error e) {
                outcome = broken.apply("internal error of the configuration store: " + e);
            }
            T result = outcome;
            clock.execute(() -> answer.accept(result));
        });
        if (!taken) {
            String reason = lanes.closed()
                    ? "the configuration store is closed"
                    : "more than " + MAX_WAITING + " requests to the configuration store are waiting";
            clock.execute(() -> answer.accept(notBegun.apply(reason)));
        }
    }

    /** Finishes what was asked, for at most 5 s. Answers that come later than the loop are lost with it. */
    @Override
    public void close() throws IOException {
        changes.close();
        watchApi.close();
        try {
            if (!lanes.close(CLOSE_MILLIS)) {
                throw new IOException(
                        "the configuration store still waits for the API server after " + CLOSE_MILLIS + " ms");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            api.close();
        }
    }
}
