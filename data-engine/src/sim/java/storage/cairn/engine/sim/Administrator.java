package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.replication.StorageNode;
import storage.cairn.engine.replication.VolumeAnswer;

/**
 * Makes the volumes of a {@link World} and puts them into service; while faults strike it moves, grows, deletes and
 * serves them anew and wants their replicas on other disks, and it sees to it that each is served again when a request of its own had an effect late.
 */
final class Administrator {
    private static final long PAUSE_NANOS = 1_000_000_000L;
    private static final long PATIENCE_NANOS = 60_000_000_000L;
    private static final int MOST_GROWTH_BLOCKS = 256;
    private static final int LARGEST_VOLUME_BLOCKS = 12_000;
    private static final int MOST_VOLUMES_EVER = 8;

    private final World world;
    private final SimRandom random;
    private final boolean replaces;
    private int made;

    Administrator(World world, SimRandom random) {
        this.world = world;
        this.random = random;
        this.replaces = random.below(3) == 0;
    }

    void begin() {
        for (Shape.OfVolume shape : world.shape.volumes()) {
            make("v" + (made + 1), shape);
        }
        world.clock.after(20 * PAUSE_NANOS, this::bother);
        world.clock.after(5 * PAUSE_NANOS, this::tend);
    }

    private void make(String name, Shape.OfVolume shape) {
        made++;
        SimVolume volume = new SimVolume(name, shape);
        world.clock.after(PAUSE_NANOS, () -> create(volume));
    }

    private void create(SimVolume volume) {
        long bytes = (long) volume.firstBlocks() * BlockDevice.BLOCK_BYTES;
        ask(
                "create",
                (node, receiver) -> node.createVolume(volume.name, bytes, volume.replicas, volume.minInSync, receiver),
                answer -> {
                    switch (answer) {
                        case VolumeAnswer.Done done -> serve(volume);
                        case VolumeAnswer.All all -> throw new Violation("contract", "createVolume listed volumes");
                        case VolumeAnswer.Failed failed -> {
                            if (failed.problem() == VolumeAnswer.Problem.ALREADY_EXISTS) {
                                serve(volume);
                            } else {
                                world.clock.after(PAUSE_NANOS, () -> create(volume));
                            }
                        }
                    }
                },
                () -> create(volume));
    }

    private void serve(SimVolume volume) {
        if (volume.deleted()) {
            return;
        }
        ask(
                "serve",
                (node, receiver) -> node.serve(volume.name, receiver),
                answer -> {
                    if (answer instanceof VolumeAnswer.Done done) {
                        served(volume, done.volume().configuration());
                    } else {
                        world.clock.after(PAUSE_NANOS, () -> serve(volume));
                    }
                },
                () -> serve(volume));
    }

    private void served(SimVolume volume, Configuration configuration) {
        Configuration now = world.config.current(configuration.volume());
        if (now == null || now.deleted() || now.attachId() == null || volume.deleted()) {
            world.clock.after(PAUSE_NANOS, () -> serve(volume));
            return;
        }
        volume.served(now);
        if (!world.volumes.contains(volume)) {
            world.add(volume);
        }
    }

    /** Notices what became of volumes, also by requests whose answers never came. */
    private void tend() {
        for (SimVolume volume : List.copyOf(world.volumes)) {
            Configuration now = Objects.requireNonNull(world.config.current(volume.id()));
            if (now.deleted()) {
                world.deleted(volume);
                make(volume.name, new Shape.OfVolume(volume.firstBlocks(), volume.replicas, volume.minInSync));
            } else if (now.attachId() == null) {
                serve(volume);
            } else {
                volume.served(now);
                tellWish(volume);
            }
        }
        world.clock.after(5 * PAUSE_NANOS, this::tend);
    }

    /** Now and then a change that nothing in the cluster asked for. */
    private void bother() {
        if (world.calm()) {
            return;
        }
        if (!world.volumes.isEmpty() && random.below(4) == 0) {
            change(world.volumes.get(random.below(world.volumes.size())));
        }
        world.clock.after(PAUSE_NANOS + random.below(20 * PAUSE_NANOS), this::bother);
    }

