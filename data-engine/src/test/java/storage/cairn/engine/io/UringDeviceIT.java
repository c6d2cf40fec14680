package storage.cairn.engine.io;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Buffer;

final class UringDeviceIT extends BlockDeviceContract {
    UringDeviceIT() {
        super(EngineLoop.Setting.IO_URING);
    }

    @Test
    void whatTheFirstReadsOfALongBatchBringDoesNotWaitForTheLast() {
        int count = 16 * UringDevice.READS_A_TURN;
        int[] ended = {0};
        int[] untold = {0};
        int[] mostUntold = {0};
        loop.run(() -> {
            Buffer buffer = TestLoop.take(slab, 4096);
            for (int i = 0; i < count; i++) {
                device.read(
                        i,
                        1,
                        buffer,
                        0,
                        (tag, errno) -> {
                            ended[0]++;
                            mostUntold[0] = Math.max(mostUntold[0], ++untold[0]);
                            loop.engine.clock().atEndOfTurn(() -> untold[0] = 0);
                        },
                        i);
            }
            buffer.release();
        });
        await(() -> ended[0] == count);
        assertThat(mostUntold[0]).isLessThanOrEqualTo(UringDevice.READS_A_TURN);
    }
}
