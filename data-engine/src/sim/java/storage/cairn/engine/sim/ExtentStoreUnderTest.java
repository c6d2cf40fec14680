package storage.cairn.engine.sim;

import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.ExtentStore;
import storage.cairn.engine.store.Label;
import storage.cairn.engine.store.ReplicaStore;
import storage.cairn.engine.store.StoreSettings;

/** The real store on a {@link SimDisk}, formatted when it is first opened. */
final class ExtentStoreUnderTest implements StoreUnderTest {
    private static final UUID CLUSTER = new UUID(0x6361_6972L, 0x6e);
    private static final long POOL_BYTES = 256L << 20;
    /** What a recovery takes, and some more. */
    private static final long SPARE_BYTES = 12L << 20;

    private static final int PEEK_EVERY = 1_500;

    private final SimRandom random;
    private final SimDisk disk;
    private final DiskId id;
    private final StoreSettings settings;
    private final SimBuffers.Spare spare = new SimBuffers.Spare(SPARE_BYTES);
    private @Nullable SimBuffers pool;
    private boolean formatted;
    private long peeks;

    ExtentStoreUnderTest(SimRandom random, SimDisk disk, DiskId id) {
        this.random = random;
        this.disk = disk;
        this.id = id;
        this.settings = new StoreSettings(
                4_096L << random.below(4),
                1 << 20,
                100_000_000L << random.below(10),
                256 << random.below(3),
                256 << random.below(3));
    }

    @Override
    public DiskId id() {
        return id;
    }

    @Override
    public void open(SimProcess process, Opened opened) {
        BlockDevice device = disk.open(process);
        SimBuffers pool = new SimBuffers(POOL_BYTES, spare);
        this.pool = pool;
        if (formatted) {
            open(process, device, pool, opened);
            return;
        }
        ExtentStore.format(device, new Label(id, CLUSTER), pool, process, problem -> {
            if (problem != null) {
                device.close();
                opened.opened(null, problem);
            } else {
                formatted = true;
                open(process, device, pool, opened);
            }
        });
    }

    private void open(SimProcess process, BlockDevice device, SimBuffers pool, Opened opened) {
        ExtentStore.open(device, process, settings, pool, new ExtentStore.Opened() {
            @Override
            public void opened(ExtentStore store) {
                if (!store.disk().equals(id)) {
                    throw new Violation("I9", "disk " + id + " says that it is " + store.disk());
                }
                opened.opened(store, "");
            }

            @Override
            public void failed(String reason) {
                device.close();
                opened.opened(null, reason);
            }
        });
    }

    @Override
    public void killed() {
        disk.kill();
        abandonMemory();
    }

    /** Of the store that was open; what the disk did with it is over. */
    private void abandonMemory() {
        if (pool != null) {
            pool.abandon();
            pool = null;
        }
    }

    @Override
    public boolean fragile() {
        long last = disk.blocks() - 1;
        return disk.writing(0, 256, last - 256, last);
    }

    @Override
    public void powerCut() {
        disk.powerCut();
        abandonMemory();
    }

    @Override
    public void keepMediumHonest() {
        disk.keepMediumHonest();
    }

    @Override
    public void losesWrites(boolean loses) {
        disk.losesWrites(loses);
    }

    @Override
    public void replace() {
        killed();
        formatted = false;
    }

    @Override
    public boolean canPeek() {
        return false;
    }

    @Override
    public byte @Nullable [] peek(VolumeId volume, long block) {
        return null;
    }

    /** Looks at one block in {@link #PEEK_EVERY}: it takes a recovery. */
    @Override
    public byte @Nullable [] sample(VolumeId volume, long block) {
        return peeks++ % PEEK_EVERY == 0 && disk.isHonest()
                ? DurableLook.read(disk, settings, spare, volume, block)
                : null;
    }

    @Override
    public long blocks(VolumeId volume) {
        return -1;
    }

    @Override
    public void rot(VolumeId volume, long block) {
        disk.rot(random.below(disk.blocks()));
    }

    @Override
    public @Nullable String audit(ReplicaStore store) {
        try {
            ((ExtentStore) store).invariants();
        } catch (IllegalStateException broken) {
            return broken.getMessage();
        }
        long free = store.freeSlots();
        return free < 0 || free > store.capacitySlots()
                ? free + " slots of " + store.capacitySlots() + " are free on disk " + id
                : null;
    }
}
