package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.sim.SimBuffers;
import storage.cairn.engine.sim.SimClock;
import storage.cairn.engine.sim.SimDisk;
import storage.cairn.engine.sim.SimProcess;
import storage.cairn.engine.sim.SimRandom;

/**
 * One store on a simulated disk with a random load, crashes at any moment, and a model of what each block must hold:
 * the last acked content, or that of the change that was under way, as a whole.
 */
final class CrashWorld {
    private static final int VOLUMES = 3;

    final long seed;
    final SimRandom random;
    final SimClock clock = new SimClock();
    final SimDisk disk;
    final DiskId diskId;
    final UUID cluster = new UUID(7, 7);
    final List<Model> models = new ArrayList<>();
    final boolean large;
    private final SimBuffers.Spare spare = new SimBuffers.Spare(12 << 20);
    SimBuffers buffers = new SimBuffers(64 << 20, spare);
    SimProcess process = new SimProcess(clock, 0);

    @Nullable
    BlockDevice device;

    @Nullable
    ExtentStore store;

    @Nullable
    String openFailure;

    int inFlight;
    long made;
    long crashes;
    long nextId = 1;

    /** What one volume must hold. */
    static final class Model {
        final VolumeId id;
        final int blocks;
        final long[] acked;
        final boolean[] busy;
        final List<Change> underWay = new ArrayList<>();
        final List<Watch> watchers = new ArrayList<>();
        long epoch = 1;
        long nextWseq = 1;
        long commitSeq;
        boolean created;
        boolean deleting;
        int lives;

        Model(VolumeId id, int blocks) {
            this.id = id;
            this.blocks = blocks;
            this.acked = new long[blocks];
            this.busy = new boolean[blocks];
        }
    }

    /** Changes that ran at some time during a read. */
    static final class Watch {
        final List<Change> changes;

        Watch(List<Change> underWay) {
            changes = new ArrayList<>(underWay);
        }
    }

    static final class Change {
        final long wseq;
        final int block;
        final long[] ids;
        boolean acked;

        Change(long wseq, int block, long[] ids) {
            this.wseq = wseq;
            this.block = block;
            this.ids = ids;
        }
    }

    CrashWorld(long seed) {
        this.seed = seed;
        this.random = new SimRandom(seed);
        this.large = random.below(4) == 0;
        this.disk = new SimDisk(clock, seed ^ 0x5555, 8_192 + random.below(3_000), random.nextBoolean());
        this.diskId = new DiskId(new UUID(random.nextLong(), random.nextLong()));
        for (int i = 0; i < VOLUMES; i++) {
            models.add(new Model(new VolumeId(new UUID(1, i + 1)), 256 * (1 + random.below(3)) + random.below(200)));
        }
    }

    void format() {
        BlockDevice opened = disk.open(process);
        String[] result = {"pending"};
        ExtentStore.format(opened, new Label(diskId, cluster), buffers, process, problem -> result[0] = problem);
        run(() -> !"pending".equals(result[0]));
        check(result[0] == null, "format: " + result[0]);
        opened.close();
    }

    StoreSettings settings() {
        return new StoreSettings(4_096 + random.below(4_096), 1 << 20, 1_000_000L * (1 + random.below(500)), 256, 64);
    }

    void beginOpen() {
        openFailure = null;
        store = null;
        BlockDevice opened = disk.open(process);
        device = opened;
        ExtentStore.open(opened, process, settings(), buffers, new ExtentStore.Opened() {
            @Override
            public void opened(ExtentStore result) {
                store = result;
            }

            @Override
            public void failed(String reason) {
                openFailure = reason;
            }
        });
    }

    ExtentStore open() {
        beginOpen();
        run(() -> store != null || openFailure != null);
        check(openFailure == null, "open failed: " + openFailure);
        ExtentStore opened = store;
        if (opened == null) {
            throw failure("not opened");
        }
        opened.invariants();
        return opened;
    }

