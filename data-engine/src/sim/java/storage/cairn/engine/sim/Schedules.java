package storage.cairn.engine.sim;

import java.util.List;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/**
 * Every scripted schedule by its name. Each plays one coincidence that random worlds hardly ever bring about, in which a
 * rule of the design is all that keeps a promise; the seed varies what the schedule leaves open. They throw a
 * {@link Violation} when a promise is broken.
 */
final class Schedules {
    private static final TreeMap<String, LongConsumer> ALL = new TreeMap<>();

    static {
        ALL.put("new-owner-waits-for-grant", LeaseSchedules::newOwnerWaitsForGrant);
        ALL.put("restarted-replica-is-silent", LeaseSchedules::restartedReplicaIsSilent);
        ALL.put("lease-counts-from-sending", LeaseSchedules::leaseCountsFromSending);
        ALL.put("lease-is-checked-after-fetching", LeaseSchedules::leaseIsCheckedAfterFetching);
        ALL.put("read-that-waited-is-current", LeaseSchedules::readThatWaitedIsCurrent);
        ALL.put("ack-that-waited-is-current", LeaseSchedules::ackThatWaitedIsCurrent);
        ALL.put("own-replica-is-not-enough", LeaseSchedules::ownReplicaIsNotEnough);
        ALL.put("read-under-way-is-current", LeaseSchedules::readUnderWayIsCurrent);
        ALL.put("status-under-way-is-current", LeaseSchedules::statusUnderWayIsCurrent);
        ALL.put("promotion-needs-grant", LeaseSchedules::promotionNeedsGrant);
        ALL.put("partial-write-is-rolled-forward", TakeoverSchedules::partialWriteIsRolledForward);
        ALL.put("refused-write-is-rolled-forward-again", TakeoverSchedules::refusedWriteIsRolledForwardAgain);
        ALL.put("takeover-waits-for-every-member", TakeoverSchedules::takeoverWaitsForEveryMember);
        ALL.put("absent-member-rejoins-from-commit-seq", TakeoverSchedules::absentMemberRejoinsFromCommitSeq);
        ALL.put("own-tail-of-absent-member-is-compared", TakeoverSchedules::ownTailOfAbsentMemberIsCompared);
        ALL.put("numbers-of-epochs-differ", TakeoverSchedules::numbersOfEpochsDiffer);
        ALL.put("member-that-lacks-committed-is-taken-out", TakeoverSchedules::memberThatLacksCommittedIsTakenOut);
        ALL.put("undone-write-is-the-same-everywhere", TakeoverSchedules::undoneWriteIsTheSameEverywhere);
        ALL.put("copy-is-locked-from-read-to-send", RebuildSchedules::copyIsLockedFromReadToSend);
        ALL.put("copy-is-applied-before-later-writes", RebuildSchedules::copyIsAppliedBeforeLaterWrites);
        ALL.put("copy-of-lost-stream-comes-first", RebuildSchedules::copyOfLostStreamComesFirst);
        ALL.put("joining-replica-gets-writes-of-the-listing", RebuildSchedules::joiningReplicaGetsWritesOfTheListing);
        ALL.put("list-waits-for-earlier-writes", RebuildSchedules::listWaitsForEarlierWrites);
        ALL.put("equal-extents-get-their-max-wseq", RebuildSchedules::equalExtentsGetTheirMaxWseq);
        ALL.put("closed-client-begins-nothing", HostSchedules::closedClientBeginsNothing);
        ALL.put("move-completes-writes-under-way", HostSchedules::moveCompletesWritesUnderWay);
        ALL.put("superseded-export-is-refused", HostSchedules::supersededExportIsRefused);
        ALL.put("old-export-is-unknown", HostSchedules::oldExportIsUnknown);
        ALL.put("read-waits-for-write-under-way", HostSchedules::readWaitsForWriteUnderWay);
        ALL.put("nobody-is-set-aside-when-all-are-slow", HostSchedules::nobodyIsSetAsideWhenAllAreSlow);
        ALL.put("nobody-is-set-aside-for-the-dead", HostSchedules::nobodyIsSetAsideForTheDead);
        ALL.put("replica-answers-without-owners-memory", HostSchedules::replicaAnswersWithoutOwnersMemory);
        ALL.put("credits-end-with-their-epoch", HostSchedules::creditsEndWithTheirEpoch);
        ALL.put("admitted-fits-after-restart", HostSchedules::admittedFitsAfterRestart);
        ALL.put("equal-checksums-are-no-equal-blocks", RebuildSchedules::equalChecksumsAreNoEqualBlocks);
        ALL.put("joining-replica-has-numbers-of-its-own", RebuildSchedules::joiningReplicaHasNumbersOfItsOwn);
        ALL.put("source-of-rebuild-is-in-sync", RebuildSchedules::sourceOfRebuildIsInSync);
        ALL.put("replica-is-kept-though-the-store-forgot-it", AdminSchedules::replicaIsKeptThoughTheStoreForgotIt);
        ALL.put("size-is-seen-when-every-replica-has-it", AdminSchedules::sizeIsSeenWhenEveryReplicaHasIt);
        ALL.put("offsets-have-64-bits", HostSchedules::offsetsHave64Bits);
        ALL.put("lengths-have-64-bits", HostSchedules::lengthsHave64Bits);
    }

    private Schedules() {}

    static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    static void play(String name, long seed) {
        LongConsumer schedule = ALL.get(name);
        if (schedule == null) {
            throw new IllegalArgumentException("no schedule is named '" + name + "'; there are: " + names());
        }
        schedule.accept(seed);
    }
}
