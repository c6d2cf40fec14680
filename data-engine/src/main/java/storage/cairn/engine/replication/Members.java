package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;

/** All replicas of one owned volume, and which of them count while a change of the configuration is not settled. */
final class Members {
    /** Each member has a bit of its own for as long as the ownership lasts, also one that left. */
    private static final int MAX_MEMBERS = 31;

    private static final String NOT_SERVED = "the volume is not served here";

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Locations locations;
    private final List<Member> all = new ArrayList<>();
    private int named;
    private int inSync;
    private int required;
    private int readable;
    private long epoch;
    /** Since this epoch fewer members count than before. */
    private long fewerSince;
    /** Those of them that have not taken that epoch yet. */
    private int unaware;
    /** Grants that are being given back. */
    private int releasing;

    Members(NodeContext context, VolumeOwner owner, Locations locations, Configuration first) {
        this.context = context;
        this.owner = owner;
        this.locations = locations;
        include(first);
    }

    /** Takes in those that are new in {@code next}. */
    void include(Configuration next) {
        for (DiskId disk : next.replicas()) {
            if (of(disk) == null) {
                all.add(new Member(context, owner, locations, disk, all.size()));
            }
        }
    }

    /** Whether this owner can have one more. */
    boolean hasRoom() {
        return all.size() < MAX_MEMBERS;
    }

    /** Whether it is a replica by some configuration that may be current: those that left stay in the list. */
    boolean named(Member member) {
        return (named & member.bit) != 0;
    }

    int count() {
        return all.size();
    }

    Member at(int index) {
        return all.get(index);
    }

    @Nullable
    Member of(DiskId disk) {
        for (Member member : all) {
            if (member.disk.equals(disk)) {
                return member;
            }
        }
        return null;
    }

    /** Takes in which configurations may be current, and who is about to be in sync. */
    void consider(Membership membership) {
        int before = inSync;
        epoch = membership.current().epoch();
        inSync = 0;
        required = 0;
        readable = -1;
        named = 0;
        for (Configuration possible : membership.possible()) {
            include(possible);
            for (DiskId disk : possible.replicas()) {
                Member member = of(disk);
                named |= member == null ? 0 : member.bit;
            }
            int mask = 0;
            for (DiskId disk : possible.inSync()) {
                Member member = of(disk);
                if (member == null) {
                    throw new IllegalStateException("disk " + disk + " is no replica of volume " + possible.name());
                }
                mask |= member.bit;
            }
            required |= mask;
            readable &= mask;
        }
        for (Member member : all) {
            if (membership.current().inSync().contains(member.disk)) {
                inSync |= member.bit;
            }
            if (member.promoting()) {
                required |= member.bit;
            }
        }
        if ((before & ~inSync) != 0) {
            fewerSince = epoch;
            unaware = inSync;
        }
    }

    /** A member has taken the configuration of an epoch. */
    void took(Member member, long takenEpoch) {
        if (takenEpoch >= fewerSince) {
            unaware &= ~member.bit;
        }
    }

    /**
     * Whether each member has taken the configuration since which fewer count. Until then nothing is acked and nothing
     * given out: after the configuration store was rolled back, what is left may be another owner's.
     */
    boolean aware() {
        return unaware == 0;
    }

    /** Nobody is proposed as in sync before its acks count and it has granted (invariant I15). */
    void checkPromotions(Configuration next, long nowNanos) {
        for (DiskId disk : next.inSync()) {
            Member member = of(disk);
            boolean known = member != null && (inSync & member.bit) != 0;
            if (!known && (member == null || !member.promoting() || !member.lease.heldAt(nowNanos))) {
                throw new IllegalStateException("volume " + next.name() + ": disk " + disk
                        + " is proposed as in sync in epoch " + next.epoch() + " and has not granted");
            }
        }
    }

    long epoch() {
        return epoch;
    }

    /** The members whose acks and leases are needed: of every configuration that may be current. */
    int required() {
        return required;
    }

    /** In sync by some configuration that may be current. */
    boolean inSync(Member member) {
        return (required & member.bit) != 0;
    }

    /** In sync by every configuration that may be current: fit to read from. */
    boolean readable(Member member) {
        return (readable & member.bit) != 0;
    }

    /** Whether every member that counts has granted, and when the first of these leases ends. */
    long leasedUntilNanos(long nowNanos) {
        if (!aware()) {
            return nowNanos - 1;
        }
        long until = Long.MAX_VALUE;
        boolean any = false;
        for (Member member : all) {
            if ((required & member.bit) == 0) {
                continue;
            }
            if (!member.lease.heldAt(nowNanos)) {
                return nowNanos - 1;
            }
            long left = member.lease.untilNanos() - nowNanos;
            until = any ? Math.min(until, left) : left;
            any = true;
        }
        return any ? nowNanos + until : nowNanos - 1;
    }

    /**
     * The ownership ends: whoever comes next need not wait for the leases.
     *
     * @param incarnation of the owner, null when it never asked for a grant
     */
    void giveBack(@Nullable UUID incarnation) {
        for (Member member : all) {
            if (incarnation != null && member.ready()) {
                releasing++;
                member.link().release(incarnation, (tag, ended) -> {
                    releasing--;
                    member.close(NOT_SERVED);
                });
            } else {
                member.close(NOT_SERVED);
            }
            member.lease.drop();
        }
    }

    boolean gaveBack() {
        return releasing == 0;
    }

    void close() {
        for (Member member : all) {
            member.close(NOT_SERVED);
        }
    }
}
