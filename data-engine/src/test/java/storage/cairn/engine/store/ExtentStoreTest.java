package storage.cairn.engine.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;

class ExtentStoreTest {
    private static final DiskId OTHER = new DiskId(new UUID(77, 77));

    private static OneDisk small() {
        return new OneDisk(8_192, 1_024, true);
    }

    @Test
    void aRepeatedWriteIsOkAndChangesNothing() {
        OneDisk one = small();
        assertThat(one.write(1, 5, 1, 100)).isEqualTo(Status.OK);
        assertThat(one.write(2, 5, 1, 200)).isEqualTo(Status.OK);
        assertThat(one.write(1, 5, 1, 300)).isEqualTo(Status.OK);
        assertThat(one.read(5)).isEqualTo(200);
    }

    /** One that joins a volume which has seen more writes than 32 bits count was refused its first one for ever. */
    @Test
    void aReplicaThatKnowsOfNoCommitTakesAnyNumberNearTheOneItIsTold() {
        OneDisk one = small();
        Buffer data = one.content(700, 1);
        long commitSeq = 5L << 32;
        Status near = one.status(answer -> one.replica().write(1, commitSeq + 1, commitSeq, 5, 1, data, 0, answer, 0));
        Status far = one.status(
                answer -> one.replica().write(1, commitSeq + (2L << 32), commitSeq, 6, 1, data, 0, answer, 0));
        assertThat(List.of(near, far)).containsExactly(Status.OK, Status.INVALID);
        one.kill();
        one.open();
        assertThat(one.read(5)).isEqualTo(700);
        assertThat(one.replica().commitSeq()).isEqualTo(commitSeq);
    }

    @Test
    void anOlderChangeOfBlocksThatANewerOneHoldsIsRefused() {
        OneDisk one = small();
        Buffer data = one.content(1, 2);
        Status newer = one.status(answer -> one.replica().write(1, 9, 0, 4, 2, data, 0, answer, 0));
        Status older = one.status(answer -> one.replica().write(1, 5, 0, 5, 2, data, 0, answer, 0));
        Status beside = one.status(answer -> one.replica().write(1, 6, 0, 6, 2, data, 0, answer, 0));
        assertThat(List.of(newer, older, beside)).containsExactly(Status.OK, Status.INVALID, Status.OK);
    }

    @Test
    void aWriteWithAWrongChecksumIsCorruptAndItsRepetitionIsTaken() {
        OneDisk one = small();
        Buffer bad = one.content(7, 1);
        bad.crc(0, bad.crc(0) + 1);
        assertThat(one.status(answer -> one.replica().write(1, 1, 0, 3, 1, bad, 0, answer, 0)))
                .isEqualTo(Status.CORRUPT);
        assertThat(one.write(1, 3, 1, 7)).isEqualTo(Status.OK);
        assertThat(one.read(3)).isEqualTo(7);
    }

    @Test
    void fromAConfigurationOnOlderEpochsAreRefusedAndWhatWasSubmittedIsDrained() {
        OneDisk one = small();
        List<String> ended = new ArrayList<>();
        Buffer data = one.content(50, 1);
        one.replica().write(1, 1, 0, 0, 1, data, 0, (tag, status) -> ended.add("write " + status), 0);
        one.epoch = 2;
        one.replica()
                .configure(one.configuration(List.of(one.id)), (tag, status) -> ended.add("configure " + status), 0);
        one.replica().write(1, 2, 0, 1, 1, data, 0, (tag, status) -> ended.add("late " + status), 0);
        one.replica().write(2, 65_538, 0, 2, 1, data, 0, (tag, status) -> ended.add("new " + status), 0);
        one.run(() -> ended.size() == 4);
        assertThat(ended).containsExactlyInAnyOrder("late STALE_EPOCH", "write OK", "configure OK", "new OK");
        assertThat(ended.indexOf("write OK")).isLessThan(ended.indexOf("configure OK"));
        assertThat(ended.indexOf("configure OK")).isLessThan(ended.indexOf("new OK"));
        one.kill();
        one.open();
        assertThat(one.replica().configuration().epoch()).isEqualTo(2);
        assertThat(one.read(1)).isZero();
        assertThat(one.read(2)).isEqualTo(50);
    }

