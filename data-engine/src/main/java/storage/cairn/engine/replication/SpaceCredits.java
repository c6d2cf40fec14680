package storage.cairn.engine.replication;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Status;

/**
 * Sees to it that an admitted write finds space on every member: takes slot credits that the members granted, or, when
 * a disk is short, has the members reserve the overwrite. One whose disk is about to free slots is asked again until it
 * has, for a while.
 */
final class SpaceCredits {
    private static final int FIRST_ASK = 256;
    private static final long FIRST_PAUSE_NANOS = 5_000_000L;
    private static final long LONGEST_PAUSE_NANOS = 200_000_000L;
    /** A disk that freed nothing for so long counts as full. */
    private static final long MOST_PATIENCE_NANOS = 30_000_000_000L;

    private final NodeContext context;
    private final Members members;
    private final Runnable again;

    /** Reservations under way, all for the one write that is next. */
    private int reserving;

    private @Nullable WriteOp full;
    /** Some member could not answer a reservation of this turn. */
    private boolean unreserved;
    /** Some member is about to free slots, says the answer to a reservation of this turn. */
    private boolean freeing;
    /** The next write waits until a member may have freed slots. */
    private boolean pausing;

    private long pauseNanos = FIRST_PAUSE_NANOS;

    private long round = 1;

    /** What became of an attempt. */
    enum Outcome {
        TAKEN,
        WAIT,
        FULL
    }

    SpaceCredits(NodeContext context, Members members, Runnable again) {
        this.context = context;
        this.members = members;
        this.again = again;
    }

    /** A new epoch: credits of the one before are void. */
    void forget() {
        round++;
        reserving = 0;
        unreserved = false;
        freeing = false;
        pausing = false;
        for (int i = 0; i < members.count(); i++) {
            members.at(i).credits.forget();
        }
    }

    /** What one member granted; void as soon as the way to it ends, for it may come back as another process. */
    static final class Account {
        private int slots;
        private int ask = FIRST_ASK;
        private boolean asking;
        private boolean scarce;

        void forget() {
            slots = 0;
            asking = false;
            scarce = false;
        }
    }

    Outcome take(WriteOp op) {
        int required = members.required();
        if (op.reservedRound == round) {
            charge(op, required);
            return Outcome.TAKEN;
        }
        if (reserving > 0 || pausing) {
            return Outcome.WAIT;
        }
        boolean refused = op.equals(full);
        full = null;
        if (refused) {
            return Outcome.FULL;
        }
        boolean enough = true;
        boolean scarce = false;
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            if ((required & member.bit) == 0) {
                continue;
            }
            Account account = member.credits;
            if (account.slots < op.count) {
                enough = false;
                scarce |= account.scarce;
                ask(member, op.count);
            }
        }
        if (enough) {
            charge(op, required);
            return Outcome.TAKEN;
        }
        if (scarce) {
            reserve(op, required);
        }
        return Outcome.WAIT;
    }

    /** Takes the slots from everybody who did not reserve them. */
    private void charge(WriteOp op, int required) {
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            if ((required & member.bit) != 0 && member.credits.slots >= op.count) {
                member.credits.slots -= op.count;
                if (member.credits.slots < member.credits.ask / 4) {
                    ask(member, 0);
                }
            }
        }
    }

    /** What a member had promised before need not be kept aside any more: everything admitted on that is sent. */
    void settle(Member member) {
        if (member.ready()) {
            member.link().credits(members.epoch(), 0, (answered, granted) -> {});
        }
    }

    private void ask(Member member, int atLeast) {
        Account account = member.credits;
        // A member that still stores the epoch grants nothing for it, which must not pass for a full disk.
        if (account.asking || !member.takesWrites() || member.reportEpoch() != members.epoch()) {
            return;
        }
        account.asking = true;
        account.ask = Math.min(context.settings.limits().credits(), Math.max(account.ask, atLeast));
        long epoch = members.epoch();
        long asked = round;
        member.link().credits(epoch, account.ask, (answered, granted) -> {
            if (asked != round) {
                return;
            }
            account.asking = false;
            if (answered == epoch) {
                account.slots += granted;
                account.scarce = granted < account.ask;
                if (!account.scarce) {
                    account.ask = Math.min(context.settings.limits().credits(), account.ask * 2);
                }
                again.run();
            }
        });
    }

    private void reserve(WriteOp op, int required) {
        long epoch = members.epoch();
        long asked = round;
        for (int i = 0; i < members.count(); i++) {
            Member member = members.at(i);
            if ((required & member.bit) != 0 && member.takesWrites() && member.credits.slots < op.count) {
                reserving++;
                member.link()
                        .reserve(epoch, op.block, op.count, (tag, status) -> reserved(op, member, asked, status), 0);
            }
        }
    }

    private void reserved(WriteOp op, Member member, long asked, Status status) {
        if (asked != round) {
            return;
        }
        reserving--;
        if (status == Status.NO_SPACE) {
            full = op;
        } else if (status == Status.CONFLICT) {
            freeing = true;
        } else if (status != Status.OK) {
            unreserved = true;
            if (status != Status.UNAVAILABLE) {
                member.fail(status, "it answered " + status + " to a reservation");
            }
        }
        if (reserving == 0) {
            boolean pause = freeing && full == null;
            if (full == null && !unreserved && !freeing) {
                op.reservedRound = round;
            }
            unreserved = false;
            freeing = false;
            if (pause) {
                pause(op);
            }
            again.run();
        }
    }

    /** Lets a member free slots, and then asks everybody for credits again. */
    private void pause(WriteOp op) {
        long now = context.now();
        if (op.shortSinceNanos == 0) {
            op.shortSinceNanos = now;
            pauseNanos = FIRST_PAUSE_NANOS;
        }
        if (now - op.shortSinceNanos > MOST_PATIENCE_NANOS) {
            full = op;
            return;
        }
        pausing = true;
        for (int i = 0; i < members.count(); i++) {
            members.at(i).credits.scarce = false;
        }
        long asked = round;
        context.clock.after(pauseNanos, () -> {
            if (asked == round) {
                pausing = false;
                again.run();
            }
        });
        pauseNanos = Math.min(LONGEST_PAUSE_NANOS, pauseNanos * 2);
    }
}
