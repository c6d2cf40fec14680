package storage.cairn.engine.replication;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.ReplicaStore;

/** A disk with one replica that completes an operation when its test says so, with what its test says. */
final class ScriptedReplica implements Replica, ReplicaStore {
    private record Asked(String what, Done done, long tag) {}

    private final DiskId disk;
    private Configuration configuration;
    private final ArrayDeque<Asked> asked = new ArrayDeque<>();
    private boolean there = true;
    boolean clean = true;
    long creditsEpoch;
    /** How often it heard that nothing is to come any more that was admitted before. */
    int settled;

    ScriptedReplica(DiskId disk, Configuration configuration) {
        this.disk = disk;
        this.configuration = configuration;
    }

    /** What it was asked and has not answered, in the order of asking. */
    List<String> asked() {
        return asked.stream().map(Asked::what).toList();
    }

    /** Answers the oldest question. */
    void answer(Status status) {
        Asked oldest = asked.remove();
        oldest.done.done(oldest.tag, status);
    }

    private void ask(String what, Done done, long tag) {
        asked.add(new Asked(what, done, tag));
    }

    @Override
    public VolumeId volume() {
        return configuration.volume();
    }

    @Override
    public Configuration configuration() {
        return configuration;
    }

    @Override
    public boolean damaged() {
        return false;
    }

    @Override
    public long commitSeq() {
        return 0;
    }

    @Override
    public long highestWseq() {
        return 0;
    }

    @Override
    public List<TailEntry> tail() {
        return List.of();
    }

    @Override
    public void configure(Configuration next, Done done, long tag) {
        configuration = next;
        ask("configure " + next.epoch(), done, tag);
    }

    @Override
    public void write(
            long epoch, long wseq, long commitSeq, long block, int count, Buffer data, int index, Done done, long tag) {
        ask("write " + wseq, done, tag);
    }

    @Override
    public void zero(long epoch, long wseq, long commitSeq, long block, int count, boolean unmap, Done done, long tag) {
        ask("zero " + wseq, done, tag);
    }

    @Override
    public void rollForward(
            long epoch, TailEntry entry, long commitSeq, @Nullable Buffer data, int index, Done done, long tag) {
        ask("roll forward " + entry.wseq(), done, tag);
    }

    @Override
    public void resize(long epoch, long wseq, long commitSeq, long blocks, Done done, long tag) {
        ask("resize " + wseq, done, tag);
    }

    @Override
    public void commit(long commitSeq) {}

    @Override
    public void read(long block, int count, Buffer into, int index, Done done, long tag) {
        ask("read " + block, done, tag);
    }

    @Override
    public int grantCredits(long epoch, int wanted) {
        creditsEpoch = epoch;
        return epoch == configuration.epoch() ? wanted : 0;
    }

    @Override
    public void voidCredits() {}

    @Override
    public void settleCredits() {
        settled++;
    }

    @Override
    public void reserveOverwrite(long epoch, long block, int count, Done done, long tag) {
        ask("reserve " + block, done, tag);
    }

    @Override
    public void blockStates(long block, int count, BlockStates done, long tag) {
        throw new AssertionError("nobody asks for states here");
    }

    @Override
    public void changedExtents(long sinceSeq, long firstExtent, int limit, ChangedExtents done, long tag) {
        throw new AssertionError("nobody lists extents here");
    }

    @Override
    public void describe(long extent, Described done, long tag) {
        throw new AssertionError("nobody asks for extents here");
    }

    @Override
    public void resync(
            long epoch,
            long block,
            int count,
            ExtentContent content,
            @Nullable Buffer data,
            int index,
            long maxWseq,
            Done done,
            long tag) {
        ask("resync " + block, done, tag);
    }

    @Override
    public void repair(long epoch, long block, int count, Buffer data, int index, Done done, long tag) {
        ask("repair " + block, done, tag);
    }

    @Override
    public void verify(long extent, Verified done, long tag) {
        throw new AssertionError("nobody verifies here");
    }

    @Override
    public DiskId disk() {
        return disk;
    }

    @Override
    public Collection<? extends Replica> replicas() {
        return there ? List.of(this) : List.of();
    }

    @Override
    public @Nullable Replica replica(VolumeId volume) {
        return there && volume.equals(volume()) ? this : null;
    }

    @Override
    public void create(Configuration first, Done done, long tag) {
        throw new AssertionError("nobody makes a replica here");
    }

    @Override
    public void delete(VolumeId volume, Done done, long tag) {
        there = false;
        ask("delete", done, tag);
    }

    @Override
    public boolean closedClean() {
        return clean;
    }

    @Override
    public @Nullable String failure() {
        return null;
    }

    @Override
    public long capacitySlots() {
        return 1_000;
    }

    @Override
    public long freeSlots() {
        return 1_000;
    }

    @Override
    public void close(boolean grantsOutstanding, Done done, long tag) {
        throw new AssertionError("nobody closes the disk here");
    }

    /** The operations of a client, as it heard of their end. */
    static final class Client implements ReplicaClient {
        final List<String> heard = new ArrayList<>();

        @Override
        public void completed(ReplicaOp op, Status status) {
            heard.add(op.tag + " " + status);
        }

        @Override
        public void superseded(String reason) {
            heard.add("superseded");
        }

        @Override
        public void leaving() {
            heard.add("leaving");
        }
    }
}
