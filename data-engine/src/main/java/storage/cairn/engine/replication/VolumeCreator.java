package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.ConfigStore.Listed;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.Configurations;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.replication.VolumeAnswer.Problem;
import storage.cairn.engine.replication.VolumeAnswer.Receiver;

/** Makes volumes: chooses disks, has an empty replica made on each, then records the volume. */
final class VolumeCreator {
    private static final int DEFAULT_REPLICAS = 3;
    private static final long SMALLEST_BYTES = 1 << 20;
    private static final long LARGEST_BYTES = 240L << 40;
    private static final long CREATE_MILLIS = 10_000;
    private static final int MAX_ATTEMPTS = 40;

    private final NodeContext context;
    private final ReplicaServer replicas;
    private final Peers peers;
    private final Catalog catalog;
    private final Views views;
    private final Consumer<VolumeId> made;

    /**
     * @param made told of each volume that has a new replica here: it may have been given up meanwhile
     */
    VolumeCreator(
            NodeContext context,
            ReplicaServer replicas,
            Peers peers,
            Catalog catalog,
            Views views,
            Consumer<VolumeId> made) {
        this.context = context;
        this.made = made;
        this.replicas = replicas;
        this.peers = peers;
        this.catalog = catalog;
        this.views = views;
    }

    /** What is wrong with a size, empty when nothing is. */
    static String wrongSize(long sizeBytes) {
        if (sizeBytes < SMALLEST_BYTES || sizeBytes > LARGEST_BYTES || sizeBytes % BlockDevice.BLOCK_BYTES != 0) {
            return "a volume has 1 MiB to 240 TiB, in multiples of 4096 bytes; asked were " + sizeBytes;
        }
        return "";
    }