    private void change(SimVolume volume) {
        world.administers();
        int dice = random.below(10);
        if (replaces && random.nextBoolean()) {
            wish(volume);
        } else if (dice < 4) {
            int to = 1 + random.below(world.nodes.size());
            ask("move", (node, receiver) -> node.move(volume.name, to, receiver), answer -> {}, () -> {});
        } else if (dice < 7) {
            grow(volume);
        } else if (dice < 9) {
            ask("serve again", (node, receiver) -> node.serve(volume.name, receiver), answer -> {}, () -> {});
        } else if (made < MOST_VOLUMES_EVER) {
            ask("delete", (node, receiver) -> node.deleteVolume(volume.name, true, receiver), answer -> {}, () -> {});
        }
    }

    private void grow(SimVolume volume) {
        int blocks = Math.min(LARGEST_VOLUME_BLOCKS, volume.blocks() + 1 + random.below(MOST_GROWTH_BLOCKS));
        long bytes = (long) blocks * BlockDevice.BLOCK_BYTES;
        SimNode owner = world.owner(volume);
        askAt(
                owner == null || random.below(4) == 0 ? anyNode() : owner,
                "grow",
                (node, receiver) -> node.resizeVolume(volume.name, bytes, receiver),
                answer -> {
                    if (answer instanceof VolumeAnswer.Done done) {
                        world.ledger.grown(volume, done.volume().configuration(), bytes);
                    }
                },
                () -> {});
    }

    /** Wants the replicas on other disks, perhaps one more or one less of them. */
    private void wish(SimVolume volume) {
        int nodes = world.nodes.size();
        int most = Math.min(nodes, Configuration.MAX_REPLICAS - 1);
        int least = Math.max(1, volume.minInSync);
        if (least > most) {
            // None of the most replicas that a volume can have may be missed: there is no way to any other disks.
            return;
        }
        int count = Math.clamp(volume.replicas - 1 + random.below(3), least, most);
        List<DiskId> wanted = new ArrayList<>();
        for (int i = 0, first = random.below(nodes); i < count; i++) {
            List<StoreUnderTest> disks = world.nodes.get((first + i) % nodes).disks();
            wanted.add(disks.get(random.below(disks.size())).id());
        }
        volume.wish(wanted);
        tellWish(volume);
    }

    /** Every node that is up hears of it, as those do that watch a configuration store. */
    private void tellWish(SimVolume volume) {
        if (volume.wish().isEmpty() || world.faults.has(Defect.UNHEARD_WISH)) {
            return;
        }
        for (SimNode node : world.nodes) {
            if (node.serving()) {
                StorageNode engine = node.engine();
                node.process().execute(() -> engine.want(volume.id(), volume.wish()));
            }
        }
    }

    private SimNode anyNode() {
        return world.nodes.get(random.below(world.nodes.size()));
    }

    private void ask(String what, Request request, VolumeAnswer.Receiver receiver, Runnable noAnswer) {
        askAt(anyNode(), what, request, receiver, noAnswer);
    }

    private void askAt(SimNode node, String what, Request request, VolumeAnswer.Receiver receiver, Runnable noAnswer) {
        if (!node.serving()) {
            world.clock.after(PAUSE_NANOS, noAnswer);
            return;
        }
        boolean[] over = {false};
        StorageNode engine = node.engine();
        node.process()
                .execute(() -> request.to(
                        engine,
                        answer -> world.clock.execute(() -> {
                            if (over[0]) {
                                return;
                            }
                            over[0] = true;
                            world.trace.say(world.clock.nanos(), node.number(), what + ": " + brief(answer));
                            receiver.answered(answer);
                        })));
        world.clock.after(PATIENCE_NANOS, () -> {
            if (!over[0]) {
                over[0] = true;
                noAnswer.run();
            }
        });
    }

    private static @Nullable String brief(VolumeAnswer answer) {
        return switch (answer) {
            case VolumeAnswer.Done done -> "done";
            case VolumeAnswer.All all -> "listed";
            case VolumeAnswer.Failed failed -> failed.problem() + ": " + failed.reason();
        };
    }

    private interface Request {
        void to(StorageNode node, VolumeAnswer.Receiver receiver);
    }
}
