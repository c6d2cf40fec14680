package storage.cairn.engine.replication;

import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.protocol.Grant;

/**
 * The grant of one replica: which owner may rely on it, and for how long it is still honoured. It lives on with each
 * renewal of its owner's process until it is revoked or given back.
 */
final class ReplicaGrant {
    private final NodeContext context;
    private @Nullable GrantSession grantee;
    private @Nullable UUID incarnation;
    private long grantedNanos;
    private boolean revoked;
    private long revokedUntilNanos;
    private boolean ever;

    ReplicaGrant(NodeContext context) {
        this.context = context;
    }

    /** EPOCH_SET of this owner was taken now. */
    void give(GrantSession session, UUID owner) {
        grantee = session;
        incarnation = owner;
        grantedNanos = context.now();
        revoked = false;
        ever = true;
    }

    /** The owner serves no more. */
    void giveBack(UUID owner) {
        if (owner.equals(incarnation)) {
            grantee = null;
            incarnation = null;
            revoked = false;
        }
    }

    /**
     * From now on it is not renewed; returns whose it was, null when nobody has it or it was revoked before. One that
     * has run out is revoked as well: its owner may only have stood still, and its next renewal must not bring it back.
     */
    @Nullable
    GrantSession revoke(Grant.Exception exception) {
        GrantSession session = grantee;
        if (session == null || revoked || session.ended()) {
            return null;
        }
        revokedUntilNanos = context.now() + Math.max(0, leftNanos());
        revoked = true;
        session.except(exception);
        return session;
    }

    boolean isOf(UUID owner) {
        return owner.equals(incarnation);
    }

    /** Whether it was given at all since the disk came. */
    boolean everGiven() {
        return ever;
    }

    /** How long it is still honoured, in nanoseconds; 0 or less: not any more. */
    long leftNanos() {
        GrantSession session = grantee;
        if (session == null || session.ended()) {
            return 0;
        }
        if (revoked) {
            return revokedUntilNanos - context.now();
        }
        return since(session) + NodeContext.nanos(context.settings.leases().honourMillis()) - context.now();
    }

    private long since(GrantSession session) {
        boolean renewed = session.everRenewed() && session.lastRenewNanos() - grantedNanos > 0;
        return renewed ? session.lastRenewNanos() : grantedNanos;
    }

    /** Whether it was renewed so lately that its owner must be taken for alive. */
    boolean renewedWithin(long millis) {
        GrantSession session = grantee;
        return session != null
                && !revoked
                && !session.ended()
                && context.now() - since(session) <= NodeContext.nanos(millis);
    }

    /** Whether the owner of another process relies on it. */
    boolean isElsewhere() {
        GrantSession session = grantee;
        return session != null && !session.id.equals(context.session) && leftNanos() > 0;
    }
}
