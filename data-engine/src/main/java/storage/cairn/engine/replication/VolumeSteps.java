package storage.cairn.engine.replication;

import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.replication.VolumeAnswer.Problem;
import storage.cairn.engine.replication.VolumeAnswer.Receiver;

/** The steps that requests about whole volumes have in common. */
abstract class VolumeSteps {
    private static final long RELEASE_MILLIS = 10_000;

    final NodeContext context;
    final Peers peers;
    final Owners owners;
    final Catalog catalog;
    final Views views;
    final OwnerProbe probe;

    VolumeSteps(NodeContext context, Peers peers, Owners owners, Catalog catalog, Views views, OwnerProbe probe) {
        this.context = context;
        this.peers = peers;
        this.owners = owners;
        this.catalog = catalog;
        this.views = views;
        this.probe = probe;
    }

    interface WithVolume {
        void go(Versioned found);
    }

    final void find(String name, Receiver receiver, WithVolume then) {
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

    static void fail(Receiver receiver, Problem problem, String reason) {
        receiver.answered(new VolumeAnswer.Failed(problem, reason));
    }

    final void done(Receiver receiver, VolumeId volume, Configuration fallback) {
        VolumeOwner owner = owners.of(volume);
        receiver.answered(new VolumeAnswer.Done(
                views.volume(owner == null ? fallback : owner.membership().current())));
    }

    final void get(String name, Receiver receiver) {
        find(name, receiver, found -> receiver.answered(new VolumeAnswer.Done(views.volume(found.value()))));
    }

    /** Answers with a failure when the takeover fails. */
    record Serving(Receiver receiver, Runnable then) implements VolumeOwner.Started {
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
    final void freed(Versioned found, boolean detach, Receiver receiver, WithVolume then) {
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

    /** Changes the configuration of a volume that nobody owns. */
    final void decide(Versioned found, Change change, Receiver receiver) {
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
}
