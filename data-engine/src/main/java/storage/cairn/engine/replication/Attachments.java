package storage.cairn.engine.replication;

import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.replication.VolumeAnswer.Problem;
import storage.cairn.engine.replication.VolumeAnswer.Receiver;

/** Where volumes are served: makes this node the owner, ends an export, hands volumes from node to node. */
final class Attachments extends VolumeSteps {
    private static final long TAKE_MILLIS = 15_000;

    Attachments(NodeContext context, Peers peers, Owners owners, Catalog catalog, Views views, OwnerProbe probe) {
        super(context, peers, owners, catalog, views, probe);
    }

    /**
     * Makes this node the owner with a new attachId, which replaces the one found now and no other: a request that was
     * held up takes nothing from a later one.
     */
    void serve(String name, Receiver receiver) {
        find(name, receiver, found -> serve(found, receiver));
    }

    /**
     * The same, but takes it from nobody: refused while a living owner serves another export than {@code replaces}.
     *
     * @param replaces the export that the new one takes the place of, null: none
     */
    void serveIfFree(String name, @Nullable UUID replaces, Receiver receiver) {
        find(name, receiver, found -> {
            Configuration value = found.value();
            VolumeOwner owner = owners.of(value.volume());
            if (value.attachId() == null || value.attachId().equals(replaces)) {
                serve(found, receiver);
            } else if (owner != null && !owner.stopped()) {
                fail(receiver, Problem.PRECONDITION, inUse(value, context.identity.node()));
            } else {
                probe.probe(value, (node, reachable) -> {
                    if (node == 0) {
                        serve(found, receiver);
                    } else {
                        fail(receiver, Problem.PRECONDITION, inUse(value, node));
                    }
                });
            }
        });
    }

    private static String inUse(Configuration value, int node) {
        return "volume " + value.name() + " is served by node " + node + " as export " + value.attachId()
                + "; it is free once that is released";
    }

    /** Records that somebody made a filesystem on the volume by way of its present export, which is served here. */
    void markFormatted(String name, UUID attachId, Receiver receiver) {
        find(name, receiver, found -> {
            Configuration value = found.value();
            VolumeOwner owner = owners.of(value.volume());
            if (owner == null || !attachId.equals(value.attachId())) {
                fail(
                        receiver,
                        Problem.PRECONDITION,
                        "volume " + value.name() + " is not served here as export " + attachId);
            } else if (value.formatted()) {
                done(receiver, value.volume(), value);
            } else {
                owner.upkeep().request(new Formatting(owner, attachId, receiver));
            }
        });
    }

    private final class Formatting implements Upkeep.Request {
        private final VolumeOwner owner;
        private final UUID attachId;
        private final Receiver receiver;

        Formatting(VolumeOwner owner, UUID attachId, Receiver receiver) {
            this.owner = owner;
            this.attachId = attachId;
            this.receiver = receiver;
        }

        @Override
        public boolean change(Change change) {
            change.formatted();
            return attachId.equals(owner.membership().current().attachId());
        }

        @Override
        public void applied() {
            done(receiver, owner.volume(), owner.membership().current());
        }

        @Override
        public void dropped(String reason) {
            fail(
                    receiver,
                    reason.isEmpty() ? Problem.PRECONDITION : Problem.UNAVAILABLE,
                    reason.isEmpty() ? "export " + attachId + " was superseded" : reason);
        }
    }

    private void serve(Versioned found, Receiver receiver) {
        UUID attachId = context.newId();
        UUID replaced = found.value().attachId();
        VolumeOwner owner = owners.of(found.value().volume());
        if (owner != null) {
            owner.whenServing(new Serving(receiver, () -> supersede(owner, replaced, attachId, receiver)));
            return;
        }
        freed(found, false, receiver, free -> {
            if (Objects.equals(replaced, free.value().attachId())) {
                takeOver(free, attachId, receiver);
            } else {
                fail(receiver, Problem.UNAVAILABLE, servedMeanwhile(free.value().name()));
            }
        });
    }

    private void takeOver(Versioned free, UUID attachId, Receiver receiver) {
        Configuration value = free.value();
        owners.takeOver(free, attachId, new VolumeOwner.Started() {
            @Override
            public void serving() {
                VolumeOwner owner = owners.of(value.volume());
                if (owner == null
                        || attachId.equals(owner.membership().current().attachId())) {
                    done(receiver, value.volume(), value);
                } else {
                    // A takeover for a client was under way here.
                    supersede(owner, value.attachId(), attachId, receiver);
                }
            }

            @Override
            public void failed(Status status, String reason) {
                fail(receiver, Problem.UNAVAILABLE, "volume " + value.name() + " could not be taken over: " + reason);
            }
        });
    }

    private static String servedMeanwhile(String name) {
        return "volume " + name
                + " was served by another request meanwhile; serve it again if it should be served here";
    }

    private void supersede(VolumeOwner owner, @Nullable UUID replaced, UUID attachId, Receiver receiver) {
        owner.upkeep().request(new Upkeep.Request() {
            @Override
            public boolean change(Change change) {
                change.attachId(attachId);
                return Objects.equals(replaced, owner.membership().current().attachId());
            }

            @Override
            public void applied() {
                owner.clients().dismiss("a newer export of the volume was made");
                done(receiver, owner.volume(), owner.membership().current());
            }

            @Override
            public void dropped(String reason) {
                fail(receiver, Problem.UNAVAILABLE, reason.isEmpty() ? servedMeanwhile(owner.name()) : reason);
            }
        });
    }

