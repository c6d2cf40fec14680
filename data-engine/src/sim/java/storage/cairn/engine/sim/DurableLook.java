package storage.cairn.engine.sim;

import java.util.Arrays;
import java.util.Objects;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.ExtentStore;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.StoreSettings;

/**
 * Looks at what a disk would give if power were lost now and nothing volatile survived: recovers a copy of it in a
 * world of its own, and disturbs nothing.
 */
final class DurableLook {
    private static final long POOL_BYTES = 64L << 20;
    private static final byte[] UNREADABLE = new byte[BlockDevice.BLOCK_BYTES];

    static {
        Arrays.fill(UNREADABLE, (byte) 0xee);
    }

    private final SimClock clock = new SimClock();
    private final SimBuffers pool;
    private byte[] found = UNREADABLE;
    private boolean over;

    private DurableLook(SimBuffers.Spare spare) {
        this.pool = new SimBuffers(POOL_BYTES, spare);
    }

    /** What a block of a volume holds; what is no stamped block when it cannot be read. */
    static byte[] read(SimDisk disk, StoreSettings settings, SimBuffers.Spare spare, VolumeId volume, long block) {
        DurableLook look = new DurableLook(spare);
        SimDisk copy = new SimDisk(look.clock, 1, disk.blocks(), false);
        copy.restore(disk.durableImage());
        SimProcess process = new SimProcess(look.clock, 0);
        ExtentStore.open(copy.open(process), process, settings, look.pool, new ExtentStore.Opened() {
            @Override
            public void opened(ExtentStore store) {
                look.read(store, volume, block);
            }

            @Override
            public void failed(String reason) {
                look.over = true;
            }
        });
        while (!look.over && look.clock.step()) {
            // Nothing else happens there.
        }
        look.pool.abandon();
        return look.found;
    }

    private void read(ExtentStore store, VolumeId volume, long block) {
        Replica replica = store.replica(volume);
        if (replica == null) {
            over = true;
            return;
        }
        Buffer buffer = Objects.requireNonNull(pool.acquire(BlockDevice.BLOCK_BYTES));
        replica.read(
                block,
                1,
                buffer,
                0,
                (tag, status) -> {
                    if (status == Status.OK) {
                        found = new byte[BlockDevice.BLOCK_BYTES];
                        buffer.bytes().get(0, found);
                    }
                    over = true;
                },
                0);
    }
}
