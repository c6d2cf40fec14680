package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.LongConsumer;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.sim.Violation;

/**
 * Schedules for one store on one disk: each holds back, loses or spoils exactly those operations of the device whose
 * coincidence a rule of the store is for. They throw a {@link Violation} when a promise is broken.
 */
public final class StoreSchedules {
    private static final int SMALL_DISK = 8_192;
    private static final int VOLUME = 1_024;
    private static final int ROUNDS = 20;
    private static final int BATCH = 64;
    private static final TreeMap<String, LongConsumer> ALL = new TreeMap<>();

    static {
        ALL.put("configuration-waits-for-what-is-under-way", StoreSchedules::configurationWaits);
        ALL.put("damage-in-the-middle-is-told", StoreSchedules::damageInTheMiddleIsTold);
        ALL.put("equal-epoch-is-not-newer", StoreSchedules::equalEpochIsNotNewer);
        ALL.put("former-pages-wait-for-the-checkpoint", StoreSchedules::formerPagesWait);
        ALL.put("half-of-the-superblocks-is-whole", StoreSchedules::halfOfTheSuperblocksIsWhole);
        ALL.put("lost-page-is-an-error", StoreSchedules::lostPageIsAnError);
        ALL.put("only-the-present-run-is-replayed", StoreSchedules::onlyThePresentRunIsReplayed);
        ALL.put("pages-spare-what-a-replay-maps", StoreSchedules::pagesSpareWhatAReplayMaps);
        ALL.put("passing-read-error-costs-no-page", StoreSchedules::passingReadErrorCostsNoPage);
        ALL.put("readers-keep-their-slots", StoreSchedules::readersKeepTheirSlots);
        ALL.put("ring-waits-for-the-checkpoint", StoreSchedules::ringWaitsForTheCheckpoint);
        ALL.put("recovered-data-is-flushed-first", StoreSchedules::recoveredDataIsFlushedFirst);
        ALL.put("smaller-size-is-a-mere-entry", StoreSchedules::smallerSizeIsAMereEntry);
        ALL.put("torn-journal-block-is-left-out", StoreSchedules::tornJournalBlockIsLeftOut);
    }

    private StoreSchedules() {}

    /** Names of all of them. */
    public static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    /** Plays one; the seed decides what it leaves to chance. */
    public static void play(String name, long seed) {
        LongConsumer schedule = ALL.get(name);
        if (schedule == null) {
            throw new IllegalArgumentException("no schedule is named '" + name + "'; there are: " + names());
        }
        try {
            schedule.accept(seed);
        } catch (AssertionError e) {
            throw new Violation("store", String.valueOf(e.getMessage()));
        }
    }

    private static void check(boolean kept, String invariant, String otherwise) {
        if (!kept) {
            throw new Violation(invariant, otherwise);
        }
    }

    private static void wrote(OneDisk one, long block, int count, long content) {
        Status status = one.write(block, count, content);
        check(status == Status.OK, "store", "a write of block " + block + " answered " + status);
    }

    private static void holds(OneDisk one, long block, long content, String invariant) {
        long found = one.read(block);
        check(
                found == content,
                invariant,
                "block " + block + (found < 0 ? " cannot be read" : " holds " + found) + " instead of " + content);
    }

    private static void reopen(OneDisk one, String invariant) {
        one.open();
        check(one.store != null, invariant, "a store on a healthy disk cannot be opened: " + one.problem);
    }

    /** A write's data lies in a slow disk when the next epoch is made known. */
    private static void configurationWaits(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        one.heldWrites = one::isSlot;
        Buffer data = one.content(7, 1);
        Status[] write = OneDisk.begin(answer -> one.replica().write(1, 1, 0, 0, 1, data, 0, answer, 0));
        one.run(() -> one.held() > 0);
        one.epoch = 2;
        Status[] configured =
                OneDisk.begin(answer -> one.replica().configure(one.configuration(List.of(one.id)), answer, 0));
        one.process.after(1_000_000_000L, one::letGo);
        one.run(() -> write[0] != null || configured[0] != null);
        check(write[0] != null, "I3", "epoch 2 was acked before a write of epoch 1 that it found under way");
        one.run(() -> configured[0] != null);
        data.release();
        holds(one, 0, 7, "I3");
    }

