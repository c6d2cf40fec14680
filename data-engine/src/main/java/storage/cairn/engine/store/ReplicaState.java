package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.VolumeId;

/** What is durable and visible of a replica, and what of that a checkpoint under way is to hold. */
abstract class ReplicaState implements Replica {
    /** A commitSeq so far ahead of the recorded one is told to the journal when that costs nothing. */
    private static final long COMMIT_LAG = 256;

    final ExtentStore store;
    final Tail tail = new Tail();
    private final int number;
    private final VolumeId volume;

    private Configuration configuration;
    private Configuration promisedConfiguration;
    private long blocks;
    private long commitSeq;
    private long recordedCommitSeq;
    private long highestWseq;
    private long highestSubmitted;
    private boolean damaged;
    private long rootSlot;
    private int rootCrc;
    private long createdBy;
    private long deletedBy;
    private Configuration cutConfiguration;
    private long cutBlocks;
    private long newRootSlot;
    private int newRootCrc;
    private boolean rootChanged;

    ReplicaState(ExtentStore store, int number, Configuration configuration) {
        this.store = store;
        this.number = number;
        this.volume = configuration.volume();
        this.configuration = configuration;
        this.promisedConfiguration = configuration;
        this.cutConfiguration = configuration;
        this.blocks = configuration.sizeBytes() / BlockDevice.BLOCK_BYTES;
        this.cutBlocks = blocks;
    }

    int number() {
        return number;
    }

    /** Generation that new mappings are born in. Snapshots will raise it. */
    int generation() {
        return 1;
    }

    long blocks() {
        return blocks;
    }

    long rootSlot() {
        return rootSlot;
    }

    int rootCrc() {
        return rootCrc;
    }

    void root(long slot, int crc) {
        rootSlot = slot;
        rootCrc = crc;
    }

    /** Root that the checkpoint under way made. It becomes the root when that is durable. */
    void newRoot(long slot, int crc) {
        newRootSlot = slot;
        newRootCrc = crc;
        rootChanged = true;
    }

    long newRootSlot() {
        return rootChanged ? newRootSlot : rootSlot;
    }

    int newRootCrc() {
        return rootChanged ? newRootCrc : rootCrc;
    }

    void adoptRoot() {
        root(newRootSlot(), newRootCrc());
        rootChanged = false;
    }

    Tail tailEntries() {
        return tail;
    }

    @Override
    public VolumeId volume() {
        return volume;
    }

    @Override
    public Configuration configuration() {
        return configuration;
    }

    @Override
    public boolean damaged() {
        return damaged;
    }

    @Override
    public long commitSeq() {
        return commitSeq;
    }

    @Override
    public long highestWseq() {
        return highestWseq;
    }

    @Override
    public List<TailEntry> tail() {
        List<TailEntry> entries = new ArrayList<>(tail.size());
        for (int i = 0; i < tail.size(); i++) {
            entries.add(new TailEntry(tail.epoch(i), tail.wseq(i), tail.kind(i), tail.block(i), tail.count(i)));
        }
        return entries;
    }

    @Override
    public void commit(long seq) {
        if (seq > commitSeq) {
            commitSeq = seq;
            tail.trim(seq);
            if (commitSeq - recordedCommitSeq > COMMIT_LAG) {
                recordedCommitSeq = commitSeq;
                store.recordCommit(number, commitSeq);
            }
        }
    }

    /** The newest configuration that was asked for. It may not be durable yet. */
    Configuration promisedConfiguration() {
        return promisedConfiguration;
    }

    void promise(Configuration next) {
        promisedConfiguration = next;
    }

    /** Highest wseq that was ever submitted here. */
    long highestSubmitted() {
        return highestSubmitted;
    }

    void submitted(long wseq) {
        highestSubmitted = Math.max(highestSubmitted, wseq);
    }

    /** A numbered change is durable and visible. */
    void applied(long epoch, long wseq, Kind kind, long block, int count, long blockSeq) {
        highestWseq = Math.max(highestWseq, wseq);
        highestSubmitted = Math.max(highestSubmitted, wseq);
        if (wseq > commitSeq) {
            tail.add(epoch, wseq, kind, block, count, blockSeq);
        }
    }

    void raise(long wseq) {
        highestWseq = Math.max(highestWseq, wseq);
        highestSubmitted = Math.max(highestSubmitted, wseq);
    }

    void resized(long newBlocks, boolean beforeCut) {
        blocks = Math.max(blocks, newBlocks);
        if (beforeCut) {
            cutBlocks = blocks;
        }
    }

    void configured(Configuration next, boolean beforeCut) {
        if (next.epoch() != configuration.epoch()) {
            epochEnded(next.epoch());
        }
        configuration = next;
        if (next.newerThan(promisedConfiguration)) {
            promisedConfiguration = next;
        }
        if (!next.inSync().contains(store.disk())) {
            damaged = false;
        }
        if (beforeCut) {
            cutConfiguration = next;
        }
    }

    /** Another epoch begins: what was granted in the one before is void. */
    abstract void epochEnded(long nextEpoch);

    void createdBy(long blockSeq) {
        createdBy = blockSeq;
    }

    void deletedBy(long blockSeq) {
        deletedBy = blockSeq;
        epochEnded(Long.MAX_VALUE);
        settleCredits();
    }

    boolean deleted() {
        return deletedBy != 0;
    }

    /** Whether a checkpoint with this cut has the replica, and not its deletion. */
    boolean inCheckpoint(long cut) {
        return createdBy <= cut && (deletedBy == 0 || deletedBy > cut);
    }

    boolean deletedBefore(long cut) {
        return deletedBy != 0 && deletedBy <= cut;
    }

    /** A checkpoint's cut is made: it is to hold this configuration and size, unless earlier records are published. */
    void cut() {
        cutConfiguration = configuration;
        cutBlocks = blocks;
    }

    Configuration cutConfiguration() {
        return cutConfiguration;
    }

    long cutBlocks() {
        return cutBlocks;
    }

    void damage() {
        damaged = true;
    }

    /** What the catalog tells of it. */
    void restore(long size, long commit, long highest, boolean wasDamaged) {
        blocks = size;
        cutBlocks = size;
        commitSeq = commit;
        recordedCommitSeq = commit;
        highestWseq = highest;
        highestSubmitted = highest;
        damaged = wasDamaged;
    }

    /** A replayed record told this commitSeq. */
    void restoreCommit(long seq) {
        if (seq > commitSeq) {
            commitSeq = seq;
            recordedCommitSeq = seq;
            tail.trim(seq);
        }
    }
}