    Configuration configuration(Model model) {
        return new Configuration(
                model.id,
                "v" + model.id.uuid().getLeastSignificantBits(),
                1,
                model.epoch,
                new UUID(3, model.epoch),
                null,
                List.of(diskId),
                List.of(),
                List.of(),
                1,
                model.blocks * 4096L,
                null,
                false,
                false);
    }

    /** Random load until {@code events} steps of the clock have passed. */
    void load(int events) {
        for (int i = 0; i < events; i++) {
            int wanted = large ? 4 : 24;
            if (inFlight < wanted && random.below(3) == 0) {
                someOperation();
            }
            if (!clock.step()) {
                someOperation();
            }
            if (random.below(400) == 0) {
                store().invariants();
            }
        }
    }

    private ExtentStore store() {
        ExtentStore s = store;
        if (s == null) {
            throw failure("no store");
        }
        check(s.failure() == null, "disk failed: " + s.failure());
        return s;
    }

    private void someOperation() {
        Model model = models.get(random.below(models.size()));
        Replica replica = store().replica(model.id);
        if (replica == null) {
            if (!model.created && !model.deleting) {
                create(model);
            }
            return;
        }
        int kind = random.below(100);
        if (kind < 70) {
            write(model, replica);
        } else if (kind < 78) {
            zero(model, replica);
        } else if (kind < 96) {
            read(model, replica, random.below(model.blocks), 1 + random.below(16));
        } else if (kind == 96) {
            store().checkpoint();
        } else if (kind == 97) {
            replica.commit(model.commitSeq);
        } else if (kind == 98 && random.below(20) == 0) {
            delete(model);
        }
    }

    private void create(Model model) {
        model.created = true;
        inFlight++;
        store().create(
                        configuration(model),
                        (tag, status) -> {
                            inFlight--;
                            check(status == Status.OK, "create: " + status);
                        },
                        0);
    }

    private void delete(Model model) {
        if (model.deleting) {
            return;
        }
        model.deleting = true;
        inFlight++;
        store().delete(
                        model.id,
                        (tag, status) -> {
                            inFlight--;
                            check(status == Status.OK, "delete: " + status);
                            forget(model);
                        },
                        0);
    }

    private static void forget(Model model) {
        Arrays.fill(model.acked, 0);
        Arrays.fill(model.busy, false);
        model.underWay.clear();
        model.lives++;
        model.watchers.clear();
        model.created = false;
        model.deleting = false;
        model.commitSeq = 0;
        model.nextWseq = 1;
        model.epoch = 1;
    }

    private boolean take(Model model, int block, int count) {
        for (int i = block; i < block + count; i++) {
            if (model.busy[i]) {
                return false;
            }
        }
        Arrays.fill(model.busy, block, block + count, true);
        return true;
    }

    private int size() {
        return large ? 1 + random.below(256) : random.below(8) == 0 ? 1 + random.below(40) : 1;
    }

    private void write(Model model, Replica replica) {
        int count = Math.min(size(), model.blocks);
        int block = random.below(model.blocks - count + 1);
        if (model.deleting || !take(model, block, count)) {
            return;
        }
        Buffer data = buffers.acquire(count * 4096);
        if (data == null) {
            throw failure("out of buffers");
        }
        long[] ids = new long[count];
        for (int i = 0; i < count; i++) {
            ids[i] = nextId++;
            fill(data, i, ids[i]);
        }
        data.seal(0, count);
        Change change = begin(model, block, ids);
        replica.write(
                model.epoch, change.wseq, model.commitSeq, block, count, data, 0, ended(model, change), change.wseq);
        data.release();
    }

    private void zero(Model model, Replica replica) {
        int count =
                random.below(4) == 0 ? Math.min(model.blocks, 200 + random.below(600)) : Math.min(size(), model.blocks);
        int block = random.below(model.blocks - count + 1);
        if (model.deleting || !take(model, block, count)) {
            return;
        }
        Change change = begin(model, block, new long[count]);
        boolean unmap = random.nextBoolean();
        replica.zero(model.epoch, change.wseq, model.commitSeq, block, count, unmap, ended(model, change), change.wseq);
    }

