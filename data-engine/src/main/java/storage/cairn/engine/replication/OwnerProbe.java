package storage.cairn.engine.replication;

import java.util.List;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.FrameType;

/**
 * Finds out whether the recorded owner of a volume lives: asks its node, and, when that cannot be reached, the nodes of
 * the members whether its leases are still being renewed.
 */
final class OwnerProbe {
    private static final long ASK_MILLIS = 1_000;
    /** So many renewals may be late before an owner counts as gone. */
    private static final int RENEWALS = 3;

    private final NodeContext context;
    private final ReplicaServer replicas;
    private final Peers peers;

    OwnerProbe(NodeContext context, ReplicaServer replicas, Peers peers) {
        this.context = context;
        this.replicas = replicas;
        this.peers = peers;
    }

    interface Answer {
        /**
         * @param node where the owner lives, 0 when none does
         * @param reachable whether its node answers this one
         */
        void probed(int node, boolean reachable);
    }

    /** Asks about an owner on another node. */
    void probe(Configuration configuration, Answer answer) {
        Configuration.Owner owner = configuration.owner();
        if (owner == null || owner.node() == context.identity.node()) {
            context.clock.execute(() -> answer.probed(0, true));
            return;
        }
        long patience = context.settings.leases().renewMillis() * RENEWALS;
        ask(configuration, owner.node(), context.now() + NodeContext.nanos(patience), answer);
    }

    private void ask(Configuration configuration, int node, long deadlineNanos, Answer answer) {
        PeerConversation conversation = peers.conversation(node);
        if (conversation == null) {
            context.clock.execute(() -> answer.probed(0, true));
            return;
        }
        conversation.ask(
                FrameType.ASK_OWNER,
                ASK_MILLIS,
                out -> out.id(configuration.volume().uuid()),
                (status, text) -> {
                    if (status == Status.OK) {
                        answer.probed(node, true);
                    } else if (status != Status.UNAVAILABLE || conversation.refused()) {
                        answer.probed(0, true);
                    } else if (deadlineNanos - context.now() > 0) {
                        // Long enough that the renewals of a dead owner lie in the past.
                        context.afterMillis(
                                context.settings.failures().reconnectMillis(),
                                () -> ask(configuration, node, deadlineNanos, answer));
                    } else {
                        askMembers(configuration, node, answer);
                    }
                });
    }

    private void askMembers(Configuration configuration, int node, Answer answer) {
        Round round = new Round(configuration.inSync().size(), node, answer);
        for (DiskId disk : configuration.inSync()) {
            ServedDisk local = replicas.disk(disk);
            if (local != null) {
                ReplicaSlot slot = local.slots().get(configuration.volume());
                boolean alive = slot != null && slot.grant().renewedWithin(recentMillis());
                context.clock.execute(() -> round.heard(alive));
                continue;
            }
            PeerConversation conversation = peers.conversation(peers.nodeOf(disk));
            if (conversation == null) {
                context.clock.execute(() -> round.heard(false));
                continue;
            }
            conversation.ask(
                    FrameType.ASK_LEASE,
                    ASK_MILLIS,
                    out -> out.id(configuration.volume().uuid()).id(disk.uuid()),
                    (status, text) -> round.heard(status == Status.OK));
        }
    }

    /** A grant renewed within this time shows that its owner lives. */
    long recentMillis() {
        return context.settings.leases().renewMillis() * (RENEWALS - 1)
                + context.settings.leases().renewMillis() / 2;
    }

    private static final class Round {
        private final int node;
        private final Answer answer;
        private int open;
        private boolean alive;

        Round(int open, int node, Answer answer) {
            this.open = open;
            this.node = node;
            this.answer = answer;
        }

        void heard(boolean renewed) {
            alive |= renewed;
            if (--open == 0) {
                answer.probed(alive ? node : 0, false);
            }
        }
    }

    /** Which nodes hold members that this node could hand the volume to, best first. */
    List<Integer> successors(Configuration configuration) {
        return configuration.inSync().stream()
                .map(peers::nodeOf)
                .filter(node -> node != 0 && node != context.identity.node())
                .filter(node -> {
                    PeerConversation conversation = peers.conversation(node);
                    return conversation != null && conversation.connected();
                })
                .distinct()
                .toList();
    }
}
