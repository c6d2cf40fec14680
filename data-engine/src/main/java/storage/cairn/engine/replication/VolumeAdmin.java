package storage.cairn.engine.replication;

import java.util.List;
import java.util.UUID;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.ConfigStore.Listed;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.replication.VolumeAnswer.Problem;
import storage.cairn.engine.replication.VolumeAnswer.Receiver;

/** Carries out what people and other engines ask for about whole volumes. */
final class VolumeAdmin implements PeerRequests {
    private static final int MAX_TRIES = 5;
    private static final long RELEASE_MILLIS = 10_000;
    private static final long TAKE_MILLIS = 15_000;

    private final NodeContext context;
    private final ReplicaServer replicas;
    private final Peers peers;
    private final Owners owners;
    private final Catalog catalog;
    private final Views views;
    private final OwnerProbe probe;
    private final VolumeCreator creator;

    VolumeAdmin(
            NodeContext context,
            ReplicaServer replicas,
            Peers peers,
            Owners owners,
            Catalog catalog,
            Views views,
            OwnerProbe probe) {
        this.context = context;
        this.replicas = replicas;
        this.peers = peers;
        this.owners = owners;
        this.catalog = catalog;
        this.views = views;
        this.probe = probe;
        this.creator = new VolumeCreator(context, replicas, peers, catalog, views);
    }

    void create(String name, long sizeBytes, int replicaCount, int minInSync, Receiver receiver) {
        creator.create(name, sizeBytes, replicaCount, minInSync, receiver);
    }

    void get(String name, Receiver receiver) {
        find(name, receiver, found -> receiver.answered(new VolumeAnswer.Done(views.volume(found.value()))));
    }

    void list(Receiver receiver) {
        catalog.list(outcome -> {
            switch (outcome) {
                case Listed.Unavailable unavailable ->
                    fail(
                            receiver,
                            Problem.UNAVAILABLE,
                            "the configuration store does not answer: " + unavailable.reason());
                case Listed.All ignored ->
                    receiver.answered(new VolumeAnswer.All(
                            catalog.volumes().stream().map(views::volume).toList()));
            }
        });
    }

    private interface WithVolume {
        void go(Versioned found);
    }

    private void find(String name, Receiver receiver, WithVolume then) {
        catalog.find(name, outcome -> {
            switch (outcome) {
                case Catalog.Found.Volume found -> then.go(found.current());
                case Catalog.Found.Missing ignored ->
                    fail(receiver, Problem.NOT_FOUND, "there is no volume '" + name + "'");
                case Catalog.Found.Unavailable unavailable ->
                    fail(
                            receiver,
                            Problem.UNAVAILABLE,
                            "the configuration store does not answer: " + unavailable.reason());
            }
        });
    }

    private static void fail(Receiver receiver, Problem problem, String reason) {
        receiver.answered(new VolumeAnswer.Failed(problem, reason));
    }

    private void done(Receiver receiver, VolumeId volume, Configuration fallback) {
        VolumeOwner owner = owners.of(volume);
        receiver.answered(new VolumeAnswer.Done(
                views.volume(owner == null ? fallback : owner.membership().current())));
    }

    // ---- serve, release, move

    /** Makes this node the owner with a new attachId. */
    void serve(String name, Receiver receiver) {
        find(name, receiver, found -> serve(found, receiver, MAX_TRIES));
    }

    private void serve(Versioned found, Receiver receiver, int tries) {
        UUID attachId = context.newId();
        VolumeOwner owner = owners.of(found.value().volume());
        if (owner != null) {
            owner.whenServing(new Serving(receiver, () -> supersede(owner, attachId, receiver)));
            return;
        }
        freed(
                found,
                false,
                receiver,
                free -> owners.takeOver(free, attachId, new VolumeOwner.Started() {
                    @Override
                    public void serving() {
                        done(receiver, free.value().volume(), free.value());
                    }

                    @Override
                    public void failed(Status status, String reason) {
                        if (status == Status.FENCED && tries > 1) {
                            find(free.value().name(), receiver, again -> serve(again, receiver, tries - 1));
                        } else {
                            fail(
                                    receiver,
                                    Problem.UNAVAILABLE,
                                    "volume " + free.value().name() + " could not be taken over: " + reason);
                        }
                    }
                }));
    }