    private Change begin(Model model, int block, long[] ids) {
        Change change = new Change(model.nextWseq++, block, ids);
        model.underWay.add(change);
        model.watchers.forEach(watcher -> watcher.changes.add(change));
        inFlight++;
        made++;
        return change;
    }

    private Replica.Done ended(Model model, Change change) {
        return (tag, status) -> {
            inFlight--;
            check(tag == change.wseq, "wrong tag");
            check(status == Status.OK, "change of " + change.ids.length + " blocks: " + status);
            change.acked = true;
            apply(model, change);
            Arrays.fill(model.busy, change.block, change.block + change.ids.length, false);
            model.underWay.remove(change);
            long lowest = model.nextWseq;
            for (Change other : model.underWay) {
                lowest = Math.min(lowest, other.wseq);
            }
            model.commitSeq = Math.max(model.commitSeq, random.nextBoolean() ? lowest - 1 : 0);
        };
    }

    private static void apply(Model model, Change change) {
        System.arraycopy(change.ids, 0, model.acked, change.block, change.ids.length);
    }

    /** A read beside writes: each block holds what it held, or what some change that ran meanwhile gave it. */
    private void read(Model model, Replica replica, int from, int wanted) {
        int count = Math.min(wanted, model.blocks - from);
        Buffer into = buffers.acquire(count * 4096);
        if (into == null) {
            throw failure("out of buffers");
        }
        inFlight++;
        int life = model.lives;
        long[] before = Arrays.copyOfRange(model.acked, from, from + count);
        Watch meanwhile = new Watch(model.underWay);
        model.watchers.add(meanwhile);
        replica.read(
                from,
                count,
                into,
                0,
                (tag, status) -> {
                    inFlight--;
                    model.watchers.remove(meanwhile);
                    if (life == model.lives) {
                        check(status == Status.OK, "read: " + status);
                        check(into.firstMismatch(0, count) < 0, "read with wrong checksums");
                        for (int i = 0; i < count; i++) {
                            long found = idOf(into, i);
                            boolean known = found == before[i];
                            for (Change change : meanwhile.changes) {
                                int at = from + i - change.block;
                                known |= at >= 0 && at < change.ids.length && change.ids[at] == found;
                            }
                            int block = from + i;
                            check(
                                    known,
                                    "volume " + model.id + " block " + block + " holds " + found + ", not "
                                            + before[i]);
                        }
                    }
                    into.release();
                },
                0);
    }

    static void fill(Buffer data, int index, long id) {
        ByteBuffer bytes = data.bytes();
        for (int i = 0; i < 4096; i += 8) {
            bytes.putLong(index * 4096 + i, id * 0x9e3779b97f4a7c15L + i);
        }
        bytes.putLong(index * 4096, id);
    }

    private long idOf(Buffer data, int index) {
        long id = data.bytes().getLong(index * 4096);
        for (int i = 8; i < 4096; i += 8) {
            long expected = id == 0 ? 0 : id * 0x9e3779b97f4a7c15L + i;
            check(data.bytes().getLong(index * 4096 + i) == expected, "a block that is a mixture");
        }
        return id;
    }

    /** Kills the process or cuts the power. */
    void crash(boolean power) {
        crashes++;
        process.kill();
        if (power) {
            disk.powerCut();
        } else {
            disk.kill();
        }
        process = new SimProcess(clock, 0);
        buffers = new SimBuffers(64 << 20, spare);
        store = null;
        inFlight = 0;
    }

