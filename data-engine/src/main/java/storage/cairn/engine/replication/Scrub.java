package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.BlockState;
import storage.cairn.engine.store.Replica.ExtentContent;

/**
 * Reads the owned volumes' extents in the background, one at a time and at a bounded rate: every replica verifies its
 * own blocks, bad ones are repaired from another, and replicas that map differently with valid checksums raise an
 * alarm. What cannot be verified or repaired at the moment, as for lack of memory, is tried again, and a round that did
 * not get through says so and comes again soon.
 */
final class Scrub {
    private static final int PAGE = 256;
    private static final long LOOK_MILLIS = 60_000;
    private static final int MAX_ATTEMPTS = 8;
    private static final long EXTENT_BYTES = (long) Replica.EXTENT_BLOCKS * BlockDevice.BLOCK_BYTES;

    private final NodeContext context;
    private final Owners owners;
    /** When each volume's next round is due, in nanoseconds. */
    private final TreeMap<VolumeId, Long> due = new TreeMap<>();

    private Clock.@Nullable Timer timer;
    private Clock.@Nullable Timer watch;
    private @Nullable Round current;
    private boolean stopped;

    Scrub(NodeContext context, Owners owners) {
        this.context = context;
        this.owners = owners;
    }

    void start() {
        if (context.settings.background().scrubBytesPerSecond() > 0) {
            later(LOOK_MILLIS, this::look);
            watch = context.afterMillis(LOOK_MILLIS, this::watch);
        }
    }

    void stop() {
        stopped = true;
        for (Clock.Timer each : new Clock.Timer[] {timer, watch}) {
            if (each != null) {
                each.cancel();
            }
        }
    }

    /** A round over a volume that is not owned here any more may wait for its range for ever: another one begins. */
    private void watch() {
        if (stopped) {
            return;
        }
        watch = context.afterMillis(LOOK_MILLIS, this::watch);
        Round round = current;
        if (round != null && round.owner.stopped()) {
            look();
        }
    }

    private void later(long millis, Runnable task) {
        if (!stopped) {
            timer = context.afterMillis(millis, task);
        }
    }

    /** Begins a round over the volume that has been due for longest: another one might be due again and again. */
    private void look() {
        long now = context.now();
        current = null;
        due.keySet().removeIf(volume -> owners.of(volume) == null);
        VolumeOwner next = null;
        long longest = -1;
        for (VolumeOwner owner : owners.all()) {
            long since = now - due.computeIfAbsent(owner.volume(), unused -> now);
            if (since > longest && owner.serves() && !owner.rebuilds().busy()) {
                next = owner;
                longest = since;
            }
        }
        long pause = context.settings.background().scrubPauseMillis();
        if (next == null) {
            later(Math.min(LOOK_MILLIS, pause), this::look);
            return;
        }
        due.put(next.volume(), now + NodeContext.nanos(pause));
        Round round = new Round(next);
        current = round;
        round.page(0);
    }

    /** One pass over one volume. */
    private final class Round {
        private final VolumeOwner owner;
        private long[] extents = new long[0];
        private int at;
        private int attempts;
        private long verified;
        private long unverified;
        private boolean soon;
        private String trouble = "";

        Round(VolumeOwner owner) {
            this.owner = owner;
        }

        void page(long first) {
            Member member = readable(0);
            if (member == null) {
                trouble("no replica can be read", true);
                end();
                return;
            }
            member.link().changedExtents(0, first, PAGE, (tag, status, found) -> {
                if (over()) {
                    return;
                }
                if (status != Status.OK) {
                    trouble("disk " + member.disk + " answered " + status + " when asked for its extents", true);
                    end();
                } else {
                    extents = found;
                    at = 0;
                    next();
                }
            });
        }

        /** Whether another round has begun meanwhile. */
        private boolean over() {
            return !this.equals(current);
        }

        private @Nullable Member readable(int skipBits) {
            if (!owner.serves()) {
                return null;
            }
            for (int i = 0; i < owner.members().count(); i++) {
                Member member = owner.members().at(i);
                if (member.ready() && owner.members().readable(member) && (skipBits & member.bit) == 0) {
                    return member;
                }
            }
            return null;
        }

        void next() {
            if (over()) {
                return;
            }
            if (stopped || !owner.serves()) {
                later(1, Scrub.this::look);
            } else if (at < extents.length) {
                attempts++;
                new Check(this, extents[at]).begin();
            } else if (extents.length == PAGE) {
                page(extents[PAGE - 1] + 1);
            } else {
                end();
            }
        }

        /**
         * An extent was looked at.
         *
         * @param problem why not everything about it is known or mended; empty when it is
         * @param passing whether it may be otherwise in a moment
         */
        void checked(String problem, boolean passing) {
            if (over()) {
                return;
            }
            boolean done = problem.isEmpty() || !passing || attempts == MAX_ATTEMPTS;
            if (problem.isEmpty()) {
                verified++;
            } else if (done) {
                trouble("extent " + extents[at] + ": " + problem, passing);
            }
            if (done) {
                at++;
                attempts = 0;
            }
            long rate = context.settings.background().scrubBytesPerSecond();
            later(Math.max(1, EXTENT_BYTES * 1_000 / rate), this::next);
        }

        private void trouble(String what, boolean passing) {
            unverified++;
            trouble = what;
            soon |= passing;
        }

        private void end() {
            if (unverified > 0 && owner.serves()) {
                long pause = context.settings.background().scrubPauseMillis();
                long millis = soon ? Math.min(LOOK_MILLIS, pause) : pause;
                due.put(owner.volume(), context.now() + NodeContext.nanos(millis));
                owner.log(
                        Log.Level.WARN,
                        "ScrubIncomplete",
                        verified + " extents are verified, " + unverified
                                + " are not or could not be mended, the last: " + trouble + "; tried again in "
                                + millis / 1_000 + " s");
            }
            later(1, Scrub.this::look);
        }
    }