    private static String wrongName(String name) {
        return name.matches("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
                ? ""
                : "'" + name + "' is no name for a volume: 1 to 63 of a-z, 0-9 and '-', beginning and ending with a"
                        + " letter or digit";
    }

    void create(String name, long sizeBytes, int replicaCount, int minInSync, Receiver receiver) {
        int nodes = context.nodes.size();
        int wanted = replicaCount == 0 ? Math.min(DEFAULT_REPLICAS, nodes) : replicaCount;
        int least = minInSync == 0 ? Configuration.defaultMinInSync(wanted) : minInSync;
        String wrong = wrongName(name);
        if (wrong.isEmpty()) {
            wrong = wrongSize(sizeBytes);
        }
        if (wrong.isEmpty() && (wanted < 1 || wanted > Configuration.MAX_REPLICAS)) {
            wrong = "a volume has 1 to " + Configuration.MAX_REPLICAS + " replicas; asked were " + wanted;
        }
        if (wrong.isEmpty() && wanted > nodes) {
            wrong = wanted + " replicas need " + wanted + " nodes; the cluster has " + nodes;
        }
        if (wrong.isEmpty() && (least < 1 || least > wanted)) {
            wrong = "minInSync is 1 to the number of replicas, " + wanted + "; asked was " + least;
        }
        if (!wrong.isEmpty()) {
            String reason = wrong;
            context.clock.execute(() -> fail(receiver, Problem.INVALID, reason));
            return;
        }
        catalog.list(outcome -> {
            switch (outcome) {
                case Listed.Unavailable unavailable ->
                    fail(
                            receiver,
                            Problem.UNAVAILABLE,
                            "the configuration store does not answer: " + unavailable.reason());
                case Listed.All all -> {
                    Configuration same = named(all.volumes(), name);
                    if (same == null) {
                        place(name, sizeBytes, wanted, least, receiver);
                    } else {
                        existing(same, sizeBytes, wanted, least, receiver);
                    }
                }
            }
        });
    }

    private static @Nullable Configuration named(List<Versioned> volumes, String name) {
        for (Versioned each : volumes) {
            if (!each.value().deleted() && each.value().name().equals(name)) {
                return each.value();
            }
        }
        return null;
    }

    private void existing(Configuration same, long sizeBytes, int wanted, int least, Receiver receiver) {
        int count =
                same.inSync().size() + same.syncing().size() + same.outOfSync().size();
        if (same.sizeBytes() == sizeBytes && count == wanted && same.minInSync() == least) {
            receiver.answered(new VolumeAnswer.Done(views.volume(same)));
        } else {
            fail(
                    receiver,
                    Problem.ALREADY_EXISTS,
                    "there is a volume '" + same.name() + "' already, with " + same.sizeBytes() + " bytes, " + count
                            + " replicas and minInSync " + same.minInSync() + "; choose another name");
        }
    }

    /** What follows a configuration that was never recorded; it takes no name away. */
    static Configuration tombstone(Configuration first, UUID changeId) {
        return new Configuration(
                first.volume(),
                first.volume().toString(),
                first.storeTerm(),
                first.epoch() + 1,
                changeId,
                null,
                first.inSync(),
                List.of(),
                List.of(),
                first.minInSync(),
                first.sizeBytes(),
                null,
                false,
                true);
    }

    private static void fail(Receiver receiver, Problem problem, String reason) {
        receiver.answered(new VolumeAnswer.Failed(problem, reason));
    }

    private void place(String name, long sizeBytes, int wanted, int least, Receiver receiver) {
        TreeMap<Integer, Peers.Placed> best = new TreeMap<>();
        for (Peers.Placed placed : peers.disks()) {
            if (!placed.disk().failure().isEmpty() || placed.disk().freeSlots() <= 0) {
                continue;
            }
            Peers.Placed other = best.get(placed.node());
            if (other == null || other.disk().freeSlots() < placed.disk().freeSlots()) {
                best.put(placed.node(), placed);
            }
        }
        List<Peers.Placed> chosen = new ArrayList<>(best.values());
        chosen.sort(Comparator.comparingLong((Peers.Placed each) -> -each.disk().freeSlots())
                .thenComparingInt(Peers.Placed::node));
        if (chosen.size() < wanted) {
            fail(
                    receiver,
                    Problem.EXHAUSTED,
                    wanted + " replicas need healthy disks with free space on " + wanted + " nodes; there are such on "
                            + chosen.size() + " nodes: " + best.keySet());
            return;
        }
        List<DiskId> disks = new ArrayList<>();
        for (Peers.Placed each : chosen.subList(0, wanted)) {
            disks.add(new DiskId(each.disk().disk()));
        }
        Configuration first = new Configuration(
                new VolumeId(context.newId()),
                name,
                1,
                1,
                context.newId(),
                null,
                disks,
                List.of(),
                List.of(),
                least,
                sizeBytes,
                null,
                false,
                false);
        new Making(first, receiver).begin();
    }

    /** Makes an empty replica on a disk of this node, for a volume that is not recorded yet. */
    void createHere(DiskId disk, Configuration configuration, PeerRequests.Result result) {
        ServedDisk served = replicas.disk(disk);
        if (served == null || served.failure() != null) {
            String reason = "node " + context.identity.node() + " has no healthy disk " + disk;
            context.clock.execute(() -> result.result(Status.NOT_FOUND, reason));
            return;
        }
        served.create(configuration, (tag, status) -> {
            if (status == Status.OK) {
                made.accept(configuration.volume());
            }
            result.result(
                    status,
                    status == Status.OK ? "" : "disk " + disk + " at node " + context.identity.node() + ": " + status);
        });
    }

    /** One volume on its way into being. */
    private final class Making {
        private final Configuration first;
        private final Receiver receiver;
        private int open;
        private Status worst = Status.OK;
        private String trouble = "";
        private int attempts;

        Making(Configuration first, Receiver receiver) {
            this.first = first;
            this.receiver = receiver;
        }

        void begin() {
            open = first.inSync().size();
            for (DiskId disk : first.inSync()) {
                PeerConversation conversation = peers.conversation(peers.nodeOf(disk));
                if (conversation == null) {
                    createHere(disk, first, this::made);
                } else {
                    conversation.ask(
                            FrameType.CREATE_REPLICA,
                            CREATE_MILLIS,
                            out -> Configurations.write(out.id(disk.uuid()), first),
                            this::made);
                }
            }
        }

        private void made(Status status, String text) {
            if (status != Status.OK) {
                worst = status;
                trouble = text;
            }
            if (--open > 0) {
                return;
            }
            if (worst == Status.OK) {
                record();
            } else {
                bury();
                fail(
                        receiver,
                        worst == Status.NO_SPACE ? Problem.EXHAUSTED : Problem.UNAVAILABLE,
                        "volume '" + first.name() + "' was not made: " + trouble);
            }
        }

        private void record() {
            attempts++;
            context.configStore.compareAndSet(first.volume(), Versioned.NONE, first, outcome -> {
                switch (outcome) {
                    case Written.Applied ignored -> recorded();
                    case Written.Conflict ignored -> check();
                    case Written.Unknown ignored -> later();
                    case Written.Refused refused -> {
                        bury();
                        fail(receiver, Problem.UNAVAILABLE, "the configuration store refused: " + refused.reason());
                    }
                }
            });
        }

        private void recorded() {
            context.log.event(
                    Log.Level.INFO,
                    first.name(),
                    1,
                    "VolumeCreated",
                    first.sizeBytes() + " bytes on " + first.inSync());
            catalog.learned(first);
            receiver.answered(new VolumeAnswer.Done(views.volume(first)));
        }

        private void later() {
            if (attempts >= MAX_ATTEMPTS) {
                fail(
                        receiver,
                        Problem.UNAVAILABLE,
                        "the configuration store does not say whether volume '" + first.name()
                                + "' was recorded; ask for it later");
                return;
            }
            context.afterMillis(context.settings.failures().storeRetryMillis(), this::check);
        }

        private void check() {
            context.configStore.get(first.volume(), outcome -> {
                switch (outcome) {
                    case Read.Found found -> {
                        if (found.current().value().changeId().equals(first.changeId())) {
                            recorded();
                        } else {
                            fail(receiver, Problem.UNAVAILABLE, "volume '" + first.name() + "' was changed at once");
                        }
                    }
                    case Read.Absent ignored -> absent();
                    case Read.Unavailable ignored -> later();
                }
            });
        }

        /** Not there: either the name is taken, or the attempt was not applied and may be made again. */
        private void absent() {
            catalog.find(first.name(), outcome -> {
                switch (outcome) {
                    case Catalog.Found.Volume found -> {
                        if (found.current().value().volume().equals(first.volume())) {
                            recorded();
                        } else {
                            bury();
                            fail(
                                    receiver,
                                    Problem.ALREADY_EXISTS,
                                    "there is a volume '" + first.name() + "' already; choose another name");
                        }
                    }
                    case Catalog.Found.Missing ignored -> {
                        if (attempts >= MAX_ATTEMPTS) {
                            later();
                        } else {
                            context.afterMillis(context.settings.failures().storeRetryMillis(), this::record);
                        }
                    }
                    case Catalog.Found.Unavailable ignored -> later();
                }
            });
        }

        /** Records a tombstone, so that the empty replicas made already are erased like any deleted volume's. */
        private void bury() {
            Configuration tombstone = tombstone(first, context.newId());
            context.configStore.compareAndSet(first.volume(), Versioned.NONE, tombstone, outcome -> {
                if (outcome instanceof Written.Applied) {
                    catalog.learned(tombstone);
                } else {
                    context.log.event(
                            Log.Level.WARN,
                            first.name(),
                            1,
                            "ReplicasLeft",
                            "empty replicas of volume " + first.volume() + " remain on " + first.inSync()
                                    + ": the configuration store answered " + outcome);
                }
            });
        }
    }
}