    @Test
    void aFullDiskRefusesNewBlocksAndGoesOnOverwriting() {
        OneDisk one = new OneDisk(8_192, 20_000, true);
        long block = 0;
        Status status = Status.OK;
        while (status == Status.OK) {
            status = one.write(block, 16, 1_000 + block);
            block += status == Status.OK ? 16 : 0;
        }
        assertThat(status).isEqualTo(Status.NO_SPACE);
        one.checkpoint();
        while (one.write(block, 16, 1_000 + block) == Status.OK) {
            block += 16;
        }
        assertThat(block).isGreaterThan(4_000);
        assertThat(one.store().failure()).isNull();
        long mapped = block;
        for (int round = 0; round < 4; round++) {
            for (long at = 0; at + 16 <= mapped; at += 16) {
                long first = at;
                assertThat(one.status(answer -> one.replica().reserveOverwrite(1, first, 16, answer, 0)))
                        .as("round %d block %d of %d reads %d", round, at, mapped, one.read(at))
                        .isEqualTo(Status.OK);
                assertThat(one.write(at, 16, 50_000 * (round + 2) + at)).isEqualTo(Status.OK);
            }
            one.store().invariants();
        }
        assertThat(one.status(answer -> one.replica().reserveOverwrite(1, mapped + 64, 1, answer, 0)))
                .isEqualTo(Status.NO_SPACE);
        assertThat(one.read(17)).isEqualTo(50_000 * 5 + 17);
        assertThat(one.status(answer -> one.replica().zero(1, ++one.wseq, 0, 0, 2_000, true, answer, 0)))
                .isEqualTo(Status.OK);
        assertThat(one.status(answer -> one.replica().reserveOverwrite(1, mapped + 64, 1, answer, 0)))
                .as("what was discarded is about to be free")
                .isEqualTo(Status.CONFLICT);
        one.run(() -> one.store().freeSlots() > 1_000);
        assertThat(one.replica().grantCredits(1, 64)).isEqualTo(64);
        assertThat(one.write(mapped + 64, 16, 9)).isEqualTo(Status.OK);
        one.close(false);
        one.open();
        assertThat(one.read(mapped + 64)).isEqualTo(9);
        assertThat(one.read(3)).isZero();
    }