    private void supersede(VolumeOwner owner, UUID attachId, Receiver receiver) {
        owner.upkeep().request(new Upkeep.Request() {
            @Override
            public boolean change(Change change) {
                change.attachId(attachId);
                return true;
            }

            @Override
            public void applied() {
                owner.dismissClients("a newer export of the volume was made");
                done(receiver, owner.volume(), owner.membership().current());
            }

            @Override
            public void dropped(String reason) {
                fail(receiver, Problem.UNAVAILABLE, reason);
            }
        });
    }

    /** Answers with a failure when the takeover fails. */
    private record Serving(Receiver receiver, Runnable then) implements VolumeOwner.Started {
        @Override
        public void serving() {
            then.run();
        }

        @Override
        public void failed(Status status, String reason) {
            fail(receiver, Problem.UNAVAILABLE, reason);
        }
    }

    /** Has a living owner elsewhere give the volume up, then goes on with what the store says. */
    private void freed(Versioned found, boolean detach, Receiver receiver, WithVolume then) {
        Configuration value = found.value();
        probe.probe(value, (node, reachable) -> {
            PeerConversation conversation = peers.conversation(node);
            if (node == 0) {
                then.go(found);
            } else if (!reachable || conversation == null) {
                fail(
                        receiver,
                        Problem.UNAVAILABLE,
                        "volume " + value.name() + " is served by node " + node + ", which this node cannot reach");
            } else {
                conversation.ask(
                        FrameType.RELEASE_VOLUME,
                        RELEASE_MILLIS,
                        out -> out.id(value.volume().uuid()).flag(detach),
                        (status, text) -> {
                            if (status == Status.OK) {
                                find(value.name(), receiver, then);
                            } else {
                                fail(
                                        receiver,
                                        Problem.UNAVAILABLE,
                                        "volume " + value.name() + ": node " + node + " did not give it up: " + text);
                            }
                        });
            }
        });
    }

    void release(String name, Receiver receiver) {
        find(name, receiver, found -> release(found, receiver));
    }

    private void release(Versioned found, Receiver receiver) {
        VolumeId volume = found.value().volume();
        VolumeOwner owner = owners.of(volume);
        if (owner != null) {
            owner.handOver(true, "it was released", recorded -> {
                if (recorded) {
                    get(found.value().name(), receiver);
                } else {
                    fail(
                            receiver,
                            Problem.UNAVAILABLE,
                            "volume " + owner.name() + " is not served any more, but the configuration store did not"
                                    + " confirm it; release it again");
                }
            });
            return;
        }
        freed(found, true, receiver, free -> {
            Configuration value = free.value();
            if (value.owner() == null && value.attachId() == null) {
                receiver.answered(new VolumeAnswer.Done(views.volume(value)));
            } else {
                decide(free, new Change(value).owner(null).attachId(null), receiver);
            }
        });
    }

    /** Changes the configuration of a volume that nobody owns. */
    private void decide(Versioned found, Change change, Receiver receiver) {
        Configuration next = change.build(context.newId());
        Membership once = new Membership(
                context,
                found,
                (newer, reason) -> fail(
                        receiver,
                        Problem.UNAVAILABLE,
                        "volume " + found.value().name() + " was changed by somebody else meanwhile: " + reason));
        once.propose(next, new Membership.Settled() {
            @Override
            public void applied(Configuration configuration) {
                once.stop();
                catalog.learned(configuration);
                receiver.answered(new VolumeAnswer.Done(views.volume(configuration)));
            }

            @Override
            public void refused(String reason) {
                once.stop();
                fail(receiver, Problem.UNAVAILABLE, "the configuration store refused: " + reason);
            }
        });
    }

    void move(String name, int toNode, Receiver receiver) {
        if (!context.identity.nodes().contains(toNode)) {
            context.clock.execute(() -> fail(
                    receiver,
                    Problem.INVALID,
                    "there is no node " + toNode + "; the nodes are " + context.identity.nodes()));
            return;
        }
        find(name, receiver, found -> move(found, toNode, receiver));
    }

