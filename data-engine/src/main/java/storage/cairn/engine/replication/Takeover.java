package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.TailEntry;

/**
 * Brings all members of a volume to the same content after its ownership was won: every member has reported in this
 * epoch or is taken out; what only some hold is rolled forward. No I/O is served before.
 */
final class Takeover {
    /** Between the highest wseq seen and the first of a new epoch. */
    static final long EPOCH_GAP = 65_536;

    private final NodeContext context;
    private final VolumeOwner owner;
    private final Members members;
    private boolean rolling;
    private String reason = "";
    private boolean lacking;

    Takeover(NodeContext context, VolumeOwner owner, Members members) {
        this.context = context;
        this.owner = owner;
        this.members = members;
    }

    /** Why it is not over, in words. */
    String reason() {
        return reason;
    }

    /** Whether too few replicas can be reached. */
    boolean lacking() {
        return lacking;
    }

    /** How long another owner's grants still keep it waiting, 0 when they do not. */
    long waitLeftNanos() {
        long longest = 0;
        for (int i = 0; i < members.count(); i++) {
            longest = Math.max(longest, members.at(i).waitLeftNanos());
        }
        return longest;
    }

    /** Members, configuration or time have moved: goes as far as it can. */
    void step() {
        if (rolling || owner.membership().busy()) {
            return;
        }
        Configuration current = owner.membership().current();
        List<Member> reported = new ArrayList<>();
        List<Member> absent = new ArrayList<>();
        boolean open = false;
        for (DiskId disk : current.inSync()) {
            Member member = members.of(disk);
            if (member == null) {
                throw new IllegalStateException("disk " + disk + " is no member");
            }
            member.connect();
            if (member.ready() && member.reportEpoch() == current.epoch()) {
                reported.add(member);
            } else if (member.outNanos(context.now()) < member.graceNanos() || member.waitLeftNanos() > 0) {
                open = true;
            } else if (member.state() == Member.State.READY || member.state() == Member.State.SETTING) {
                member.giveUp();
                open = true;
            } else {
                absent.add(member);
            }
        }
        if (open) {
            reason = waitLeftNanos() > 0 ? "the grants to the last owner have not run out" : "replicas are asked";
            return;
        }
        judge(current, reported, absent);
    }

    private void judge(Configuration current, List<Member> reported, List<Member> absent) {
        long commitSeq = 0;
        for (Member member : reported) {
            commitSeq = Math.max(commitSeq, member.report().commitSeq());
        }
        List<Member> whole = new ArrayList<>();
        List<String> unfit = new ArrayList<>();
        Change change = new Change(current);
        for (Member member : reported) {
            String flaw = flaw(member, commitSeq);
            if (flaw.isEmpty()) {
                whole.add(member);
            } else {
                change.outOfSync(member.disk, 0);
                unfit.add("disk " + member.disk + flaw);
            }
        }
        for (Member member : absent) {
            change.outOfSync(member.disk, member.lacksSince(commitSeq));
            unfit.add("disk " + member.disk + " cannot be reached: " + member.trouble());
        }
        lacking = whole.isEmpty() || whole.size() < current.minInSync();
        if (whole.size() == current.inSync().size()) {
            rollForward(whole, commitSeq);
        } else if (whole.size() >= current.minInSync() && !whole.isEmpty()) {
            reason = "replicas that cannot be used are taken out";
            owner.propose(change, "TakenOut", String.join(", ", unfit) + "; at takeover, commitSeq " + commitSeq);
        } else {
            reason = whole.size() + " of " + current.inSync().size() + " in-sync replicas can be used, "
                    + current.minInSync() + " are needed; " + String.join(", ", unfit);
        }
    }

    /** What makes a replica unfit: it may lack, or does lack, something at or below commitSeq. Empty when nothing does. */
    static String flaw(Member member, long commitSeq) {
        if (member.report().damaged()) {
            return " found its journal damaged in the middle";
        }
        return holdsUpTo(member.report().commitSeq(), member.heldTail(), commitSeq)
                ? ""
                : " has lost something that it had acked, at or below commitSeq " + commitSeq;
    }

