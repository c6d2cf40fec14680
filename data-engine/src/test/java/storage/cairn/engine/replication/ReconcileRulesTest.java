package storage.cairn.engine.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.Replica.BlockState;
import storage.cairn.engine.store.Replica.ExtentContent;
import storage.cairn.engine.store.Replica.TailEntry;

final class ReconcileRulesTest {
    private static List<TailEntry> tail(long... wseqs) {
        List<TailEntry> entries = new ArrayList<>();
        for (long wseq : wseqs) {
            entries.add(new TailEntry(1, wseq, Replica.Kind.WRITE, 0, 1));
        }
        return entries;
    }

    @Test
    void whatWasToldAsCommittedIsHeld() {
        assertThat(Takeover.holdsUpTo(10, tail(), 10)).isTrue();
        assertThat(Takeover.holdsUpTo(12, tail(13), 10)).isTrue();
    }

    @Test
    void theTailMustReachCommitSeqWithoutAGap() {
        assertThat(Takeover.holdsUpTo(7, tail(8, 9, 10), 10)).isTrue();
        assertThat(Takeover.holdsUpTo(7, tail(8, 10), 10)).isFalse();
        assertThat(Takeover.holdsUpTo(7, tail(8, 9), 10)).isFalse();
        assertThat(Takeover.holdsUpTo(7, tail(), 10)).isFalse();
    }

    @Test
    void aGapAboveCommitSeqIsNoFlaw() {
        assertThat(Takeover.holdsUpTo(7, tail(8, 9, 12), 9)).isTrue();
    }

    @Test
    void theNumbersBetweenTwoEpochsAreVoid() {
        long first = 9 + Takeover.EPOCH_GAP + 1;
        assertThat(Takeover.holdsUpTo(7, tail(8, 9, first, first + 1), first + 1))
                .isTrue();
        assertThat(Takeover.holdsUpTo(0, tail(Takeover.EPOCH_GAP + 1), Takeover.EPOCH_GAP + 1))
                .isTrue();
    }

    private static ExtentContent content(BlockState state, int crc, int wseqLow, long maxWseq) {
        BlockState[] states = new BlockState[Replica.EXTENT_BLOCKS];
        int[] crcs = new int[Replica.EXTENT_BLOCKS];
        int[] lows = new int[Replica.EXTENT_BLOCKS];
        Arrays.fill(states, state);
        Arrays.fill(crcs, crc);
        Arrays.fill(lows, wseqLow);
        return new ExtentContent(states, crcs, lows, maxWseq);
    }

    @Test
    void aBlockIsSkippedOnlyIfChecksumAndWseqAreEqual() {
        ExtentContent source = content(BlockState.DATA, 5, 100, 200);
        assertThat(ExtentCopy.equal(source, content(BlockState.DATA, 5, 100, 150), 3, 50))
                .isTrue();
        assertThat(ExtentCopy.equal(source, content(BlockState.DATA, 6, 100, 150), 3, 50))
                .isFalse();
        assertThat(ExtentCopy.equal(source, content(BlockState.DATA, 5, 101, 150), 3, 50))
                .isFalse();
    }

    @Test
    void nothingIsSkippedWhereWseqsMayHaveWrapped() {
        ExtentContent source = content(BlockState.DATA, 5, 100, 50 + (1 << 24));
        assertThat(ExtentCopy.equal(source, content(BlockState.DATA, 5, 100, 150), 3, 50))
                .isFalse();
        assertThat(ExtentCopy.equal(source, content(BlockState.DATA, 5, 100, 150), 3, 51))
                .isTrue();
    }

    @Test
    void aHoleIsAZeroBlock() {
        ExtentContent hole = content(BlockState.HOLE, Crc32c.ZERO_BLOCK, 7, 9);
        assertThat(ExtentCopy.equal(hole, content(BlockState.ZERO, Crc32c.ZERO_BLOCK, 7, 9), 0, 0))
                .isTrue();
        assertThat(ExtentCopy.equal(hole, content(BlockState.DATA, 5, 7, 9), 0, 0))
                .isFalse();
    }
}
