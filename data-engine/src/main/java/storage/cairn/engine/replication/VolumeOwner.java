package storage.cairn.engine.replication;

import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Configuration.Owner;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.Hello;

/**
 * One volume that this node owns, from the moment it claims the ownership until it gives it up or is fenced: holds its
 * parts together and decides in which of its states it is.
 */
final class VolumeOwner implements Membership.Fenced {
    private final NodeContext context;
    private final OwnerHost host;
    private final UUID incarnation;
    private final String name;
    private final VolumeId volume;
    private final Membership membership;
    private final Members members;
    private final RangeLock lock = new RangeLock();
    private final HostQueue queue;
    private final WritePath writes;
    private final ReadPath reads;
    private final Takeover takeover;
    private final Upkeep upkeep;
    private final Rebuilds rebuilds;
    private final OwnerClients clients;
    private final HostCounters counters = new HostCounters();

    private State state = State.CLAIMING;

    /** What an owner is doing. */
    enum State {
        CLAIMING,
        TAKING_OVER,
        SERVING,
        HANDING_OVER,
        STOPPED
    }

    interface Started {
        void serving();

        void failed(Status status, String reason);
    }

    interface Released {
        /**
         * @param recorded whether the configuration store knows that nobody owns the volume now
         */
        void released(boolean recorded);
    }

    VolumeOwner(NodeContext context, OwnerHost host, Versioned found) {
        this.context = context;
        this.host = host;
        this.incarnation = context.newId();
        this.name = found.value().name();
        this.volume = found.value().volume();
        this.membership = new Membership(context, found, this);
        this.members = new Members(context, this, host.locations(), found.value());
        this.queue = new HostQueue(context);
        this.writes = new WritePath(context, this, members, lock, queue);
        this.reads = new ReadPath(context, this, members, lock, queue);
        this.takeover = new Takeover(context, this, members);
        this.rebuilds = new Rebuilds(context, this, host, members);
        this.upkeep = new Upkeep(context, this, members, rebuilds);
        this.clients = new OwnerClients(context);
    }

    /** Makes this node the owner, with this attachId, and serves once all members are of one content. */
    void claim(@Nullable UUID attachId) {
        Owner me = new Owner(context.identity.node(), incarnation);
        Change change = new Change(membership.current()).owner(me).attachId(attachId);
        membership.propose(change.build(context.newId()), new Membership.Settled() {
            @Override
            public void applied(Configuration configuration) {
                state = State.TAKING_OVER;
                members.consider(membership);
                log(Log.Level.INFO, "TakingOver", "node " + context.identity.node() + " owns it now");
                touch();
                takeover.step();
            }

            @Override
            public void refused(String reason) {
                stop(Status.UNAVAILABLE, reason);
            }
        });
    }

    void whenServing(Started started) {
        switch (state) {
            case CLAIMING, TAKING_OVER -> clients.await(started);
            case SERVING -> context.clock.execute(started::serving);
            case HANDING_OVER, STOPPED ->
                context.clock.execute(() -> started.failed(Status.FENCED, "the volume is being handed over"));
        }
    }

    /** The takeover is over: everything up to {@code last} is on every member. */
    void reconciled(long last, long highest) {
        writes.begin(last, highest);
        writes.newEpoch();
        state = State.SERVING;
        log(Log.Level.INFO, "TookOver", "first wseq " + (writes.lastWseq() + 1));
        queue.open(true);
        touch();
        clients.serving();
        context.clock.execute(this::step);
    }

    /** Proposes a change of the membership; only while none is under way. */
    void propose(Change change, String event, String detail) {
        propose(change, event, detail, () -> {}, () -> {});
    }

    void propose(Change change, String event, String detail, Runnable whenApplied, Runnable whenRefused) {
        Configuration next = change.build(context.newId());
        members.checkPromotions(next, context.now());
        log(Log.Level.INFO, event, detail + "; proposed as epoch " + next.epoch());
        membership.propose(next, new Membership.Settled() {
            @Override
            public void applied(Configuration configuration) {
                changed();
                whenApplied.run();
                reads.reconsider();
                writes.reconsider();
                step();
            }

            @Override
            public void refused(String reason) {
                log(Log.Level.WARN, "ChangeRefused", reason);
                whenRefused.run();
                members.consider(membership);
                reads.reconsider();
                writes.reconsider();
            }
        });
        members.consider(membership);
        reads.reconsider();
        touch();
    }

    /** A new epoch: the members are told in the order of their streams, before any operation of it. */
    private void changed() {
        members.consider(membership);
        writes.newEpoch();
        for (int i = 0; i < members.count(); i++) {
            members.at(i).setEpoch();
        }
    }

    void memberReady(Member member, boolean first) {
        if (state == State.SERVING || state == State.HANDING_OVER) {
            if (first) {
                upkeep.connected(member);
            }
            reads.reconsider();
            writes.reconsider();
        }
        step();
    }

    void memberDown(Member member) {
        if (stopped()) {
            return;
        }
        members.consider(membership);
        rebuilds.memberDown(member);
        touch();
        context.clock.after(member.graceNanos() + 1, () -> {
            if (!stopped()) {
                step();
            }
        });
        step();
    }

    /** The node of a member shuts down. */
    void memberLeaves(Member member) {
        if (state == State.SERVING && !members.inSync(member)) {
            member.close("its node shuts down");
            memberDown(member);
        }
        step();
    }

    /** A member that left is not in sync any more. */
    void letGo(Member member, String reason) {
        member.letGo(incarnation, reason);
    }

    void memberWaits(Member member) {
        touch();
        step();
    }

    private void step() {
        switch (state) {
            case TAKING_OVER -> takeover.step();
            case SERVING -> upkeep.step();
            case CLAIMING, HANDING_OVER, STOPPED -> {}
        }
    }

