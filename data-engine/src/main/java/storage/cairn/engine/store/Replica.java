package storage.cairn.engine.store;

import java.util.List;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/**
 * One volume's replica on one disk. Blocks are 4 KiB; an extent is 256 of them (1 MiB).
 *
 * <p>All calls and completions are on the disk's loop; a completion never runs inside the call that asked for it.
 * Buffers are retained by the replica until it is done with them.
 *
 * <p>Whoever calls keeps two writes that overlap apart: the second is submitted after the first completed. The
 * replica checks ranges, checksums, space and epochs itself.
 */
public interface Replica {
    /** Blocks of an extent. */
    int EXTENT_BLOCKS = 256;

    /** Most blocks of one write or resync. */
    int MAX_WRITE_BLOCKS = 256;

    /** Most blocks of one zero: 128 MiB. */
    int MAX_ZERO_BLOCKS = 32_768;

    /** Most wseqs above commitSeq. */
    int MAX_TAIL = 4_096;

    VolumeId volume();

    /** The newest configuration that is durable here. */
    Configuration configuration();

    /**
     * Whether recovery found this disk's journal damaged in the middle: acked writes may be missing. Such a replica
     * rejoins by delta and is never the sole survivor.
     */
    boolean damaged();

    /** Highest wseq that was told to be held by every in-sync replica. */
    long commitSeq();

    /** Highest wseq ever applied here, or 0. */
    long highestWseq();

    /** Everything applied (durable) above {@link #commitSeq}, by rising wseq; at most {@link #MAX_TAIL} entries. */
    List<TailEntry> tail();

    /**
     * Persists a configuration behind everything submitted so far: completes when that and the configuration are
     * durable. From this call on, operations of an epoch below the configuration's end with STALE_EPOCH; a
     * configuration that is not {@link Configuration#newerThan} the present one ends so too, unless it is equal.
     */
    void configure(Configuration configuration, Done done, long tag);

    /**
     * Writes {@code count} blocks (1 to 256) from {@code block} on, out of {@code data} from its block {@code index}
     * on, whose checksums are set and are verified first (CORRUPT). Completes OK when durable; atomic as a whole.
     *
     * @param wseq higher than 0; an (epoch, wseq) that was applied already completes OK and changes nothing. At an
     *     in-sync replica everything up to commitSeq was applied; one that is not in sync is not waited for, so there
     *     only the {@link #tail} tells, and whoever writes to it sends nothing twice
     * @param commitSeq everything up to it is held by every in-sync replica
     */
    void write(
            long epoch, long wseq, long commitSeq, long block, int count, Buffer data, int index, Done done, long tag);

    /**
     * Makes {@code count} blocks (1 to 32,768) read as zeroes; with {@code unmap} they become holes. Durable and
     * atomic as {@link #write}. Never fails for space.
     */
    void zero(long epoch, long wseq, long commitSeq, long block, int count, boolean unmap, Done done, long tag);

    /**
     * Applies an operation of an earlier epoch that other members hold and this one lacks, under the authority of
     * {@code epoch}, which is what STALE_EPOCH is decided by: the entry keeps its own (epoch, wseq), in the tail and
     * against duplicates. Otherwise as {@link #write}, {@link #zero} or {@link #resize} by its kind.
     *
     * @param data of a WRITE, from its block {@code index} on; null of the others
     */
    void rollForward(
            long epoch,
            TailEntry entry,
            long commitSeq,
            @org.jspecify.annotations.Nullable Buffer data,
            int index,
            Done done,
            long tag);

    /** Changes the size that is served. Growing only: a size that is not larger is a mere entry. */
    void resize(long epoch, long wseq, long commitSeq, long blocks, Done done, long tag);

    /** Tells that everything up to {@code commitSeq} is held by every in-sync replica. Needs no durability of its own. */
    void commit(long commitSeq);

    /**
     * Reads {@code count} blocks (1 to 256) into {@code into} from its block {@code index} on, verified, checksums
     * set. A block never written reads as zeroes. CORRUPT when some block does not match: nothing of {@code into}
     * may be used then.
     */
    void read(long block, int count, Buffer into, int index, Done done, long tag);

    /**
     * Slots that may be written from now on without NO_SPACE, at most {@code wanted}, 0 when the disk is short. They
     * cover the data and the worst case of pages; each {@link #write} takes {@code count} of them. They are void
     * when the epoch changes.
     */
    int grantCredits(long epoch, int wanted);