    /** Whether a replica that told {@code own} as its commitSeq, and this tail, holds everything up to {@code commitSeq}. */
    static boolean holdsUpTo(long own, List<TailEntry> tail, long commitSeq) {
        long last = own;
        for (TailEntry entry : tail) {
            if (last >= commitSeq) {
                return true;
            }
            long step = entry.wseq() - last;
            if (step > 1 && step < EPOCH_GAP) {
                return false;
            }
            last = Math.max(last, entry.wseq());
        }
        return last >= commitSeq;
    }

    private record Place(long wseq, long epoch) {}

    /** An entry and who holds it, by bits. */
    private static final class Partial {
        final TailEntry entry;
        int holders;

        Partial(TailEntry entry) {
            this.entry = entry;
        }
    }

    /** An entry on its way to members, by bits. */
    private record Spread(TailEntry entry, int members) {}

    private void rollForward(List<Member> whole, long commitSeq) {
        TreeMap<Place, Partial> entries =
                new TreeMap<>(Comparator.comparingLong(Place::wseq).thenComparingLong(Place::epoch));
        int everybody = 0;
        long highest = commitSeq;
        for (Member member : whole) {
            everybody |= member.bit;
            highest = Math.max(highest, member.highestWseq());
            for (TailEntry entry : member.heldTail()) {
                if (entry.wseq() > member.report().commitSeq()) {
                    entries.computeIfAbsent(new Place(entry.wseq(), entry.epoch()), unused -> new Partial(entry))
                            .holders |= member.bit;
                }
            }
        }
        List<Partial> partial = new ArrayList<>();
        long last = commitSeq;
        for (Partial each : entries.values()) {
            if (each.entry.wseq() <= commitSeq) {
                continue;
            }
            addVoid(partial, last, each.entry);
            last = Math.max(last, each.entry.wseq());
            if (each.holders != everybody) {
                partial.add(each);
            }
        }
        rolling = true;
        reason = partial.size() + " entries that not all replicas hold are rolled forward";
        new Roll(whole, partial, everybody, commitSeq, last, highest).next();
    }

    /**
     * Numbers that no member holds, between two of one epoch, were never acked. All get an entry there that changes
     * nothing, so that from now on whoever lacks a number at or below commitSeq lacks a change.
     */
    private static void addVoid(List<Partial> partial, long last, TailEntry next) {
        if (next.wseq() - last >= EPOCH_GAP) {
            return;
        }
        for (long wseq = last + 1; wseq < next.wseq(); wseq++) {
            partial.add(new Partial(new TailEntry(next.epoch(), wseq, Replica.Kind.RESIZE, 1, 0)));
        }
    }

    /** Rolls one entry after the other, by rising wseq. */
    private final class Roll {
        private final List<Member> whole;
        private final List<Partial> partial;
        private final int everybody;
        private final long commitSeq;
        private long last;
        private long highest;
        /** What is spread next, once the present entry is. */
        private final ArrayDeque<Spread> then = new ArrayDeque<>();

        private int at;
        private int waiting;
        /** Whether some member may lack what was sent to it: what it holds is asked again. */
        private boolean incomplete;

        private int bad;
        private @Nullable Buffer data;

        Roll(List<Member> whole, List<Partial> partial, int everybody, long commitSeq, long last, long highest) {
            this.whole = whole;
            this.partial = partial;
            this.everybody = everybody;
            this.commitSeq = commitSeq;
            this.last = last;
            this.highest = highest;
        }

        void next() {
            if (owner.stopped()) {
                releaseData();
                return;
            }
            if (at == partial.size()) {
                rolling = false;
                releaseData();
                for (Member member : whole) {
                    if (!member.ready()) {
                        return;
                    }
                }
                context.log.event(
                        Log.Level.INFO,
                        owner.name(),
                        members.epoch(),
                        "Reconciled",
                        whole.size() + " replicas, " + partial.size() + " entries rolled forward, commitSeq " + last);
                owner.reconciled(last, highest);
                return;
            }
            Partial each = partial.get(at);
            if (each.entry.kind() == Replica.Kind.WRITE) {
                bad = 0;
                fetch(each);
            } else {
                spread(each.entry, everybody & ~each.holders);
            }
        }

        private void fetch(Partial each) {
            if (data == null) {
                data = context.buffers.background().acquire(Replica.MAX_WRITE_BLOCKS * BlockDevice.BLOCK_BYTES);
            }
            Buffer into = data;
            if (into == null) {
                context.buffers.background().whenAvailable(this::next);
                return;
            }
            for (Member holder : whole) {
                if ((each.holders & ~bad & holder.bit) != 0) {
                    if (!holder.ready()) {
                        abort();
                        return;
                    }
                    holder.link()
                            .read(
                                    each.entry.block(),
                                    each.entry.count(),
                                    into,
                                    0,
                                    (tag, status) -> fetched(each, holder, status),
                                    0);
                    return;
                }
            }
            undo(each, into);
        }

