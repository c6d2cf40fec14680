package storage.cairn.engine.replication;

import java.util.UUID;
import java.util.function.Consumer;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.ConfigStore.Listed;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.replication.VolumeAnswer.Problem;
import storage.cairn.engine.replication.VolumeAnswer.Receiver;

/** Makes, grows, deletes and lists volumes, and answers what other engines ask about them. */
final class VolumeAdmin extends VolumeSteps implements PeerRequests {
    private final ReplicaServer replicas;
    private final Attachments attachments;
    private final VolumeCreator creator;

    VolumeAdmin(
            NodeContext context,
            ReplicaServer replicas,
            Peers peers,
            Owners owners,
            Catalog catalog,
            Views views,
            OwnerProbe probe,
            Attachments attachments,
            Consumer<VolumeId> made) {
        super(context, peers, owners, catalog, views, probe);
        this.replicas = replicas;
        this.attachments = attachments;
        this.creator = new VolumeCreator(context, replicas, peers, catalog, views, made);
    }

    void create(String name, long sizeBytes, int replicaCount, int minInSync, Receiver receiver) {
        creator.create(name, sizeBytes, replicaCount, minInSync, receiver);
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
                    if (owner.clients().count() > 0) {
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
            if (!force && owner.clients().count() > 0) {
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
            // Without an export nobody uses it: its owner only brings its replicas up to date.
            if (node != 0 && !force && value.attachId() != null) {
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
        boolean renewed = slot != null && slot.grant().renewedWithin(probe.recentMillis());
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
        attachments.takeVolume(volume, attachId, result);
    }
}
