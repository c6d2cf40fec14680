package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;

final class SimDiskTest {
    private static final int WHOLE = 0;

    private final SimClock clock = new SimClock();
    private final SimBuffers buffers = new SimBuffers(64 << 20);
    private final List<Long> completed = new ArrayList<>();

    @Test
    void aFlushedWriteSurvivesEveryPowerCut() {
        for (int seed = 0; seed < 200; seed++) {
            SimDisk disk = new SimDisk(clock, seed, 1000, true);
            BlockDevice device = disk.open(clock);
            write(device, 7, 'a');
            drain();
            device.flush(this::completed, 1);
            drain();
            disk.powerCut();
            assertThat(disk.content(7)).as("seed %d", seed).containsOnly('a');
        }
    }

    @Test
    void anUnflushedWriteSurvivesOnlySometimesAndSometimesTorn() {
        int survived = 0;
        int lost = 0;
        int torn = 0;
        for (int seed = 0; seed < 2000; seed++) {
            SimDisk disk = new SimDisk(clock, seed, 1000, true);
            BlockDevice device = disk.open(clock);
            write(device, 7, 'a');
            drain();
            disk.powerCut();
            byte[] content = disk.content(7);
            int letters = 0;
            for (byte b : content) {
                letters += b == 'a' ? 1 : 0;
            }
            survived += letters == 4096 ? 1 : 0;
            lost += letters == 0 ? 1 : 0;
            torn += letters > 0 && letters < 4096 ? 1 : 0;
            assertThat(letters % 512).isEqualTo(WHOLE);
        }
        assertThat(survived).isGreaterThan(200);
        assertThat(lost).isGreaterThan(200);
        assertThat(torn).isGreaterThan(20);
    }

    @Test
    void aLaterUnflushedWriteNeverUndoesAnEarlierFlushedOne() {
        for (int seed = 0; seed < 300; seed++) {
            SimDisk disk = new SimDisk(clock, seed, 1000, true);
            BlockDevice device = disk.open(clock);
            write(device, 7, 'a');
            drain();
            device.flush(this::completed, 1);
            drain();
            write(device, 7, 'b');
            drain();
            SimDisk.Image image = disk.durableImage();
            disk.powerCut();
            for (byte b : disk.content(7)) {
                assertThat(b).isIn((byte) 'a', (byte) 'b');
            }
            disk.restore(image);
            assertThat(disk.content(7)).containsOnly('a');
        }
    }

    @Test
    void aWriteThatCompletedAfterTheFlushWasSubmittedIsNotCoveredByIt() {
        boolean lostOnce = false;
        for (int seed = 0; seed < 300; seed++) {
            SimDisk disk = new SimDisk(clock, seed, 1000, true);
            BlockDevice device = disk.open(clock);
            write(device, 7, 'a');
            device.flush(this::completed, 1);
            drain();
            disk.powerCut();
            lostOnce |= disk.content(7)[0] == 0;
        }
        assertThat(lostOnce).isTrue();
    }

    @Test
    void aWriteThroughDiskKeepsWhatCompleted() {
        for (int seed = 0; seed < 200; seed++) {
            SimDisk disk = new SimDisk(clock, seed, 1000, false);
            write(disk.open(clock), 7, 'a');
            drain();
            disk.powerCut();
            assertThat(disk.content(7)).containsOnly('a');
        }
    }

    @Test
    void operationsUnderWayNeverCompleteAfterAPowerCutOrAKill() {
        SimDisk disk = new SimDisk(clock, 1, 1000, true);
        write(disk.open(clock), 7, 'a');
        disk.powerCut();
        write(disk.open(clock), 8, 'a');
        disk.kill();
        drain();
        assertThat(completed).isEmpty();
        assertThat(buffers.outBytes()).isZero();
    }

    @Test
    void aFailedFlushIsNotMadeGoodByALaterOne() {
        boolean lostOnce = false;
        for (int seed = 0; seed < 50; seed++) {
            Faults faults = Faults.none().set(Fault.DISK_FLUSH_ERROR, 1_000_000);
            SimDisk disk = new SimDisk(clock, new SimRandom(seed), faults, Trace.hashing(), 0, 1000, true);
            BlockDevice device = disk.open(clock);
            write(device, 7, 'a');
            drain();
            device.flush(this::completed, 1);
            drain();
            faults.heal();
            device.flush(this::completed, 2);
            drain();
            disk.powerCut();
            lostOnce |= disk.content(7)[0] == 0;
        }
        assertThat(lostOnce).isTrue();
    }

    @Test
    void memoryThatIsChangedUnderTheDeviceIsAViolation() {
        SimDisk disk = new SimDisk(clock, 1, 1000, true);
        Buffer buffer = filled('a');
        disk.open(clock).write(7, 1, buffer, 0, this::completed, 0);
        buffer.bytes().put(100, (byte) 'z');
        assertThatThrownBy(this::drain).isInstanceOf(Violation.class).hasMessageContaining("I22");
    }

    private void write(BlockDevice device, long block, char letter) {
        Buffer buffer = filled(letter);
        device.write(block, 1, buffer, 0, this::completed, block);
        buffer.release();
    }

    private Buffer filled(char letter) {
        Buffer buffer = java.util.Objects.requireNonNull(buffers.acquire(4096));
        for (int i = 0; i < 4096; i++) {
            buffer.bytes().put(i, (byte) letter);
        }
        return buffer;
    }

    private void completed(long tag, int errno) {
        completed.add(tag);
    }

    private void drain() {
        while (clock.step()) {
            // Until nothing is left to happen.
        }
    }
}
