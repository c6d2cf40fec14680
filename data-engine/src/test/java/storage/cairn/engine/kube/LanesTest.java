package storage.cairn.engine.kube;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class LanesTest {
    private static final long LATE = TimeUnit.SECONDS.toNanos(2);

    private final List<String> done = new CopyOnWriteArrayList<>();

    private void submit(Lanes lanes, String lane, boolean urgent, String what) {
        assertThat(lanes.submit(lane, urgent, () -> done.add(what))).isTrue();
    }

    /** Occupies a thread with work of the lane until the latch is at zero. */
    private static void occupy(Lanes lanes, String lane, CountDownLatch until) throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        assertThat(lanes.submit(lane, false, () -> {
                    begun.countDown();
                    try {
                        until.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                }))
                .isTrue();
        begun.await();
    }

    @Test
    void urgentWorkComesFirstAndALaneKeepsItsOrder() throws InterruptedException {
        Lanes lanes = new Lanes(1, 100);
        CountDownLatch begin = new CountDownLatch(1);
        occupy(lanes, "first", begin);
        submit(lanes, "a", false, "a1");
        submit(lanes, "b", false, "b1");
        submit(lanes, "c", true, "c1");
        submit(lanes, "b", true, "b2");
        submit(lanes, "first", true, "first2");
        begin.countDown();
        assertThat(lanes.close(30_000)).isTrue();
        assertThat(done).containsExactly("c1", "b1", "first2", "b2", "a1");
        assertThat(lanes.submit("a", true, () -> {})).isFalse();
    }

    @Test
    void whatIsWaitingIsBounded() throws InterruptedException {
        Lanes lanes = new Lanes(1, 2);
        CountDownLatch begin = new CountDownLatch(1);
        occupy(lanes, "a", begin);
        submit(lanes, "a", false, "a1");
        assertThat(lanes.submit("b", true, () -> {})).isFalse();
        begin.countDown();
        assertThat(lanes.close(30_000)).isTrue();
        assertThat(done).containsExactly("a1");
    }

    /** Runs eight pieces of work that each wait for {@code together} of them; answers how many ran at most. */
    private static int most(Lanes lanes, int together) throws InterruptedException {
        CyclicBarrier barrier = new CyclicBarrier(together);
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        CountDownLatch ended = new CountDownLatch(8);
        for (int i = 0; i < 8; i++) {
            assertThat(lanes.submit(i, false, () -> {
                        most.accumulateAndGet(running.incrementAndGet(), Math::max);
                        try {
                            barrier.await();
                        } catch (InterruptedException | BrokenBarrierException e) {
                            throw new IllegalStateException(e);
                        } finally {
                            running.decrementAndGet();
                            ended.countDown();
                        }
                    }))
                    .isTrue();
        }
        ended.await();
        return most.get();
    }

    @Test
    void fewerAtOnceWhenAnswersDoNotComeInTimeAndMoreAgainWhenTheyDo() throws InterruptedException {
        Lanes lanes = new Lanes(8, 100);
        assertThat(most(lanes, 8)).isEqualTo(8);
        lanes.answered(false, LATE);
        lanes.answered(false, LATE);
        assertThat(most(lanes, 4)).as("those that fail together count once").isEqualTo(4);
        for (int i = 0; i < 100; i++) {
            lanes.answered(true, LATE / 4);
        }
        assertThat(most(lanes, 4))
                .as("slow answers: the server has enough to do")
                .isEqualTo(4);
        for (int i = 0; i < 4 + 5 + 6 + 7; i++) {
            lanes.answered(true, LATE / 1_000);
        }
        assertThat(most(lanes, 8)).isEqualTo(8);
        assertThat(lanes.close(30_000)).isTrue();
    }

    @Test
    void lateAnswersTakeBackWhatQuickOnesGave() throws InterruptedException {
        Lanes lanes = new Lanes(64, 100);
        for (int i = 0; i < 64 * 64; i++) {
            lanes.answered(true, LATE / 1_000);
        }
        assertThat(lanes.atOnce()).isEqualTo(64);
        lanes.answered(true, LATE / 4);
        lanes.answered(true, LATE / 4);
        assertThat(lanes.atOnce()).as("those that are late together count once").isEqualTo(32);
        Lanes few = new Lanes(64, 100);
        few.answered(true, LATE / 4);
        assertThat(few.atOnce())
                .as("never below the beginning: it may be the way that is long")
                .isEqualTo(8);
        assertThat(lanes.close(30_000)).isTrue();
        assertThat(few.close(30_000)).isTrue();
    }

    /** A piece of work that says when it runs, and ends when it is told to. */
    private static final class Step {
        private final CountDownLatch begun = new CountDownLatch(1);
        private final CountDownLatch end = new CountDownLatch(1);

        void run() {
            begun.countDown();
            try {
                end.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        boolean hasBegun() throws InterruptedException {
            return begun.await(100, TimeUnit.MILLISECONDS);
        }
    }

    @Test
    void besideUrgentWorkOneOtherPieceRuns() throws InterruptedException {
        Lanes lanes = new Lanes(8, 100);
        Step change = new Step();
        Step first = new Step();
        Step second = new Step();
        assertThat(lanes.submit("changed", true, change::run)).isTrue();
        change.begun.await();
        assertThat(lanes.submit("a", false, first::run)).isTrue();
        first.begun.await();
        assertThat(lanes.submit("b", false, second::run)).isTrue();
        assertThat(lanes.submit("changed", false, () -> done.add("after it"))).isTrue();
        assertThat(second.hasBegun()).isFalse();
        change.end.countDown();
        second.begun.await();
        first.end.countDown();
        second.end.countDown();
        assertThat(lanes.close(30_000)).isTrue();
        assertThat(done).containsExactly("after it");
    }

    @Test
    void whatFollowsUrgentWorkInItsLaneIsNotUrgentForThat() throws InterruptedException {
        Lanes lanes = new Lanes(1, 100);
        Step change = new Step();
        assertThat(lanes.submit("a", true, change::run)).isTrue();
        change.begun.await();
        submit(lanes, "a", false, "a2");
        submit(lanes, "b", true, "b1");
        submit(lanes, "c", true, "c1");
        submit(lanes, "a", false, "a3");
        submit(lanes, "c", false, "c2");
        submit(lanes, "d", true, "d1");
        change.end.countDown();
        assertThat(lanes.close(30_000)).isTrue();
        assertThat(done).containsExactly("b1", "c1", "d1", "a2", "c2", "a3");
    }
}