    /** One extent on all in-sync replicas, while nothing writes to it. */
    private final class Check extends RangeLock.Entry {
        private final Round round;
        private final VolumeOwner owner;
        private final long extent;
        private final List<Member> members = new ArrayList<>();
        private final List<ExtentContent> contents = new ArrayList<>();
        private final List<Runnable> repairs = new ArrayList<>();
        private int open;
        private String problem = "";
        private boolean passing = true;

        Check(Round round, long extent) {
            this.round = round;
            this.owner = round.owner;
            this.extent = extent;
        }

        void begin() {
            owner.lock().acquire(this, extent * Replica.EXTENT_BLOCKS, Replica.EXTENT_BLOCKS, false);
        }

        @Override
        void locked() {
            open = 1;
            for (int i = 0; i < owner.members().count(); i++) {
                Member member = owner.members().at(i);
                if (owner.serves() && member.ready() && owner.members().readable(member)) {
                    open += 2;
                    member.link().verify(extent, (tag, status, bad) -> verified(member, status, bad));
                    member.link().describe(extent, (tag, status, content) -> {
                        if (status == Status.OK && content != null && content.lost()) {
                            owner.upkeep().mapLost(member, extent);
                        } else if (status == Status.OK && content != null) {
                            members.add(member);
                            contents.add(content);
                        } else {
                            problem("disk " + member.disk + " answered " + status + " when asked for its map", status);
                        }
                        answered();
                    });
                }
            }
            answered();
        }

        private void verified(Member member, Status status, long[] bad) {
            if (status == Status.OK || status == Status.CORRUPT) {
                for (long block : bad) {
                    repairs.add(() -> repair(member, block));
                }
            } else {
                problem("disk " + member.disk + " answered " + status + " when it was to verify", status);
            }
            answered();
        }

        private void answered() {
            if (--open > 0) {
                return;
            }
            compare();
            List<Runnable> tasks = List.copyOf(repairs);
            repairs.clear();
            open = 1 + tasks.size();
            tasks.forEach(Runnable::run);
            over();
        }

        private void over() {
            if (--open == 0) {
                owner.lock().release(this);
                round.checked(problem, passing);
            }
        }

        private void compare() {
            for (int i = 1; i < contents.size() && owner.serves(); i++) {
                ExtentContent one = contents.getFirst();
                ExtentContent other = contents.get(i);
                if (one.maxWseq() == other.maxWseq() && !same(one, other)) {
                    owner.log(
                            Log.Level.ERROR,
                            "ReplicasDiffer",
                            "extent " + extent + " differs between disk " + members.getFirst().disk + " and disk "
                                    + members.get(i).disk + " though all checksums are valid; take one of them out and"
                                    + " have it rebuilt");
                }
            }
        }

        private boolean same(ExtentContent one, ExtentContent other) {
            for (int i = 0; i < one.states().length; i++) {
                boolean data = one.states()[i] == BlockState.DATA;
                if (data != (other.states()[i] == BlockState.DATA) || (data && one.crcs()[i] != other.crcs()[i])) {
                    return false;
                }
            }
            return true;
        }

        /** Takes a block from another replica, and has the bad one rewrite it. */
        private void repair(Member bad, long block) {
            Member good = round.readable(bad.bit);
            Buffer data = good == null ? null : context.buffers.background().acquire(BlockDevice.BLOCK_BYTES);
            if (good == null || data == null) {
                if (good == null) {
                    notRepaired(bad, block, "no other replica can be read", Status.CORRUPT);
                } else {
                    notRepaired(bad, block, "no memory, for now", Status.BUSY);
                }
                over();
                return;
            }
            good.link()
                    .read(
                            block,
                            1,
                            data,
                            0,
                            (tag, status) -> {
                                if (status == Status.OK && bad.ready() && owner.serves()) {
                                    rewrite(bad, block, data);
                                } else if (status == Status.CORRUPT && owner.serves()) {
                                    fromAny(bad, block, data);
                                } else {
                                    data.release();
                                    notRepaired(bad, block, "disk " + good.disk + " answered " + status, status);
                                    over();
                                }
                            },
                            0);
        }

        /** The other replica's is bad, too: reads from all of them, which repairs the bad ones if one is good. */
        private void fromAny(Member bad, long block, Buffer data) {
            owner.reads().readLocked(block, 1, data, status -> {
                data.release();
                if (status != Status.OK) {
                    notRepaired(bad, block, "no replica has a good copy", status);
                }
                over();
            });
        }

        private void notRepaired(Member bad, long block, String why, Status status) {
            problem("disk " + bad.disk + ", block " + block + " is bad and not repaired: " + why, status);
            owner.log(Log.Level.WARN, "NotRepaired", "disk " + bad.disk + ", block " + block + ": " + why);
        }

        private void problem(String what, Status status) {
            problem = what;
            passing &= status == Status.BUSY || status == Status.UNAVAILABLE || status == Status.CONFLICT;
        }

        private void rewrite(Member bad, long block, Buffer data) {
            bad.link().repair(owner.members().epoch(), block, 1, data, 0, (tag, status) -> {
                data.release();
                if (status == Status.OK) {
                    owner.log(Log.Level.INFO, "Repaired", "disk " + bad.disk + ", block " + block);
                } else {
                    notRepaired(bad, block, "it answered " + status, status);
                }
                over();
            });
        }
    }
}
