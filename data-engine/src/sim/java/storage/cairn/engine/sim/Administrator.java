package storage.cairn.engine.sim;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.replication.StorageNode;
import storage.cairn.engine.replication.VolumeAnswer;

/** Makes the volumes of a {@link World}, puts them into service, moves them and grows them. */
final class Administrator {
    private static final long PAUSE_NANOS = 1_000_000_000L;
    private static final long PATIENCE_NANOS = 60_000_000_000L;

    private final World world;
    private final SimRandom random;
    private int made;

    Administrator(World world, SimRandom random) {
        this.world = world;
        this.random = random;
    }

    void begin() {
        for (Shape.OfVolume shape : world.shape.volumes()) {
            int blocks = world.shape.tight() ? 256 + random.below(512) : shape.blocks();
            SimVolume volume = new SimVolume("v" + ++made, blocks);
            int replicas = shape.replicas();
            world.clock.after(PAUSE_NANOS, () -> create(volume, replicas));
        }
        world.clock.after(20 * PAUSE_NANOS, this::bother);
    }

    private void create(SimVolume volume, int replicas) {
        ask(
                "create",
                (node, receiver) -> node.createVolume(volume.name, volume.sizeBytes(), replicas, 0, receiver),
                answer -> {
                    switch (answer) {
                        case VolumeAnswer.Done done -> serve(volume);
                        case VolumeAnswer.All all -> throw new Violation("contract", "createVolume listed volumes");
                        case VolumeAnswer.Failed failed -> {
                            if (failed.problem() == VolumeAnswer.Problem.ALREADY_EXISTS) {
                                serve(volume);
                            } else {
                                world.clock.after(PAUSE_NANOS, () -> create(volume, replicas));
                            }
                        }
                    }
                },
                () -> create(volume, replicas));
    }

    private void serve(SimVolume volume) {
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
        if (now == null || now.attachId() == null) {
            world.clock.after(PAUSE_NANOS, () -> serve(volume));
            return;
        }
        volume.served(now);
        if (!world.volumes.contains(volume)) {
            world.add(volume);
        }
    }

    /** Now and then a planned move. */
    private void bother() {
        if (world.calm()) {
            return;
        }
        if (!world.volumes.isEmpty() && random.below(4) == 0) {
            SimVolume volume = world.volumes.get(random.below(world.volumes.size()));
            int to = 1 + random.below(world.nodes.size());
            ask("move", (node, receiver) -> node.move(volume.name, to, receiver), answer -> {}, () -> {});
        }
        world.clock.after(PAUSE_NANOS + random.below(20 * PAUSE_NANOS), this::bother);
    }

    private void ask(String what, Request request, VolumeAnswer.Receiver receiver, Runnable noAnswer) {
        SimNode node = world.nodes.get(random.below(world.nodes.size()));
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