    /** A journal block that was acked goes bad, with many whole ones behind it. */
    private static void damageInTheMiddleIsTold(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        long bad = 0;
        for (int i = 0; i < 40; i++) {
            wrote(one, i, 1, 100 + i);
            // The journal block is sealed behind the data of its records.
            bad = i == 20 + seed % 10 ? one.lastWritten() : bad;
        }
        check(one.isJournal(bad), "store", "block " + bad + " is not in the journal");
        one.kill();
        byte[] content = one.disk.content(bad);
        content[100] ^= 1;
        one.disk.overwrite(bad, content);
        reopen(one, "I9");
        check(one.replica().damaged(), "I9", "the journal is damaged in the middle and the replica does not say so");
    }

    /** The power fails while superblocks are written, again and again: two copies are whole all the time. */
    private static void halfOfTheSuperblocksIsWhole(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, true);
        for (int round = 0; round < ROUNDS; round++) {
            wrote(one, round, 1, 100 + round);
            one.store().checkpoint();
            one.run(() -> one.writes(StoreSchedules::isFirstSuperblock));
            one.powerCut();
            reopen(one, "I32");
            holds(one, round, 100 + round, "I32");
        }
    }

    private static boolean isFirstSuperblock(long block) {
        return block == 0;
    }

    /** The page that tells what an extent maps to goes bad. */
    private static void lostPageIsAnError(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        wrote(one, 300, 4, 70);
        one.close(false);
        for (long block = one.layout().firstSlot(); block < one.disk.blocks(); block++) {
            byte[] content = one.disk.content(block);
            if (ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getInt() == ExtentPage.MAGIC) {
                content[2_000] ^= 1;
                one.disk.overwrite(block, content);
            }
        }
        one.open();
        long found = one.read(300);
        check(found == -1, "I23", "block 300, whose map is lost, reads as " + found);
    }

    /** The pages on the way to a block cannot be read twice, and then can. */
    private static void passingReadErrorCostsNoPage(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        wrote(one, 300, 1, 70);
        one.close(false);
        reopen(one, "I23");
        Map<Long, Integer> refused = new HashMap<>();
        one.refuseReads = block -> one.isSlot(block)
                && ByteBuffer.wrap(one.disk.content(block)).getLong() != 70
                && refused.merge(block, 1, Integer::sum) < 3;
        holds(one, 300, 70, "I23");
        check(!refused.isEmpty(), "store", "no page was read");
    }

    /** An owner whose configuration tells less than a growth that is durable here sends an entry of the smaller size. */
    private static void smallerSizeIsAMereEntry(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        for (long blocks : new long[] {2L * VOLUME, VOLUME}) {
            Status status = one.status(answer -> one.replica().resize(one.epoch, ++one.wseq, 0, blocks, answer, 0));
            check(status == Status.OK, "I29", "an entry of " + blocks + " blocks answered " + status);
        }
        wrote(one, 2L * VOLUME - 1, 1, 10);
        holds(one, 2L * VOLUME - 1, 10, "I29");
    }

    /**
     * Two journal blocks were under way when the process died: the first was lost, the second, which zeroes a block, is
     * there. The next run of the store has its own block in the place of the first.
     */
    private static void onlyThePresentRunIsReplayed(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, false);
        wrote(one, 0, 1, 10);
        int[] journalWrites = {0};
        one.heldWrites = block -> one.isJournal(block) && journalWrites[0]++ == 0;
        Buffer data = one.content(20, 1);
        OneDisk.begin(answer -> one.replica().write(1, ++one.wseq, 0, 1, 1, data, 0, answer, 0));
        one.run(() -> one.held() > 0);
        OneDisk.begin(answer -> one.replica().zero(1, ++one.wseq, 0, 0, 1, false, answer, 0));
        one.run(() -> journalWrites[0] > 1);
        one.process.after(100_000_000, one::kill);
        one.run(() -> one.store == null);
        reopen(one, "I20");
        one.wseq = one.replica().highestWseq() + 65_536;
        wrote(one, 2, 1, 30);
        one.kill();
        reopen(one, "I20");
        holds(one, 0, 10, "I20");
        holds(one, 2, 30, "I20");
    }

    /** A read is slow while its block is overwritten and then every free slot of the disk is written. */
    private static void readersKeepTheirSlots(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        wrote(one, 0, Replica.EXTENT_BLOCKS, 1);
        one.heldReads = one::isSlot;
        Buffer into = one.content(0, 1);
        Status[] read = OneDisk.begin(answer -> one.replica().read(0, 1, into, 0, answer, 0));
        one.run(() -> one.held() > 0);
        wrote(one, 0, Replica.EXTENT_BLOCKS, 1_000);
        Status status = Status.OK;
        for (int i = 0; i < 32 && status == Status.OK; i++) {
            status = one.write(Replica.EXTENT_BLOCKS, Replica.EXTENT_BLOCKS, 10_000L + i);
        }
        one.letGo();
        one.run(() -> read[0] != null);
        check(read[0] == Status.OK, "I19", "a read of a healthy disk answered " + read[0]);
        check(into.bytes().getLong(0) == 1, "I19", "a read that began before an overwrite gave something else");
        into.release();
    }

    /** A checkpoint does not come to its end while more journal blocks are written than the ring has. */
    private static void ringWaitsForTheCheckpoint(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        wrote(one, 0, 1, 10);
        long half = one.layout().journalBlocks() / 2;
        for (long i = 0; i < half - 16; i++) {
            wrote(one, 1 + i % 200, 1, 1_000 + i);
        }
        one.heldWrites = StoreSchedules::isFirstSuperblock;
        one.store().checkpoint();
        one.run(() -> one.held() > 0);
        // Each fills a journal block of its own, until the store lets one wait.
        long last = 0;
        for (boolean goesOn = true; goesOn && last < 2 * half; last += goesOn ? 1 : 0) {
            Buffer data = one.content(10_000 + last, 1);
            long block = 300 + last % 200;
            long seq = ++one.wseq;
            Status[] asked =
                    OneDisk.begin(answer -> one.replica().write(1, seq, seq - 1, block, 1, data, 0, answer, 0));
            boolean[] late = {false};
            one.process.after(50_000_000, () -> late[0] = true);
            one.run(() -> asked[0] != null || late[0]);
            data.release();
            goesOn = asked[0] == Status.OK;
        }
        one.kill();
        reopen(one, "I32");
        holds(one, 0, 10, "I32");
        holds(one, 300 + (last - 1) % 200, 10_000 + last - 1, "I32");
    }

    /** The power fails while journal blocks are written that fill several sectors each. */
    private static void tornJournalBlockIsLeftOut(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, true);
        for (int round = 0; round < ROUNDS; round++) {
            int first = round * 48;
            for (int i = 0; i < 40; i++) {
                Buffer data = one.content(1_000 + i, 1);
                long block = (long) first + i;
                OneDisk.begin(answer -> one.replica().write(one.epoch, ++one.wseq, 0, block, 1, data, 0, answer, 0));
                data.release();
            }
            one.run(() -> one.writes(one::isJournal));
            one.powerCut();
            reopen(one, "I20");
            one.store().invariants();
            one.replica().commit(one.wseq);
            for (int i = 0; i < 40; i++) {
                long found = one.read(first + i);
                check(
                        found == 0 || found == 1_000 + i,
                        "I20",
                        "block " + (first + i) + (found < 0 ? " cannot be read" : " holds " + found));
            }
        }
    }

    /** Two configurations of one epoch: only the one that came first counts. */
    private static void equalEpochIsNotNewer(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        one.epoch = 2;
        Configuration first = one.configuration(List.of(one.id));
        check(
                one.status(answer -> one.replica().configure(first, answer, 0)) == Status.OK,
                "I4",
                "epoch 2 was refused");
        Configuration other = one.configuration(List.of(new DiskId(new UUID(77, 77))));
        Status status = one.status(answer -> one.replica().configure(other, answer, 0));
        check(
                status == Status.STALE_EPOCH,
                "I4",
                "another configuration of the same epoch was answered with " + status);
        check(one.replica().configuration().equals(first), "I4", "a configuration gave way to one of its own epoch");
    }

    /** Every free slot is written while a checkpoint has its pages and not yet its superblocks; then the process dies. */
    private static void formerPagesWait(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        wrote(one, 0, 1, 10);
        one.checkpoint();
        wrote(one, 1, 1, 20);
        one.heldWrites = StoreSchedules::isFirstSuperblock;
        one.store().checkpoint();
        one.run(() -> one.held() > 0);
        overwriteUntilFull(one, one.layout().slots() + BATCH);
        one.kill();
        reopen(one, "I19");
        holds(one, 0, 10, "I19");
        holds(one, 1, 20, "I19");
    }

    /**
     * Every free slot is written, and set free by another write, while a checkpoint is made and has no pages yet. Its
     * replay begins with the first of these writes: the slots of none of them may become its pages.
     */
    private static void pagesSpareWhatAReplayMaps(long seed) {
        OneDisk one = new OneDisk(seed, SMALL_DISK, VOLUME, seed % 2 == 0);
        wrote(one, 0, 1, 10);
        one.checkpoint();
        one.kill();
        reopen(one, "I19");
        one.wseq = one.replica().highestWseq() + 65_536;
        wrote(one, 1, 1, 20);
        one.heldReads = one::isSlot;
        one.store().checkpoint();
        one.run(() -> one.held() > 0);
        long acked = overwriteUntilFull(one, 2 * one.layout().slots());
        long before = one.store().metrics().checkpoints();
        one.letGo();
        one.run(() -> one.store().metrics().checkpoints() > before);
        one.kill();
        reopen(one, "I19");
        one.store().invariants();
        holds(one, 0, 10, "I19");
        holds(one, 1, 20, "I19");
        for (int i = 0; i < BATCH; i++) {
            long found = one.read(Replica.EXTENT_BLOCKS + i);
            check(
                    found >= contentOf(acked, i),
                    "I19",
                    "a block that was acked with " + contentOf(acked, i) + " reads as " + found);
        }
    }

    /** Overwrites blocks so many times in all, or until some find no space: the number of the last that were acked. */
    private static long overwriteUntilFull(OneDisk one, long times) {
        long acked = -1;
        for (long taken = 0; taken < times; taken += BATCH) {
            int[] open = batch(one, taken);
            boolean[] late = {false};
            one.process.after(50_000_000, () -> late[0] = true);
            one.run(() -> open[0] == 0 || late[0]);
            if (open[0] > 0) {
                return acked;
            }
            acked = taken;
        }
        return acked;
    }

    private static long contentOf(long batch, int i) {
        return 1_000_000 + batch + i;
    }

    /** Blocks that lie together are overwritten at once, each by a write of its own: tells how many are not acked. */
    private static int[] batch(OneDisk one, long content) {
        int[] open = {BATCH};
        long commit = one.wseq;
        for (int i = 0; i < BATCH; i++) {
            Buffer data = one.content(contentOf(content, i), 1);
            one.replica()
                    .write(
                            one.epoch,
                            ++one.wseq,
                            commit,
                            Replica.EXTENT_BLOCKS + i,
                            1,
                            data,
                            0,
                            (tag, status) -> open[0] -= status == Status.OK ? 1 : 0,
                            0);
            data.release();
        }
        return open;
    }

    /**
     * A process died with a record and its data in the disk's cache only. The next one finds both whole, and the power
     * fails while its first checkpoint is written, which may use the slot that the record made free.
     */
    private static void recoveredDataIsFlushedFirst(long seed) {
        for (int round = 0; round < ROUNDS; round++) {
            OneDisk one = new OneDisk(seed * ROUNDS + round, SMALL_DISK, VOLUME, true);
            long[] slot = {0};
            one.refuseWrites = block -> {
                slot[0] = one.isSlot(block) && slot[0] == 0 ? block : slot[0];
                return false;
            };
            wrote(one, 0, BATCH, 1_000);
            Buffer data = one.content(2_000, BATCH);
            long flushes = one.store().metrics().flushes();
            OneDisk.begin(answer -> one.replica().write(1, ++one.wseq, 0, 0, BATCH, data, 0, answer, 0));
            one.run(() -> one.store().metrics().flushes() > flushes);
            one.kill();
            one.beginOpen();
            boolean[] begun = {false};
            one.run(() -> {
                boolean writes = one.writes(block -> block == slot[0]);
                begun[0] |= writes;
                return one.store != null || (begun[0] && !writes);
            });
            one.powerCut();
            reopen(one, "I20");
            for (int i = 0; i < BATCH; i++) {
                long found = one.read(i);
                check(
                        found == 1_000 + i || found == 2_000 + i,
                        "I20",
                        "block " + i + ", which held " + (1_000 + i) + " and perhaps was overwritten, reads as "
                                + found);
            }
        }
    }
}