    /** After a crash: opens, perhaps crashing again meanwhile, and compares everything with the model. */
    void recover() {
        while (random.below(4) == 0) {
            beginOpen();
            int steps = random.below(400);
            for (int i = 0; i < steps && store == null; i++) {
                clock.step();
            }
            crash(random.nextBoolean());
        }
        ExtentStore opened = open();
        if (random.below(8) == 0) {
            crash(random.nextBoolean());
            opened = open();
        }
        check(opened.failure() == null, "disk failed: " + opened.failure());
        for (Model model : models) {
            compare(opened, model);
        }
    }

    private void compare(ExtentStore opened, Model model) {
        model.watchers.clear();
        Arrays.fill(model.busy, false);
        Replica replica = opened.replica(model.id);
        if (replica == null) {
            boolean empty = true;
            for (long id : model.acked) {
                empty &= id == 0;
            }
            check(model.deleting || (empty && model.commitSeq == 0), "volume " + model.id + " is gone");
            forget(model);
            return;
        }
        model.created = true;
        model.deleting = false;
        check(!replica.damaged(), "damaged");
        check(replica.commitSeq() <= model.commitSeq || model.commitSeq == 0, "commitSeq from nowhere");
        long[] found = new long[model.blocks];
        for (int from = 0; from < model.blocks; from += 256) {
            int count = Math.min(256, model.blocks - from);
            int first = from;
            Buffer into = buffers.acquire(count * 4096);
            boolean[] ended = {false};
            if (into == null) {
                throw failure("out of buffers");
            }
            replica.read(
                    from,
                    count,
                    into,
                    0,
                    (tag, status) -> {
                        check(status == Status.OK, "read after recovery: " + status);
                        for (int i = 0; i < count; i++) {
                            found[first + i] = idOf(into, i);
                        }
                        ended[0] = true;
                        into.release();
                    },
                    0);
            run(() -> ended[0]);
        }
        List<Replica.TailEntry> tail = replica.tail();
        for (Change change : model.underWay) {
            boolean applied = tail.stream().anyMatch(entry -> entry.wseq() == change.wseq);
            if (applied) {
                apply(model, change);
            }
        }
        model.underWay.clear();
        for (int i = 0; i < model.blocks; i++) {
            check(
                    found[i] == model.acked[i],
                    "volume " + model.id + " block " + i + " holds " + found[i] + " instead of " + model.acked[i]);
        }
        long lowest = replica.commitSeq();
        for (Replica.TailEntry entry : tail) {
            check(entry.wseq() > lowest, "tail out of order");
            lowest = entry.wseq();
        }
        check(lowest >= model.commitSeq, "the tail ends at " + lowest + ", commitSeq was " + model.commitSeq);
        model.commitSeq = lowest;
        model.epoch = replica.configuration().epoch() + 1;
        model.nextWseq = replica.highestWseq() + 65_536;
        boolean[] configured = {false};
        replica.configure(
                configuration(model),
                (tag, status) -> {
                    check(status == Status.OK, "configure: " + status);
                    configured[0] = true;
                },
                0);
        run(() -> configured[0]);
    }

    /** Waits for everything under way, closes, and checks the accounts of the disk offline. */
    void close() {
        run(() -> inFlight == 0);
        Status[] closed = {null};
        store().close(false, (tag, status) -> closed[0] = status, 0);
        run(() -> closed[0] != null);
        check(closed[0] == Status.OK, "close: " + closed[0]);
        check(buffers.outBytes() == 0, "buffers not given back: " + buffers.outBytes());
        BlockDevice d = device;
        if (d != null) {
            d.close();
        }
        store = null;
        new Fsck(disk, this).run();
    }

    void run(java.util.function.BooleanSupplier until) {
        for (int i = 0; !until.getAsBoolean(); i++) {
            check(i < 3_000_000, "does not end");
            if (!clock.step()) {
                check(until.getAsBoolean(), "nothing happens any more");
            }
        }
    }

    void check(boolean condition, String message) {
        if (!condition) {
            throw failure(message);
        }
    }

    private AssertionError failure(String message) {
        return new AssertionError(
                "seed " + seed + ", after " + made + " changes and " + crashes + " crashes: " + message);
    }
}