    /**
     * What it granted and reserved is void: whoever asked for it has forgotten it, and asks anew. It stays kept aside for
     * what was admitted on it, which comes by {@link #rollForward}, until {@link #settleCredits}.
     */
    void voidCredits();

    /** Nothing is to come any more that was admitted on credits that are void, or that were granted before it was opened. */
    void settleCredits();

    /**
     * The slow way when credits ran out: OK when each of these blocks is mapped already and shared with nobody, so
     * that overwriting them needs no space in the end. A following {@link #write} of the range then needs no credits.
     * Otherwise NO_SPACE, or CONFLICT while slots are about to be free, for which credits are then given: ask again soon.
     */
    void reserveOverwrite(long epoch, long block, int count, Done done, long tag);

    /** State of each block in a range (1 to 32,768 blocks), for NBD's BLOCK_STATUS: see {@link BlockState}. */
    void blockStates(long block, int count, BlockStates done, long tag);

    /**
     * Extents changed after {@code sinceSeq}: those from {@code firstExtent} on whose maxWseq is above it, by rising
     * number, at most {@code limit} (1 to 4,096).
     */
    void changedExtents(long sinceSeq, long firstExtent, int limit, ChangedExtents done, long tag);

    /** What an extent maps to. An extent never written has only holes and maxWseq 0. */
    void describe(long extent, Described done, long tag);

    /**
     * Replaces blocks by those of a source: {@code content} gives state, checksum and wseqLow of the {@code count}
     * blocks from {@code block} on, all of one extent (its arrays have {@code count} entries, the first for
     * {@code block}); {@code data} holds the mapped ones, packed, from its block
     * {@code index} on; null when none is mapped. Raises the extent's maxWseq to {@code maxWseq}, also with a count
     * of 0. Durable when it completes. Refused (INVALID) when the replica's configuration says it is in sync.
     */
    void resync(
            long epoch,
            long block,
            int count,
            ExtentContent content,
            @org.jspecify.annotations.Nullable Buffer data,
            int index,
            long maxWseq,
            Done done,
            long tag);

    /**
     * Rewrites blocks whose stored bytes went bad, in place of the same content: each block is taken only while its
     * mapped checksum equals {@code data}'s (OK when all were; CONFLICT when some no longer match).
     */
    void repair(long epoch, long block, int count, Buffer data, int index, Done done, long tag);

    /** Reads and verifies every mapped block of an extent, for scrubbing. */
    void verify(long extent, Verified done, long tag);

    /** What a block is. */
    enum BlockState {
        HOLE,
        ZERO,
        DATA
    }

    /** How a wseq changed the volume. */
    enum Kind {
        WRITE,
        ZERO,
        UNMAP,
        RESIZE
    }

    /**
     * @param block first block, or the new number of blocks of a RESIZE
     * @param count number of blocks, 0 of a RESIZE
     */
    record TailEntry(long epoch, long wseq, Kind kind, long block, int count) {}

    /**
     * What 256 blocks map to.
     *
     * @param states of each block
     * @param crcs checksum of each DATA block, the zero block's for others
     * @param wseqLows low 24 bits of the wseq that wrote each block; {@link #LOST} of a block whose mapping cannot be
     *     read any more, whatever state and checksum say
     * @param maxWseq at least the wseq of the extent's last change
     */
    record ExtentContent(BlockState[] states, int[] crcs, int[] wseqLows, long maxWseq) {
        /** In place of a wseqLow: equal to none. */
        public static final int LOST = -1;

        /** Whether the disk lost what some block maps to: only a resync from another replica brings it back. */
        public boolean lost() {
            for (int low : wseqLows) {
                if (low == LOST) {
                    return true;
                }
            }
            return false;
        }
    }

    interface Done {
        void done(long tag, Status status);
    }

    interface BlockStates {
        /**
         * @param states one for each block asked for; empty unless OK
         */
        void done(long tag, Status status, List<BlockState> states);
    }

    interface ChangedExtents {
        /**
         * @param extents rising; fewer than the limit: there are no more
         */
        void done(long tag, Status status, long[] extents);
    }

    interface Described {
        void done(long tag, Status status, @org.jspecify.annotations.Nullable ExtentContent content);
    }

    interface Verified {
        /**
         * @param badBlocks blocks (of the volume) that did not match or could not be read
         */
        void done(long tag, Status status, long[] badBlocks);
    }
}