        /**
         * Whoever holds the entry cannot read it. Not all members hold it, so it was never acked and nobody has read it:
         * the others' content takes its place, under a new number everywhere and under its own where it is missing. Its
         * holders get the new one first: whoever takes over from here meanwhile finds nothing else of it.
         */
        private void undo(Partial each, Buffer into) {
            for (Member other : whole) {
                if ((each.holders & other.bit) == 0 && other.ready()) {
                    other.link()
                            .read(
                                    each.entry.block(),
                                    each.entry.count(),
                                    into,
                                    0,
                                    (tag, status) -> undone(each, other, status),
                                    0);
                    return;
                }
            }
            abort();
        }

        private void undone(Partial each, Member other, Status status) {
            if (owner.stopped() || status == Status.UNAVAILABLE) {
                abort();
            } else if (status == Status.OK) {
                owner.log(
                        Log.Level.WARN,
                        "Undone",
                        "wseq " + each.entry.wseq() + ", which was never acked: those that hold it cannot read it");
                highest = Math.max(highest, last) + EPOCH_GAP;
                last = highest;
                TailEntry entry = each.entry;
                TailEntry instead =
                        new TailEntry(members.epoch(), highest, Replica.Kind.WRITE, entry.block(), entry.count());
                int lacking = everybody & ~each.holders;
                then.add(new Spread(entry, lacking));
                then.add(new Spread(instead, lacking));
                spread(instead, everybody & each.holders);
            } else {
                other.fail(status, "it answered " + status + " to a read of the takeover");
                abort();
            }
        }

        private void fetched(Partial each, Member holder, Status status) {
            if (owner.stopped() || status == Status.UNAVAILABLE) {
                abort();
            } else if (status == Status.OK) {
                spread(each.entry, everybody & ~each.holders);
            } else {
                bad |= holder.bit;
                fetch(each);
            }
        }

        private void spread(TailEntry entry, int to) {
            waiting = 1;
            for (Member member : whole) {
                if ((to & member.bit) == 0) {
                    continue;
                }
                if (!member.ready()) {
                    incomplete = true;
                    break;
                }
                waiting++;
                send(entry, member, 0);
            }
            arrived();
        }

        private void send(TailEntry entry, Member member, int resends) {
            Buffer content = entry.kind() == Replica.Kind.WRITE ? data : null;
            ReplicaLink through = member.link();
            through.rollForward(
                    members.epoch(),
                    entry,
                    commitSeq,
                    content,
                    0,
                    (tag, status) -> {
                        if (status == Status.UNAVAILABLE) {
                            context.clock.execute(() -> refused(entry, member, resends, through));
                        } else {
                            spread(member, status);
                        }
                    },
                    0);
        }

        /** Its disk refused the data and made that the write never happened, or its way was about to end. */
        private void refused(TailEntry entry, Member member, int resends, ReplicaLink through) {
            boolean there = !owner.stopped() && member.ready() && member.link().equals(through);
            if (there && resends < WritePath.MAX_RESENDS) {
                send(entry, member, resends + 1);
                return;
            }
            incomplete = true;
            if (there) {
                member.fail(Status.UNAVAILABLE, "its disk does not take wseq " + entry.wseq());
            }
            arrived();
        }

        private void spread(Member member, Status status) {
            if (status != Status.OK && !owner.stopped()) {
                incomplete = true;
                member.fail(status, "it answered " + status + " when rolled forward");
            }
            arrived();
        }

        private void arrived() {
            if (--waiting > 0) {
                return;
            }
            for (Member member : whole) {
                incomplete |= !member.ready();
            }
            if (incomplete) {
                abort();
                return;
            }
            Spread following = then.poll();
            if (following != null) {
                spread(following.entry, following.members);
            } else {
                at++;
                next();
            }
        }

        private void abort() {
            rolling = false;
            releaseData();
            if (!owner.stopped()) {
                owner.touch();
            }
        }

        private void releaseData() {
            if (data != null) {
                data.release();
                data = null;
            }
        }
    }
}
