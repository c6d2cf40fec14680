package storage.cairn.engine.crash;

import java.util.List;
import java.util.TreeSet;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.ExtentStore;
import storage.cairn.engine.store.Label;
import storage.cairn.engine.store.Replica;
import storage.cairn.engine.store.StoreSettings;

/**
 * The only replica of a volume in an extent store, driven as an owner would: every opening is a new epoch, wseqs rise
 * across all of them, and commitSeq follows the acks.
 */
final class ReplicaTarget implements CrashTarget {
    private static final VolumeId VOLUME = VolumeId.of("00000000-0000-4000-8000-0000000000aa");
    private static final DiskId DISK = DiskId.of("00000000-0000-4000-8000-0000000000bb");
    private static final UUID CLUSTER = new UUID(0x4000, 0xcc);
    private static final long EPOCH_GAP = 65_536;
    private static final int CREDITS = 512;
    private static final long RETRY_NANOS = 5_000_000;
    private static final int MOST_RETRIES = 2_000;
    /** As small as it may be, so that a short run has checkpoints. */
    private static final StoreSettings SETTINGS = new StoreSettings(4_096, 1 << 20, 1_000_000_000L, 1_024, 256);

    private final Clock clock;
    private final ExtentStore store;
    private final Replica replica;
    private final long epoch;
    private final long firstWseq;
    private final TreeSet<Long> underWay = new TreeSet<>();
    private long highestStarted = -1;
    private int credits;

    private ReplicaTarget(Clock clock, ExtentStore store, Replica replica, long firstWseq) {
        this.clock = clock;
        this.store = store;
        this.replica = replica;
        this.epoch = replica.configuration().epoch();
        this.firstWseq = firstWseq;
    }

    static void open(
            BlockDevice device, Clock clock, BufferPool buffers, long seed, boolean fresh, TargetKind.Opened opened) {
        if (!fresh) {
            openStore(device, clock, buffers, seed, false, opened);
            return;
        }
        Label label = new Label(DISK, CLUSTER);
        ExtentStore.format(device, label, buffers, clock, problem -> {
            if (problem != null) {
                opened.failed("formatting: " + problem);
            } else {
                openStore(device, clock, buffers, seed, true, opened);
            }
        });
    }

    private static void openStore(
            BlockDevice device, Clock clock, BufferPool buffers, long seed, boolean fresh, TargetKind.Opened opened) {
        ExtentStore.open(device, clock, SETTINGS, buffers, new ExtentStore.Opened() {
            @Override
            public void opened(ExtentStore store) {
                if (fresh) {
                    store.create(configuration(1, seed), (tag, status) -> begin(clock, store, seed, status, opened), 0);
                } else {
                    begin(clock, store, seed, Status.OK, opened);
                }
            }

            @Override
            public void failed(String reason) {
                opened.failed("opening the store: " + reason);
            }
        });
    }

    private static void begin(Clock clock, ExtentStore store, long seed, Status status, TargetKind.Opened opened) {
        Replica replica = store.replica(VOLUME);
        if (status != Status.OK || replica == null) {
            opened.failed(status != Status.OK ? "creating the replica: " + status : "the replica is gone");
            return;
        }
        long highest = replica.highestWseq();
        Configuration next = configuration(replica.configuration().epoch() + 1, seed);
        replica.configure(
                next,
                (tag, configured) -> {
                    if (configured == Status.OK) {
                        opened.opened(new ReplicaTarget(clock, store, replica, highest + EPOCH_GAP));
                    } else {
                        opened.failed("a new epoch: " + configured);
                    }
                },
                0);
    }

    private static Configuration configuration(long epoch, long seed) {
        return new Configuration(
                VOLUME,
                "crash-test",
                1,
                epoch,
                new UUID(seed, epoch),
                new Configuration.Owner(1, new UUID(seed, epoch)),
                List.of(DISK),
                List.of(),
                List.of(),
                1,
                (long) CrashLoad.VOLUME_BLOCKS * BlockDevice.BLOCK_BYTES,
                null,
                false,
                false);
    }

    @Override
    public void apply(CrashLoad.Op op, @Nullable Buffer data, Replica.Done done) {
        underWay.add(op.index());
        highestStarted = op.index();
        if (data == null) {
            boolean unmap = op.kind() == CrashLoad.Kind.UNMAP;
            replica.zero(epoch, wseq(op), commitSeq(), op.block(), op.count(), unmap, ended(op, done), op.index());
        } else {
            write(op, data.retain(), done, 0);
        }
    }

    /** Takes credits, else asks for the overwrite's reserve, else waits for a checkpoint to free slots. */
    private void write(CrashLoad.Op op, Buffer data, Replica.Done done, int retries) {
        if (credits < op.count()) {
            credits += replica.grantCredits(epoch, CREDITS);
        }
        if (credits >= op.count()) {
            credits -= op.count();
            submit(op, data, done);
            return;
        }
        replica.reserveOverwrite(
                epoch,
                op.block(),
                op.count(),
                (tag, status) -> {
                    if (status == Status.OK) {
                        submit(op, data, done);
                    } else if (status == Status.NO_SPACE && retries < MOST_RETRIES) {
                        clock.after(RETRY_NANOS, () -> write(op, data, done, retries + 1));
                    } else {
                        data.release();
                        done.done(op.index(), status);
                    }
                },
                op.index());
    }

    private void submit(CrashLoad.Op op, Buffer data, Replica.Done done) {
        replica.write(epoch, wseq(op), commitSeq(), op.block(), op.count(), data, 0, ended(op, done), op.index());
        data.release();
    }

    private Replica.Done ended(CrashLoad.Op op, Replica.Done done) {
        return (tag, status) -> {
            underWay.remove(op.index());
            done.done(tag, status);
        };
    }

    private long wseq(CrashLoad.Op op) {
        return firstWseq + op.index();
    }

    /** Everything below the oldest operation under way. */
    private long commitSeq() {
        return firstWseq + (underWay.isEmpty() ? highestStarted : underWay.first() - 1);
    }

    @Override
    public void read(int block, int count, Buffer into, Replica.Done done) {
        replica.read(block, count, into, 0, done, block);
    }

    @Override
    public @Nullable String fault() {
        if (store.failure() != null) {
            return "the store failed: " + store.failure();
        }
        if (replica.damaged()) {
            return "recovery takes the journal for damaged in the middle, which no power cut does";
        }
        try {
            store.invariants();
        } catch (IllegalStateException e) {
            return "the accounts of the slots: " + e.getMessage();
        }
        return null;
    }
}
