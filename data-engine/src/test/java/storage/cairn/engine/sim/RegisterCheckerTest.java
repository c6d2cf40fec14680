package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class RegisterCheckerTest {
    private final List<RegisterOp> history = new ArrayList<>();

    @Test
    void aReadSeesTheLastWriteThatWasAnsweredBeforeIt() {
        write(1, 0, 10);
        write(2, 20, 30);
        read(2, 40, 50);
        assertExplained();
        read(1, 60, 70);
        assertUnexplained();
    }

    @Test
    void aReadDuringAWriteMaySeeEitherValueButNotTheOldOneAfterTheNew() {
        write(1, 0, 10);
        write(2, 20, 100);
        read(1, 30, 40);
        read(2, 50, 60);
        assertExplained();
        read(1, 70, 80);
        assertUnexplained();
    }

    @Test
    void anUnknownWriteMayTakeEffectLateOrNever() {
        write(1, 0, 10);
        write(2, 20, RegisterOp.NEVER);
        read(1, 1000, 1010);
        read(2, 2000, 2010);
        assertExplained();
        read(1, 3000, 3010);
        assertUnexplained();
    }

    @Test
    void anAckedWriteThatIsGoneIsFound() {
        write(1, 0, 10);
        read(0, 20, 30);
        assertUnexplained();
    }

    @Test
    void aValueThatNobodyWroteIsFound() {
        read(7, 0, 10);
        assertUnexplained();
    }

    @Test
    void aValueReadBeforeItWasWrittenIsFound() {
        read(1, 0, 10);
        write(1, 20, 30);
        assertUnexplained();
    }

    @Test
    void zeroesMayBeWrittenAgainAndAgain() {
        read(0, 0, 5);
        write(1, 10, 20);
        write(0, 30, 40);
        read(0, 50, 60);
        write(2, 70, 80);
        write(0, 90, RegisterOp.NEVER);
        read(2, 100, 110);
        read(0, 120, 130);
        assertExplained();
        read(2, 140, 150);
        assertUnexplained();
    }

    @Test
    void manyConcurrentWritesAreExplainedByTheOrderInWhichTheyWereRead() {
        for (int i = 1; i <= 12; i++) {
            write(i, i, 100 + i);
        }
        for (int i = 12; i >= 1; i--) {
            read(i, 20 + 2L * (12 - i), 21 + 2L * (12 - i));
        }
        assertExplained();
        read(5, 200, 210);
        assertUnexplained();
    }

    private void write(long value, long from, long to) {
        history.add(new RegisterOp(history.size(), true, value, from, to));
    }

    private void read(long value, long from, long to) {
        history.add(new RegisterOp(history.size(), false, value, from, to));
    }

    private void assertExplained() {
        assertThat(RegisterChecker.unexplained(history)).isNull();
    }

    private void assertUnexplained() {
        assertThat(RegisterChecker.unexplained(history)).isNotNull();
    }
}