    /**
     * @param attachId the export to end; null: whichever it is
     */
    void release(String name, @Nullable UUID attachId, Receiver receiver) {
        find(name, receiver, found -> {
            if (attachId == null || attachId.equals(found.value().attachId())) {
                release(found, receiver);
            } else {
                // It ended already, and what is served now is not the caller's.
                done(receiver, found.value().volume(), found.value());
            }
        });
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

    void move(String name, int toNode, Receiver receiver) {
        if (!context.nodes.contains(toNode)) {
            context.clock.execute(() ->
                    fail(receiver, Problem.INVALID, "there is no node " + toNode + "; the nodes are " + context.nodes));
            return;
        }
        find(name, receiver, found -> {
            UUID attachId = found.value().attachId();
            if (attachId == null) {
                fail(receiver, Problem.PRECONDITION, "volume " + name + " is not served; serve it first");
            } else {
                new Move(found.value(), attachId, toNode, receiver).step(found);
            }
        });
    }

    /**
     * The way of a volume to another node. Its host, which loses the last owner, may come to a third node before the
     * request to take the volume comes to the target, and is then served there: the volume moves on from there.
     */
    private final class Move {
        private static final int MAX_STEPS = 8;

        private final VolumeId volume;
        private final String name;
        private final UUID attachId;
        private final int toNode;
        private final Receiver receiver;
        private int steps;

        Move(Configuration value, UUID attachId, int toNode, Receiver receiver) {
            this.volume = value.volume();
            this.name = value.name();
            this.attachId = attachId;
            this.toNode = toNode;
            this.receiver = receiver;
        }

        void step(Versioned found) {
            steps++;
            VolumeOwner owner = owners.of(volume);
            boolean here = toNode == context.identity.node();
            PeerConversation conversation = peers.conversation(toNode);
            if (owner != null && here) {
                done(receiver, volume, found.value());
            } else if (!here && (conversation == null || !conversation.connected())) {
                fail(receiver, Problem.UNAVAILABLE, "node " + toNode + " cannot be reached");
            } else if (owner != null) {
                owners.promise(volume, toNode);
                owner.handOver(false, "it moves to node " + toNode, recorded -> take());
            } else {
                freed(found, false, receiver, free -> take());
            }
        }

        private void take() {
            PeerConversation conversation = peers.conversation(toNode);
            if (conversation == null) {
                takeVolume(volume, attachId, this::taken);
            } else {
                conversation.ask(
                        FrameType.TAKE_VOLUME,
                        TAKE_MILLIS,
                        out -> out.id(volume.uuid()).id(attachId),
                        this::taken);
            }
        }

        private void taken(Status status, String text) {
            owners.kept(volume);
            if (status == Status.OK) {
                get(name, receiver);
            } else if (status == Status.FENCED) {
                find(name, receiver, found -> fenced(found, text));
            } else {
                fail(receiver, Problem.UNAVAILABLE, refusal(text));
            }
        }

        /** Somebody else decided about the volume meanwhile. */
        private void fenced(Versioned found, String text) {
            Configuration value = found.value();
            Configuration.Owner owner = value.owner();
            if (!attachId.equals(value.attachId())) {
                fail(receiver, Problem.UNAVAILABLE, servedMeanwhile(name));
            } else if (owner != null && owner.node() == toNode) {
                receiver.answered(new VolumeAnswer.Done(views.volume(value)));
            } else if (steps < MAX_STEPS) {
                step(found);
            } else {
                fail(receiver, Problem.UNAVAILABLE, refusal(text));
            }
        }

        private String refusal(String text) {
            return "volume " + name + ": node " + toNode + " did not take it: " + text
                    + "; it is served again where a client connects";
        }
    }

    /**
     * A planned end of this node: the volume goes to where it can be served at once, if a host uses it.
     *
     * @param left told once it is not served here any more, and whether somebody else is expected to serve it now
     */
    void evacuate(VolumeOwner owner, List<String> problems, Consumer<Boolean> left) {
        Configuration current = owner.membership().current();
        UUID attachId = owner.clients().inUse() ? current.attachId() : null;
        List<Integer> successors = probe.successors(current);
        owner.handOver(false, "node " + context.identity.node() + " shuts down", recorded -> {
            if (!recorded) {
                problems.add("volume " + owner.name() + ": the configuration store did not confirm the release");
            }
            if (attachId == null) {
                left.accept(false);
            } else if (successors.isEmpty()) {
                problems.add("volume " + owner.name() + ": no other node with a replica can be reached");
                left.accept(false);
            } else {
                succeed(owner, attachId, successors, problems, left);
            }
        });
    }

    /** Asks one node after the other to take the volume, until one does. */
    private void succeed(
            VolumeOwner owner, UUID attachId, List<Integer> nodes, List<String> problems, Consumer<Boolean> left) {
        PeerConversation conversation = peers.conversation(nodes.getFirst());
        if (conversation == null) {
            throw new IllegalStateException("a successor that is no peer");
        }
        conversation.ask(
                FrameType.TAKE_VOLUME,
                context.settings.failures().connectMillis(),
                out -> out.id(owner.volume().uuid()).id(attachId),
                (status, text) -> {
                    if (status == Status.OK || status == Status.FENCED) {
                        // Fenced: the host was faster and is served by another node.
                        left.accept(true);
                        return;
                    }
                    String refusal = "node " + nodes.getFirst() + " did not take it: " + text;
                    if (nodes.size() > 1) {
                        owner.log(Log.Level.INFO, "SuccessorSought", refusal);
                        succeed(owner, attachId, nodes.subList(1, nodes.size()), problems, left);
                    } else {
                        problems.add("volume " + owner.name() + ": " + refusal);
                        left.accept(true);
                    }
                });
    }

    /** Takes a volume over, for clients that will come with this attachId. */
    void takeVolume(VolumeId volume, UUID attachId, PeerRequests.Result result) {
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
