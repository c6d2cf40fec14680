package storage.cairn.engine.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import storage.cairn.engine.port.Clock;

final class LoopClockTest {
    @Test
    void runsTasksInTheOrderOfTheCallsAndNeverInsideThem() {
        try (TestLoop loop = new TestLoop(EngineLoop.Setting.POOL)) {
            LoopClock clock = loop.engine.clock();
            List<Integer> ran = new ArrayList<>();
            loop.run(() -> {
                for (int i = 0; i < 5000; i++) {
                    int number = i;
                    clock.execute(() -> ran.add(number));
                }
                assertThat(ran).isEmpty();
            });
            Awaitility.await().until(() -> loop.call(() -> ran.size() == 5000));
            loop.run(() -> assertThat(ran).isSorted());
        }
    }

    @Test
    void timersComeNoSoonerThanAskedAndCancelledOnesNever() {
        try (TestLoop loop = new TestLoop(EngineLoop.Setting.POOL)) {
            LoopClock clock = loop.engine.clock();
            List<Long> at = new ArrayList<>();
            long start = loop.call(clock::nanos);
            loop.run(() -> {
                clock.after(20_000_000, () -> at.add(clock.nanos()));
                Clock.Timer never = clock.after(1_000_000, () -> at.add(-1L));
                never.cancel();
                never.cancel();
            });
            Awaitility.await().until(() -> loop.call(() -> !at.isEmpty()));
            assertThat(at).hasSize(1);
            assertThat(at.get(0) - start).isGreaterThanOrEqualTo(20_000_000);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = EngineLoop.Setting.class,
            names = {"POOL", "IO_URING"})
    void timersSetOneAfterTheOtherForEarlierMomentsAllCome(EngineLoop.Setting setting) {
        try (TestLoop loop = new TestLoop(setting)) {
            LoopClock clock = loop.engine.clock();
            List<Integer> ran = new ArrayList<>();
            for (int i = 40; i > 0; i--) {
                int number = i;
                loop.run(() -> clock.after(number * 5_000_000L, () -> ran.add(number)));
            }
            loop.run(() -> clock.after(3_600_000_000_000L, () -> ran.add(-1)));
            Awaitility.await().until(() -> loop.call(() -> ran.size() == 40));
            loop.run(() -> assertThat(ran).doesNotHaveDuplicates().doesNotContain(-1));
        }
    }

    @Test
    void theEndOfATurnComesAfterWhatItsTasksQueued() {
        try (TestLoop loop = new TestLoop(EngineLoop.Setting.POOL)) {
            LoopClock clock = loop.engine.clock();
            List<String> ran = new ArrayList<>();
            loop.run(() -> {
                clock.atEndOfTurn(() -> ran.add("end"));
                clock.execute(() -> {
                    ran.add("task");
                    clock.execute(() -> ran.add("what it queued"));
                });
            });
            Awaitility.await().until(() -> loop.call(() -> ran.size() == 3));
            loop.run(() -> assertThat(ran).containsExactly("task", "what it queued", "end"));
        }
    }

    @Test
    void aTurnMayEndBeforeTheLoopsIterationDoes() {
        try (TestLoop loop = new TestLoop(EngineLoop.Setting.POOL)) {
            LoopClock clock = loop.engine.clock();
            List<String> ran = new ArrayList<>();
            loop.run(() -> {
                clock.atEndOfTurn(() -> ran.add("end"));
                clock.execute(() -> ran.add("task"));
                clock.endTurn();
                assertThat(ran).containsExactly("task", "end");
                clock.atEndOfTurn(() -> ran.add("end of the iteration"));
                clock.execute(() -> ran.add("another task"));
            });
            Awaitility.await().until(() -> loop.call(() -> ran.size() == 4));
            loop.run(() -> assertThat(ran).containsExactly("task", "end", "another task", "end of the iteration"));
        }
    }

    @Test
    void aTaskThatQueuesItselfLeavesTurnsToOthers() {
        try (TestLoop loop = new TestLoop(EngineLoop.Setting.POOL)) {
            LoopClock clock = loop.engine.clock();
            boolean[] stop = {false};
            Runnable[] again = new Runnable[1];
            again[0] = () -> {
                if (!stop[0]) {
                    clock.execute(again[0]);
                }
            };
            loop.run(() -> clock.execute(again[0]));
            loop.engine.eventLoop().execute(() -> stop[0] = true);
            Awaitility.await().until(() -> loop.call(() -> stop[0]));
        }
    }

    @Test
    void aTaskMayComeFromAnyThread() {
        try (TestLoop loop = new TestLoop(EngineLoop.Setting.POOL)) {
            List<Boolean> onLoop = new ArrayList<>();
            loop.engine.clock().execute(() -> onLoop.add(loop.engine.eventLoop().inEventLoop()));
            Awaitility.await().until(() -> loop.call(() -> onLoop.equals(List.of(true))));
            assertThatThrownBy(() -> loop.engine.clock().nanos()).hasMessageContaining("instead of the event loop");
        }
    }

    @Test
    void whatATaskThrowsIsFatal() {
        TestLoop loop = new TestLoop(EngineLoop.Setting.POOL);
        loop.engine.clock().execute(() -> {
            throw new IllegalStateException("broken assertion");
        });
        Awaitility.await().until(() -> loop.fatal().size() == 1);
        assertThatThrownBy(loop::close).hasRootCauseMessage("broken assertion");
    }
}
