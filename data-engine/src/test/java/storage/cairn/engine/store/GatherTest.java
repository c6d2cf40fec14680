package storage.cairn.engine.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;

/** What a long read finds scattered is written together, once, and nothing else changes by that. */
class GatherTest {
    private static final int COUNT = 32;
    private static final int FIRST = 250;

    private final OneDisk one = new OneDisk(16_384, 1_024, true);

    /** Every second block first, then the others: no two neighbours lie side by side. */
    @BeforeEach
    void scatter() {
        for (int odd = 0; odd < 2; odd++) {
            for (int i = odd; i < COUNT; i += 2) {
                assertThat(one.write(FIRST + i, 1, 1_000 + i)).isEqualTo(Status.OK);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aScatteredRangeIsOneDeviceReadOnceItWasReadAndStaysSoAfterARestart(boolean inPages) {
        if (inPages) {
            one.checkpoint();
        }
        assertThat(deviceReads()).isGreaterThanOrEqualTo(COUNT);
        settle();
        assertThat(one.store().metrics().gatheredBytes()).isEqualTo(COUNT * 4096);
        assertThat(deviceReads()).isEqualTo(1);
        settle();
        assertThat(one.store().metrics().gatheredBytes()).isEqualTo(COUNT * 4096);
        one.store().invariants();
        one.kill();
        one.open();
        deviceReads();
        assertThat(deviceReads()).isEqualTo(1);
        assertIntact(FIRST - 1, -1);
    }

    @Test
    void aWriteThatComesMeanwhileWaitsAndWins() {
        read();
        List<Status> answers = new ArrayList<>();
        Buffer data = one.content(9_000, 1);
        one.replica().write(1, ++one.wseq, 0, FIRST + 7, 1, data, 0, (tag, status) -> answers.add(status), 0);
        one.run(() -> !answers.isEmpty());
        assertThat(answers).containsExactly(Status.OK);
        assertThat(one.store().metrics().gatheredBytes()).isPositive();
        assertIntact(FIRST + 7, 9_000);
        one.kill();
        one.open();
        assertIntact(FIRST + 7, 9_000);
    }

    @Test
    void aWriteThatWasUnderWayIsNotUndone() {
        Buffer data = one.content(9_000, 1);
        List<Status> answers = new ArrayList<>();
        Buffer into = one.content(0, COUNT);
        one.replica().read(FIRST, COUNT, into, 0, (tag, status) -> answers.add(status), 0);
        one.replica().write(1, ++one.wseq, 0, FIRST + 7, 1, data, 0, (tag, status) -> answers.add(status), 0);
        one.run(() -> answers.size() == 2);
        settle();
        assertThat(answers).containsOnly(Status.OK);
        assertIntact(FIRST + 7, 9_000);
    }

    @Test
    void whatIsShortOrTogetherOrHolesIsLeftAlone() {
        Buffer into = one.content(0, COUNT);
        one.status(answer -> one.replica().read(FIRST, Gather.STRETCH_BLOCKS - 1, into, 0, answer, 0));
        assertThat(one.write(500, COUNT, 7)).isEqualTo(Status.OK);
        one.status(answer -> one.replica().read(500, COUNT, into, 0, answer, 0));
        for (int i = 0; i < COUNT; i += 2) {
            assertThat(one.write(600 + i, 1, 5)).isEqualTo(Status.OK);
        }
        one.status(answer -> one.replica().read(600, COUNT, into, 0, answer, 0));
        settle();
        assertThat(one.store().metrics().gatheredBytes()).isZero();
    }

    @Test
    void aDiskThatRefusesTheRewritingKeepsWhatItHad() {
        one.refuseWrites = block -> one.store().metrics().gatheredBytes() > 0 && block > 1_000;
        read();
        one.run(() -> one.store().metrics().aborts() > 0);
        one.refuseWrites = block -> false;
        settle();
        assertIntact(FIRST - 1, -1);
        one.store().invariants();
    }

    @Test
    void aStoreThatClosesWaitsForIt() {
        read();
        one.close(false);
        one.open();
        assertThat(one.store().closedClean()).isTrue();
        assertIntact(FIRST - 1, -1);
        one.store().invariants();
    }

    private void read() {
        Buffer into = one.content(0, COUNT);
        Status status = one.status(answer -> one.replica().read(FIRST, COUNT, into, 0, answer, 0));
        assertThat(status).isEqualTo(Status.OK);
        for (int i = 0; i < COUNT; i++) {
            assertThat(into.bytes().getLong(i * 4096)).isEqualTo(1_000 + i);
        }
        into.release();
    }

    private int deviceReads() {
        int before = one.deviceReads;
        read();
        return one.deviceReads - before;
    }

    /** A write elsewhere ends behind everything that was given to the journal before. */
    private void settle() {
        for (int i = 0; i < 3; i++) {
            assertThat(one.write(900 + i, 1, 1)).isEqualTo(Status.OK);
        }
    }

    private void assertIntact(int changed, long content) {
        for (int i = 0; i < COUNT; i++) {
            long expected = FIRST + i == changed ? content : 1_000 + i;
            assertThat(one.read(FIRST + i)).as("block " + (FIRST + i)).isEqualTo(expected);
        }
    }
}
