package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.node.DeviceMeter.Operation;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;

final class DeviceMeterTest {
    private static final int FEW = 3;
    private static final int MANY = 1_000;

    /** Keeps what is asked until it is told to answer. */
    private static final class HeldDevice implements BlockDevice {
        private record Held(Completion completion, long tag) {}

        private final Queue<Held> held = new ArrayDeque<>();

        void answer(int errno) {
            Held next = held.remove();
            next.completion.done(next.tag, errno);
        }

        @Override
        public long blocks() {
            return MANY;
        }

        @Override
        public boolean volatileCache() {
            return true;
        }

        @Override
        public void read(long block, int count, Buffer into, int index, Completion completion, long tag) {
            held.add(new Held(completion, tag));
        }

        @Override
        public void write(long block, int count, Buffer from, int index, Completion completion, long tag) {
            held.add(new Held(completion, tag));
        }

        @Override
        public void flush(Completion completion, long tag) {
            held.add(new Held(completion, tag));
        }

        @Override
        public void discard(long block, long count, Completion completion, long tag) {
            held.add(new Held(completion, tag));
        }

        @Override
        public int inFlight() {
            return held.size();
        }

        @Override
        public void close() {}
    }

    private final HeldDevice device = new HeldDevice();
    private final DeviceMeter meter = new DeviceMeter(device);
    private final List<String> ended = new ArrayList<>();

    @Test
    void everyOperationEndsWithTheTagAndErrorOfItsOwn() {
        for (int i = 0; i < MANY; i++) {
            meter.flush((tag, errno) -> ended.add(tag + ":" + errno), 7_000_000_000L + i);
        }
        for (int i = 0; i < MANY; i++) {
            device.answer(i % 2);
        }
        List<String> expected = new ArrayList<>();
        for (int i = 0; i < MANY; i++) {
            expected.add(7_000_000_000L + i + ":" + i % 2);
        }
        assertThat(ended).isEqualTo(expected);
        assertThat(meter.figures(Operation.FLUSH).count()).isEqualTo(MANY);
        assertThat(meter.figures(Operation.FLUSH).errors()).isEqualTo(MANY / 2);
    }

    @Test
    void anOperationMayBeBegunInsideACompletion() {
        meter.discard(
                0, 1, (tag, errno) -> meter.discard(1, FEW, (inner, failed) -> ended.add("" + inner), tag + 1), 1);
        device.answer(0);
        device.answer(0);
        assertThat(ended).containsExactly("2");
        assertThat(meter.figures(Operation.DISCARD).bytes()).isEqualTo(4L * BlockDevice.BLOCK_BYTES);
    }

    @Test
    void latenciesAreRecorded() {
        meter.flush((tag, errno) -> {}, 1);
        device.answer(0);
        Histogram histogram = meter.figures(Operation.FLUSH).micros().getIntervalHistogram();
        assertThat(histogram.getTotalCount()).isOne();
    }
}
