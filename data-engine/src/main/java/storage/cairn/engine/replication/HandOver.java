package storage.cairn.engine.replication;

import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;

/** The planned end of an ownership: drain, record that nobody owns the volume, give the grants back. */
final class HandOver {
    /** How long it waits for operations under way and for the configuration store, each. */
    private static final long PATIENCE_MILLIS = 2_000;

    private static final long STEP_MILLIS = 2;
    /** How long it waits for the replicas to take their grants back. */
    private static final long GIVE_BACK_MILLIS = 500;

    private final NodeContext context;
    private final VolumeOwner owner;
    private final boolean detach;
    private final String reason;
    private final VolumeOwner.Released released;
    private long deadlineNanos;
    private boolean over;

    HandOver(NodeContext context, VolumeOwner owner, boolean detach, String reason, VolumeOwner.Released released) {
        this.context = context;
        this.owner = owner;
        this.detach = detach;
        this.reason = reason;
        this.released = released;
    }

    void begin() {
        owner.log(Log.Level.INFO, "HandingOver", reason);
        deadlineNanos = context.now() + NodeContext.nanos(PATIENCE_MILLIS);
        drain();
    }

    private void drain() {
        if (owner.stopped()) {
            finish(false);
            return;
        }
        boolean drained = owner.writes().idle()
                && owner.queue().admitted() == 0
                && !owner.membership().busy();
        boolean late = deadlineNanos - context.now() <= 0;
        if (!drained && !late) {
            context.afterMillis(STEP_MILLIS, this::drain);
        } else if (owner.membership().busy()) {
            owner.stop(Status.FENCED, reason);
            finish(false);
        } else {
            record();
        }
    }

    private void record() {
        owner.writes().tellCommit();
        context.afterMillis(PATIENCE_MILLIS, () -> finish(false));
        Change change = new Change(owner.membership().current()).owner(null);
        if (detach) {
            change.attachId(null);
        }
        owner.membership().propose(change.build(context.newId()), new Membership.Settled() {
            @Override
            public void applied(Configuration configuration) {
                finish(true);
            }

            @Override
            public void refused(String why) {
                finish(false);
            }
        });
    }

    private void finish(boolean recorded) {
        if (over) {
            return;
        }
        over = true;
        owner.stop(Status.FENCED, reason);
        deadlineNanos = context.now() + NodeContext.nanos(GIVE_BACK_MILLIS);
        giveBack(recorded);
    }

    /** A successor that came to a replica before the grant was given back would have to wait until it runs out. */
    private void giveBack(boolean recorded) {
        if (owner.gaveBack() || deadlineNanos - context.now() <= 0) {
            released.released(recorded);
        } else {
            context.afterMillis(STEP_MILLIS, () -> giveBack(recorded));
        }
    }
}