    private void move(Versioned found, int toNode, Receiver receiver) {
        Configuration value = found.value();
        UUID attachId = value.attachId();
        if (attachId == null) {
            fail(receiver, Problem.PRECONDITION, "volume " + value.name() + " is not served; serve it first");
            return;
        }
        VolumeOwner owner = owners.of(value.volume());
        boolean here = toNode == context.identity.node();
        PeerConversation conversation = peers.conversation(toNode);
        if (owner != null && here) {
            done(receiver, value.volume(), value);
        } else if (!here && (conversation == null || !conversation.connected())) {
            fail(receiver, Problem.UNAVAILABLE, "node " + toNode + " cannot be reached");
        } else if (owner != null) {
            owners.promise(value.volume(), toNode);
            owner.handOver(false, "it moves to node " + toNode, recorded -> take(value, attachId, toNode, receiver));
        } else {
            freed(found, false, receiver, free -> take(free.value(), attachId, toNode, receiver));
        }
    }

    private void take(Configuration value, UUID attachId, int toNode, Receiver receiver) {
        Result taken = (status, text) -> {
            owners.kept(value.volume());
            if (status == Status.OK) {
                get(value.name(), receiver);
            } else {
                fail(
                        receiver,
                        Problem.UNAVAILABLE,
                        "volume " + value.name() + ": node " + toNode + " did not take it: " + text
                                + "; it is served again where a client connects");
            }
        };
        PeerConversation conversation = peers.conversation(toNode);
        if (conversation == null) {
            takeVolume(value.volume(), attachId, taken);
        } else {
            conversation.ask(
                    FrameType.TAKE_VOLUME,
                    TAKE_MILLIS,
                    out -> out.id(value.volume().uuid()).id(attachId),
                    taken);
        }
    }

    /** A planned end of this node: the volume goes to where it can be served at once, if somebody uses it. */
    void evacuate(VolumeOwner owner, List<String> problems, Runnable then) {
        Configuration current = owner.membership().current();
        UUID attachId = current.attachId();
        boolean used = owner.clientCount() > 0;
        List<Integer> successors = probe.successors(current);
        owner.handOver(false, "node " + context.identity.node() + " shuts down", recorded -> {
            if (!recorded) {
                problems.add("volume " + owner.name() + ": the configuration store did not confirm the release");
            }
            if (!used || attachId == null) {
                then.run();
            } else if (successors.isEmpty()) {
                problems.add("volume " + owner.name() + ": no other node with a replica can be reached");
                then.run();
            } else {
                PeerConversation conversation = peers.conversation(successors.getFirst());
                if (conversation == null) {
                    throw new IllegalStateException("a successor that is no peer");
                }
                conversation.ask(
                        FrameType.TAKE_VOLUME,
                        context.settings.failures().connectMillis(),
                        out -> out.id(owner.volume().uuid()).id(attachId),
                        (status, text) -> {
                            if (status != Status.OK) {
                                problems.add("volume " + owner.name() + ": " + text);
                            }
                            then.run();
                        });
            }
        });
    }

    // ---- resize and delete

    void resize(String name, long sizeBytes, Receiver receiver) {
        find(name, receiver, found -> resize(found, sizeBytes, receiver));
    }

    private void resize(Versioned found, long sizeBytes, Receiver receiver) {
        Configuration value = found.value();
        String wrong = VolumeCreator.wrongSize(sizeBytes);
        if (!wrong.isEmpty()) {
            fail(receiver, Problem.INVALID, wrong);
        } else if (sizeBytes < value.sizeBytes()) {
            fail(
                    receiver,
                    Problem.INVALID,
                    "volume " + value.name() + " has " + value.sizeBytes() + " bytes; a volume can only grow");
        } else if (sizeBytes == value.sizeBytes()) {
            receiver.answered(new VolumeAnswer.Done(views.volume(value)));
        } else {
            VolumeOwner owner = owners.of(value.volume());
            if (owner != null) {
                owner.whenServing(new Serving(receiver, () -> grow(owner, sizeBytes, receiver)));
            } else {
                resizeUnowned(found, sizeBytes, receiver);
            }
        }
    }

    private void resizeUnowned(Versioned found, long sizeBytes, Receiver receiver) {
        Configuration value = found.value();
        probe.probe(value, (node, reachable) -> {
            if (node != 0) {
                fail(
                        receiver,
                        Problem.PRECONDITION,
                        "volume " + value.name() + " is served by node " + node + "; resize it there");
                return;
            }
            owners.takeOver(found, value.attachId(), new Serving(receiver, () -> {
                VolumeOwner owner = owners.of(value.volume());
                if (owner == null) {
                    fail(receiver, Problem.UNAVAILABLE, "volume " + value.name() + " was lost again");
                    return;
                }
                grow(owner, sizeBytes, answer -> {
                    if (owner.clientCount() > 0) {
                        receiver.answered(answer);
                    } else {
                        owner.handOver(false, "it was resized", recorded -> receiver.answered(answer));
                    }
                });
            }));
        });
    }