    /** Time passes. Returns whether it must be told again. */
    boolean tick() {
        if (stopped()) {
            return false;
        }
        if (state == State.TAKING_OVER) {
            for (int i = 0; i < members.count(); i++) {
                members.at(i).heartbeat(context.now());
            }
        } else if (state != State.CLAIMING) {
            upkeep.watch();
        }
        step();
        if (stopped()) {
            return false;
        }
        reads.reconsider();
        queue.expire(
                context.now() - NodeContext.nanos(context.settings.failures().queueMillis()));
        if (writes.idle()) {
            writes.tellCommit();
        }
        return state != State.SERVING
                || !queue.idle()
                || !writes.idle()
                || reads.waiting()
                || membership.busy()
                || upkeep.busy();
    }

    void touch() {
        host.touched(this);
    }

    /** Some writes completed. */
    void committed() {
        rebuilds.committed();
    }

    /** A grant of a member is not renewed any more: perhaps a newer owner waits for it. */
    void excepted(DiskId disk, long upToEpoch) {
        Member member = members.of(disk);
        if (member != null) {
            member.lease.except(upToEpoch);
            reads.reconsider();
            membership.read();
        }
    }

    void leasesRenewed() {
        if (reads.waiting()) {
            reads.reconsider();
        }
    }

    /** A replica has a later configuration than this owner: either it is fenced, or the store was rolled back. */
    void replicaAhead(Member member, Configuration there) {
        log(
                Log.Level.WARN,
                "ReplicaAhead",
                "disk " + member.disk + " has epoch " + there.epoch() + " of term " + there.storeTerm());
        member.close("its configuration is newer");
        member.retryAfterMillis(context.settings.failures().graceMillis());
        context.configStore.get(volume, outcome -> {
            if (stopped()) {
                return;
            }
            if (outcome instanceof Read.Found found
                    && there.provesRollBackOf(found.current().value())
                    && !there.changeId().equals(changeUnderWay())) {
                host.witnessed(there);
                fenced(
                        null,
                        "StoreRolledBack: disk " + member.disk + " has epoch " + there.epoch()
                                + ", the configuration store epoch "
                                + found.current().value().epoch() + "; restore the store to its newest state");
            } else {
                membership.read();
            }
        });
    }

    private @Nullable UUID changeUnderWay() {
        Configuration next = membership.proposed();
        return next == null ? null : next.changeId();
    }

    @Override
    public void fenced(@Nullable Configuration newer, String reason) {
        Status status = newer == null ? Status.UNAVAILABLE : newer.deleted() ? Status.NOT_FOUND : Status.FENCED;
        if (newer == null) {
            log(Log.Level.ERROR, "Stopped", reason);
        }
        stop(status, reason);
    }

    /** Serves no more, from this moment. Gives its grants back: whoever comes next need not wait for them. */
    void stop(Status status, String reason) {
        if (stopped()) {
            return;
        }
        boolean claimed = state != State.CLAIMING;
        state = State.STOPPED;
        membership.stop();
        rebuilds.stop();
        upkeep.stop(reason);
        log(Log.Level.INFO, "NotServing", reason);
        queue.stop(status);
        writes.stop();
        reads.stop();
        members.giveBack(claimed ? incarnation : null);
        context.afterMillis(context.settings.failures().connectMillis(), members::close);
        clients.stopped(status, reason);
        host.stopped(this, status, reason);
    }

    /** Ends the service in good order: what is under way completes, and the store learns that nobody owns the volume. */
    void handOver(boolean detach, String reason, Released released) {
        if (state != State.SERVING && state != State.TAKING_OVER) {
            stop(Status.FENCED, reason);
            context.clock.execute(() -> released.released(false));
            return;
        }
        state = State.HANDING_OVER;
        queue.open(false);
        rebuilds.stop();
        new HandOver(context, this, detach, reason, released).begin();
    }

    Hello hello(DiskId disk) {
        Configuration current = membership.current();
        Member member = members.of(disk);
        boolean joins = state == State.SERVING && member != null && !members.inSync(member);
        return new Hello(
                context.identity.node(),
                context.session,
                context.newNonce(),
                joins ? Hello.Role.JOINING_REPLICA : Hello.Role.REPLICA,
                volume.uuid(),
                disk.uuid(),
                current.storeTerm(),
                current.epoch(),
                incarnation);
    }

    void log(Log.Level level, String event, String detail) {
        context.log.event(level, name, membership.current().epoch(), event, detail);
    }

    boolean stopped() {
        return state == State.STOPPED;
    }

    /** Whether it stopped and every grant was given back: whoever comes next waits for none. */
    boolean gaveBack() {
        return stopped() && members.gaveBack();
    }

    State state() {
        return state;
    }

    boolean serves() {
        return state == State.SERVING;
    }

    String name() {
        return name;
    }

    VolumeId volume() {
        return volume;
    }

    Membership membership() {
        return membership;
    }

    Members members() {
        return members;
    }

    WritePath writes() {
        return writes;
    }

    ReadPath reads() {
        return reads;
    }

    HostQueue queue() {
        return queue;
    }

    RangeLock lock() {
        return lock;
    }

    Placements placements() {
        return host.placements();
    }

    Rebuilds rebuilds() {
        return rebuilds;
    }

    Upkeep upkeep() {
        return upkeep;
    }

    Takeover takeover() {
        return takeover;
    }

    HostCounters counters() {
        return counters;
    }

    OwnerClients clients() {
        return clients;
    }

    boolean usable(DiskId disk) {
        return host.locations().usable(disk);
    }

    long blocks() {
        return membership.current().sizeBytes() / BlockDevice.BLOCK_BYTES;
    }
}