    /** Those that waited for space once kept the slots from being free that a checkpoint had set free. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void repairsOfAFullDiskEnd(boolean reserveUsedUp) {
        OneDisk one = new OneDisk(8_192, 20_000, true);
        long block = 0;
        while (reserveUsedUp || one.replica().grantCredits(1, 16) == 16) {
            if (one.write(block, 16, 1_000 + block) != Status.OK) {
                break;
            }
            block += 16;
        }
        one.checkpoint();
        List<Status> answers = new ArrayList<>();
        for (int extent = 0; extent < 6; extent++) {
            long first = 256L * extent;
            Buffer same = one.content(1_000 + first, 256);
            one.replica().repair(1, first, 256, same, 0, (tag, status) -> answers.add(status), 0);
            same.release();
        }
        one.run(() -> answers.size() == 6);
        assertThat(answers).containsOnly(reserveUsedUp ? Status.NO_SPACE : Status.OK);
        assertThat(one.read(17)).isEqualTo(1_017);
        one.store().invariants();
    }

    @Test
    void creditsAreKeptForWhoeverHasThem() {
        OneDisk one = new OneDisk(8_192, 20_000, true);
        int granted = one.replica().grantCredits(1, 1_000);
        assertThat(granted).isEqualTo(1_000);
        int more = one.replica().grantCredits(1, 100_000);
        assertThat(more).isLessThan(8_192);
        assertThat(one.replica().grantCredits(1, 1)).isZero();
        for (int i = 0; i + 8 <= granted + more; i += 8) {
            assertThat(one.write(i, 8, i + 1)).isEqualTo(Status.OK);
        }
        assertThat(one.replica().grantCredits(2, 1)).isZero();
    }

    /** Writes that were admitted on an earlier way to the replica come again, and find the space that was promised. */
    @Test
    void whatWasGrantedIsKeptForTheAdmittedUntilAllOfThemHaveCome() {
        int total = new OneDisk(8_192, 20_000, true).replica().grantCredits(1, 100_000);
        OneDisk one = new OneDisk(8_192, 20_000, true);
        assertThat(one.replica().grantCredits(1, 64)).isEqualTo(64);
        one.replica().voidCredits();
        assertThat(one.replica().grantCredits(1, 100_000)).isEqualTo(total - 64);

        Buffer data = one.content(77, 16);
        Replica.TailEntry admitted = new Replica.TailEntry(1, ++one.wseq, Replica.Kind.WRITE, 4_096, 16);
        assertThat(one.status(answer -> one.replica().rollForward(1, admitted, 0, data, 0, answer, 0)))
                .isEqualTo(Status.OK);
        data.release();
        assertThat(one.replica().grantCredits(1, 1)).isZero();

        one.replica().settleCredits();
        assertThat(one.replica().grantCredits(1, 100_000))
                .as("the rest, without some slots for the map")
                .isBetween(64 - 16 - 8, 64 - 16);
        assertThat(one.read(4_100)).isEqualTo(81);
        one.store().invariants();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void dataThatTheDiskRefusesIsAsIfItHadNeverBeen(boolean volatileCache) {
        OneDisk one = new OneDisk(8_192, 1_024, volatileCache);
        assertThat(one.write(4, 2, 10)).isEqualTo(Status.OK);
        long firstSlot = 8_192 / 8 + 257;
        one.refuseWrites = block -> block >= firstSlot;
        assertThat(one.write(4, 2, 20)).isEqualTo(Status.UNAVAILABLE);
        one.refuseWrites = block -> false;
        assertThat(one.store().metrics().aborts()).isEqualTo(1);
        assertThat(one.store().failure()).isNull();
        assertThat(one.read(4)).isEqualTo(10);
        assertThat(one.replica().tail()).noneMatch(entry -> entry.wseq() == 2);
        one.kill();
        one.open();
        assertThat(one.read(4)).isEqualTo(10);
        assertThat(one.write(2, 4, 2, 30)).isEqualTo(Status.OK);
        one.checkpoint();
        one.kill();
        one.open();
        assertThat(one.read(5)).isEqualTo(31);
    }

    @Test
    void aFailedJournalWriteOrFlushFailsTheDiskForGood() {
        OneDisk one = small();
        one.refuseWrites = block -> block >= 257 && block < 257 + 1_024;
        assertThat(one.write(1, 1, 1)).isEqualTo(Status.DISK_FAILED);
        assertThat(one.store().failure()).contains("journal block").contains("errno 5");
        one.refuseWrites = block -> false;
        assertThat(one.write(1, 1, 1)).isEqualTo(Status.DISK_FAILED);
        OneDisk other = small();
        other.refuseFlushes = true;
        assertThat(other.write(1, 1, 1)).isEqualTo(Status.DISK_FAILED);
        assertThat(other.store().failure()).contains("flush failed");
        assertThat(other.status(answer -> other.store().close(false, answer, 0)))
                .isEqualTo(Status.DISK_FAILED);
        assertThat(other.buffers.outBytes()).isZero();
    }

    @Test
    void cleanIsOnlyADiskThatWasClosedWithoutGrants() {
        OneDisk one = small();
        one.close(false);
        one.open();
        assertThat(one.store().closedClean()).isTrue();
        one.close(true);
        one.open();
        assertThat(one.store().closedClean()).isFalse();
        one.kill();
        one.open();
        assertThat(one.store().closedClean()).isFalse();
    }

    @Test
    void damageInTheMiddleOfTheJournalIsToldUntilTheReplicaLeftTheInSyncSet() {
        OneDisk one = small();
        for (int i = 0; i < 40; i++) {
            assertThat(one.write(i, 1, 100 + i)).isEqualTo(Status.OK);
        }
        one.kill();
        long block = newestJournalBlock(one) - 10;
        byte[] damaged = one.disk.content(block);
        damaged[100] ^= 1;
        one.disk.overwrite(block, damaged);
        one.open();
        assertThat(one.replica().damaged()).isTrue();
        one.kill();
        one.open();
        assertThat(one.replica().damaged()).isTrue();
        one.epoch = 2;
        assertThat(one.status(answer -> one.replica().configure(one.configuration(List.of(OTHER)), answer, 0)))
                .isEqualTo(Status.OK);
        assertThat(one.replica().damaged()).isFalse();
        one.kill();
        one.open();
        assertThat(one.replica().damaged()).isFalse();
    }

    private static long newestJournalBlock(OneDisk one) {
        long newest = -1;
        long highest = -1;
        for (long block = 257; block < 257 + 1_024; block++) {
            ByteBuffer bytes = ByteBuffer.wrap(one.disk.content(block)).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            if (bytes.getInt(0) == JournalBlock.MAGIC && bytes.getLong(8) > highest) {
                highest = bytes.getLong(8);
                newest = block;
            }
        }
        return newest;
    }

    @Test
    void aTornLastJournalBlockIsNoDamage() {
        OneDisk one = small();
        for (int i = 0; i < 10; i++) {
            one.write(i, 1, 100 + i);
        }
        one.kill();
        long block = newestJournalBlock(one);
        byte[] torn = one.disk.content(block);
        Arrays.fill(torn, 512, 4096, (byte) 0x33);
        one.disk.overwrite(block, torn);
        one.open();
        assertThat(one.replica().damaged()).isFalse();
        assertThat(one.read(3)).isEqualTo(103);
    }

    @Test
    void aLostExtentPageReadsAsAnErrorIsListedAsChangedAndHealsByResync() {
        OneDisk one = small();
        assertThat(one.write(300, 4, 70)).isEqualTo(Status.OK);
        assertThat(one.write(10, 4, 80)).isEqualTo(Status.OK);
        one.close(false);
        breakPages(one, ExtentPage.MAGIC, 1);
        one.open();
        assertThat(one.read(300)).isEqualTo(-1);
        assertThat(one.read(10)).isEqualTo(80);
        assertThat(changed(one, one.wseq)).containsExactly(1);
        one.checkpoint();
        one.kill();
        one.open();
        assertThat(one.read(301)).isEqualTo(-1);
        assertThat(changed(one, one.wseq)).containsExactly(1);
        one.epoch = 2;
        one.status(answer -> one.replica().configure(one.configuration(List.of(OTHER)), answer, 0));
        Replica.BlockState[] states = new Replica.BlockState[256];
        Arrays.fill(states, Replica.BlockState.ZERO);
        int[] crcs = new int[256];
        Arrays.fill(crcs, Crc32c.ZERO_BLOCK);
        Buffer data = one.content(70, 4);
        for (int i = 0; i < 4; i++) {
            states[44 + i] = Replica.BlockState.DATA;
            crcs[44 + i] = data.crc(i);
        }
        Replica.ExtentContent content = new Replica.ExtentContent(states, crcs, new int[256], 9);
        assertThat(one.status(answer -> one.replica().resync(2, 256, 256, content, data, 0, 9, answer, 0)))
                .isEqualTo(Status.OK);
        assertThat(one.read(301)).isEqualTo(71);
        assertThat(one.read(500)).isZero();
        one.checkpoint();
        assertThat(changed(one, 9)).isEmpty();
        assertThat(one.read(303)).isEqualTo(73);
    }

    private static long[] changed(OneDisk one, long sinceSeq) {
        long[][] found = {null};
        one.replica().changedExtents(sinceSeq, 0, 100, (tag, status, extents) -> found[0] = extents, 0);
        one.run(() -> found[0] != null);
        return found[0];
    }

    private static void breakPages(OneDisk one, int magic, long number) {
        for (long block = 257 + 1_024; block < 8_192 - 257; block++) {
            byte[] content = one.disk.content(block);
            ByteBuffer bytes = ByteBuffer.wrap(content).order(java.nio.ByteOrder.LITTLE_ENDIAN);
            boolean extent = magic == ExtentPage.MAGIC && bytes.getLong(8) == number;
            boolean index = magic == IndexPage.MAGIC && bytes.getInt(4) != 0 && content[8] == 1;
            if (bytes.getInt(0) == magic && (extent || index)) {
                content[2_000] ^= 4;
                one.disk.overwrite(block, content);
            }
        }
    }

    @Test
    void aLostIndexPageFailsTheDisk() {
        OneDisk one = small();
        one.write(300, 4, 70);
        one.close(false);
        breakPages(one, IndexPage.MAGIC, 0);
        one.open();
        Buffer into = one.content(1, 1);
        assertThat(one.status(answer -> one.replica().read(300, 1, into, 0, answer, 0)))
                .isEqualTo(Status.DISK_FAILED);
        assertThat(one.store().failure()).contains("index page");
    }

    @Test
    void dataThatRottedIsAnErrorAndIsRepairedOnlyByTheSameContent() {
        OneDisk one = small();
        one.write(20, 1, 500);
        for (long block = 257 + 1_024; block < 8_192 - 257; block++) {
            if (ByteBuffer.wrap(one.disk.content(block)).getLong(0) == 500) {
                one.disk.rot(block);
            }
        }
        assertThat(one.read(20)).isEqualTo(-1);
        Buffer wrong = one.content(501, 1);
        assertThat(one.status(answer -> one.replica().repair(1, 20, 1, wrong, 0, answer, 0)))
                .isEqualTo(Status.CONFLICT);
        Buffer right = one.content(500, 1);
        assertThat(one.status(answer -> one.replica().repair(1, 20, 1, right, 0, answer, 0)))
                .isEqualTo(Status.OK);
        assertThat(one.read(20)).isEqualTo(500);
        one.kill();
        one.open();
        assertThat(one.read(20)).isEqualTo(500);
    }

    /** A write that waited for the repair was once begun after the disk had failed, without its data. */
    @Test
    void whatWaitedForARepairEndsWithTheDiskThatFailsMeanwhile() {
        OneDisk one = small();
        one.write(20, 1, 500);
        Buffer same = one.content(500, 1);
        Buffer next = one.content(501, 1);
        one.refuseWrites = block -> block >= 257 && block < 257 + 1_024;
        List<Status> answers = new ArrayList<>();
        one.replica().repair(1, 20, 1, same, 0, (tag, status) -> answers.add(status), 0);
        one.replica().write(1, ++one.wseq, 0, 20, 1, next, 0, (tag, status) -> answers.add(status), 0);
        one.run(() -> answers.size() == 2);
        assertThat(answers).containsOnly(Status.DISK_FAILED);
        same.release();
        next.release();
        assertThat(one.status(answer -> one.store().close(false, answer, 0))).isEqualTo(Status.DISK_FAILED);
        assertThat(one.buffers.outBytes()).isZero();
    }

    @Test
    void twoSuperblockCopiesAreEnoughAndAreCopiedToTheOthers() {
        OneDisk one = small();
        one.write(20, 1, 500);
        one.close(false);
        byte[] noise = new byte[4096];
        one.disk.overwrite(0, noise);
        one.disk.overwrite(8_191, noise);
        one.open();
        assertThat(one.read(20)).isEqualTo(500);
        one.close(false);
        one.disk.overwrite(256, noise);
        one.disk.overwrite(8_192 - 257, noise);
        one.open();
        assertThat(one.read(20)).isEqualTo(500);
        one.close(false);
        one.disk.overwrite(0, noise);
        one.disk.overwrite(256, noise);
        one.disk.overwrite(8_191, noise);
        one.open();
        assertThat(one.problem).contains("no two superblock copies agree");
    }

    @Test
    void statesOfALongRangeAreTold() {
        OneDisk one = small();
        one.write(300, 4, 70);
        one.status(answer -> one.replica().zero(1, ++one.wseq, 0, 600, 300, false, answer, 0));
        List<Replica.BlockState> found = new ArrayList<>();
        one.replica().blockStates(0, 1_024, (tag, status, states) -> found.addAll(states), 0);
        one.run(() -> found.size() == 1_024);
        for (int i = 0; i < 1_024; i++) {
            Replica.BlockState expected = i >= 300 && i < 304
                    ? Replica.BlockState.DATA
                    : i >= 600 && i < 900 ? Replica.BlockState.ZERO : Replica.BlockState.HOLE;
            assertThat(found.get(i)).isEqualTo(expected);
        }
    }

    @Test
    void aDeletedReplicaGivesAllItsSlotsBackAndItsVolumeMayComeAgain() {
        OneDisk one = small();
        one.checkpoint();
        long free = one.store().freeSlots();
        for (int i = 0; i < 50; i++) {
            one.write(i * 20, 10, 1 + i * 10);
        }
        one.checkpoint();
        for (int i = 0; i < 20; i++) {
            one.write(i * 20, 3, 9_000 + i * 10);
        }
        assertThat(one.status(answer -> one.store().delete(OneDisk.VOLUME, answer, 0)))
                .isEqualTo(Status.OK);
        assertThat(one.store().replica(OneDisk.VOLUME)).isNull();
        one.kill();
        one.open();
        assertThat(one.store().replica(OneDisk.VOLUME)).isNull();
        assertThat(one.status(answer -> one.store().create(one.configuration(List.of(one.id)), answer, 0)))
                .isEqualTo(Status.OK);
        one.checkpoint();
        one.checkpoint();
        assertThat(one.store().freeSlots()).isEqualTo(free);
        assertThat(one.read(5)).isZero();
    }

    /** Nothing else would have a checkpoint made for half an hour, and the disk would count as full for so long. */
    @Test
    void whatADeletedReplicaHadIsFreeSoonThoughNothingElseHappens() {
        OneDisk one = small();
        one.kill();
        one.checkpointNanos = TimeUnit.MINUTES.toNanos(30);
        one.open();
        one.checkpoint();
        long free = one.store().freeSlots();
        for (int i = 0; i < 50; i++) {
            one.write(i * 20, 10, 1 + i * 10);
        }
        one.checkpoint();
        assertThat(one.status(answer -> one.store().delete(OneDisk.VOLUME, answer, 0)))
                .isEqualTo(Status.OK);
        long deleted = one.clock.nanos();
        one.run(() -> one.store().freeSlots() >= free);
        assertThat(one.clock.nanos() - deleted).isLessThan(TimeUnit.SECONDS.toNanos(15));
    }
}