    /** The replicas grow first: what a host sees is never more than each of them has. */
    private void grow(VolumeOwner owner, long sizeBytes, Receiver receiver) {
        long blocks = sizeBytes / BlockDevice.BLOCK_BYTES;
        owner.writes().barrier(blocks, (tag, status) -> {
            if (status != Status.OK) {
                fail(receiver, Problem.UNAVAILABLE, "volume " + owner.name() + " was not resized: " + status);
                return;
            }
            owner.upkeep().request(new Upkeep.Request() {
                @Override
                public boolean change(Change change) {
                    change.sizeBytes(
                            Math.max(sizeBytes, owner.membership().current().sizeBytes()));
                    return true;
                }

                @Override
                public void applied() {
                    done(receiver, owner.volume(), owner.membership().current());
                }

                @Override
                public void dropped(String reason) {
                    fail(receiver, Problem.UNAVAILABLE, reason);
                }
            });
        });
    }

    void delete(String name, boolean force, Receiver receiver) {
        find(name, receiver, found -> delete(found, force, receiver));
    }

    private void delete(Versioned found, boolean force, Receiver receiver) {
        Configuration value = found.value();
        VolumeOwner owner = owners.of(value.volume());
        if (owner != null) {
            if (!force && owner.clientCount() > 0) {
                fail(
                        receiver,
                        Problem.PRECONDITION,
                        "volume " + value.name() + " is in use here; release it first, or use force");
                return;
            }
            owner.handOver(
                    true,
                    "it is deleted",
                    recorded -> find(
                            value.name(),
                            receiver,
                            again -> decide(again, new Change(again.value()).deleted(), receiver)));
            return;
        }
        probe.probe(value, (node, reachable) -> {
            if (node != 0 && !force) {
                fail(
                        receiver,
                        Problem.PRECONDITION,
                        "volume " + value.name() + " is served by node " + node + "; release it first, or use force");
            } else if (node != 0 && reachable) {
                freed(found, true, receiver, free -> decide(free, new Change(free.value()).deleted(), receiver));
            } else {
                decide(found, new Change(value).deleted(), receiver);
            }
        });
    }

    // ---- what peers ask

    @Override
    public void createReplica(DiskId disk, Configuration configuration, Result result) {
        creator.createHere(disk, configuration, result);
    }

    @Override
    public void askOwner(VolumeId volume, Result result) {
        VolumeOwner owner = owners.of(volume);
        boolean alive = owner != null && !owner.stopped();
        result.result(alive ? Status.OK : Status.NOT_FOUND, alive ? "" : "not owned here");
    }

    @Override
    public void askLease(VolumeId volume, DiskId disk, Result result) {
        ReplicaSlot slot = replicas.slot(disk, volume);
        boolean renewed = slot != null && slot.renewedWithin(probe.recentMillis());
        result.result(renewed ? Status.OK : Status.NOT_FOUND, "");
    }

    @Override
    public void releaseVolume(VolumeId volume, boolean detach, Result result) {
        VolumeOwner owner = owners.of(volume);
        if (owner == null) {
            result.result(Status.OK, "");
        } else {
            owner.handOver(
                    detach,
                    "another node asked for it",
                    recorded -> result.result(
                            recorded ? Status.OK : Status.UNAVAILABLE,
                            recorded ? "" : "the configuration store did not confirm the release"));
        }
    }

    @Override
    public void takeVolume(VolumeId volume, UUID attachId, Result result) {
        catalog.get(volume, outcome -> {
            if (!(outcome instanceof Catalog.Found.Volume found)) {
                result.result(Status.UNAVAILABLE, "the volume cannot be read from the configuration store");
                return;
            }
            if (!attachId.equals(found.current().value().attachId())) {
                result.result(Status.FENCED, "its export was superseded");
                return;
            }
            owners.takeOver(found.current(), attachId, new VolumeOwner.Started() {
                @Override
                public void serving() {
                    result.result(Status.OK, "");
                }

                @Override
                public void failed(Status status, String reason) {
                    result.result(status, reason);
                }
            });
        });
    }
}
