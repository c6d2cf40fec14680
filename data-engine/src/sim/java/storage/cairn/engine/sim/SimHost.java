package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.HostVolume;

/**
 * A machine that uses a volume: writes stamped blocks and reads them, and goes to another node with what is
 * unanswered when its node fails, refuses or is silent for too long. Everything it asks and hears is in the
 * {@link History}.
 *
 * <p>The first {@link #SMALL_BLOCKS} blocks are written in sectors of 512 bytes, the others whole.
 */
final class SimHost {
    private static final int LINGERING_READS = 4;
    private static final int HASTY_LINGERING_READS = 40;
    private static final int WIDE_BLOCKS = 1_024;
    private static final long LINGER_NANOS = 6_000_000_000L;
    static final int SMALL_BLOCKS = 4;

    private static final long TRIP_NANOS = 30_000;
    private static final long MEMORY_NANOS = 10_000_000;
    private static final long RETRY_NANOS = 300_000_000;
    private static final long OPEN_TIMEOUT_NANOS = 30_000_000_000L;
    private static final int MOST_OPEN_WRITES = 10;

    private final World world;
    private final SimRandom random;
    private final SimVolume volume;
    private final boolean greedy;
    private final int depth;
    private final long thinkNanos;
    private final long patienceNanos;
    private final List<HostOp> waiting = new ArrayList<>();
    private @Nullable Session session;
    private int node;
    private boolean stopped;
    private boolean gone;
    private long answered;

    SimHost(World world, SimVolume volume, SimRandom random) {
        this.world = world;
        this.random = random;
        this.volume = volume;
        this.greedy = world.shape.tight();
        this.depth = 1 << random.below(6);
        this.thinkNanos = 10_000_000L << random.below(6);
        this.patienceNanos = random.between(3, 40) * (world.shape.hasty() ? 100_000_000L : 1_000_000_000L);
        this.node = 1 + random.below(world.nodes.size());
    }

    void begin() {
        connect();
        think();
    }

    /** No new requests; those under way go on until they are answered. */
    void stop() {
        stopped = true;
    }

    boolean uses(SimVolume other) {
        return volume.equals(other);
    }

    /** The volume is gone: nothing that was asked is of interest any more. */
    void end() {
        stopped = true;
        gone = true;
        waiting.clear();
        Session now = session;
        session = null;
        if (now != null) {
            now.end();
        }
    }

    boolean idle() {
        return waiting.isEmpty();
    }

    long answered() {
        return answered;
    }

    private void think() {
        world.clock.after(thinkNanos / 2 + random.below(thinkNanos), () -> {
            if (!stopped) {
                next();
                think();
            }
        });
    }

    private void next() {
        for (int burst = 1 + random.below(depth); burst > 0; burst--) {
            Session to = session;
            if (to == null || !to.open || waiting.size() >= depth) {
                return;
            }
            HostOp op = choose();
            if (op != null) {
                ask(op);
            }
        }
    }

    private void ask(HostOp op) {
        for (HostOp earlier : waiting) {
            earlier.overtaken |= op.changes() && earlier.changes() && op.overlaps(earlier);
        }
        waiting.add(op);
        if (op.changes()) {
            if (op.small()) {
                for (int i = 0; i < op.sectors; i++) {
                    enter(op, (long) op.block * Stamps.SECTORS + op.sector + i, op.value(i));
                }
            } else {
                for (int i = 0; i < op.count; i++) {
                    enter(op, (op.block + (long) i) * Stamps.SECTORS, op.value(i));
                }
            }
        }
        Session to = Objects.requireNonNull(session);
        if (world.trace.records()) {
            tell(to, op, "?");
        }
        send(op, to);
    }

    private void enter(HostOp op, long register, long value) {
        op.writes.add(volume.history.writing(register, value, world.clock.nanos()));
    }

    private @Nullable HostOp choose() {
        int dice = random.below(100);
        if (dice < 2) {
            return new HostOp(HostOp.Kind.FLUSH, 0, 0, 0, 0, 0, world.clock.nanos(), false);
        }
        HostOp.Kind kind = dice < 50 ? HostOp.Kind.WRITE : dice < 92 ? HostOp.Kind.READ : HostOp.Kind.ZERO;
        HostOp op = dice % 5 == 0 ? small(kind) : whole(kind);
        return op.changes() && crowded(op) ? null : op;
    }

    private HostOp small(HostOp.Kind kind) {
        int sector = random.below(Stamps.SECTORS * 2);
        int sectors = kind == HostOp.Kind.READ ? 2 * Stamps.SECTORS : 1 + random.below(2 * Stamps.SECTORS - sector);
        int from = kind == HostOp.Kind.READ ? 0 : sector;
        int block = random.below(SMALL_BLOCKS - 1);
        int blocks = (from % Stamps.SECTORS + sectors + Stamps.SECTORS - 1) / Stamps.SECTORS;
        block += from / Stamps.SECTORS;
        from %= Stamps.SECTORS;
        HostOp op = new HostOp(
                kind, block, blocks, from, sectors, world.newValue(), world.clock.nanos(), random.nextBoolean());
        return op;
    }

    private HostOp whole(HostOp.Kind kind) {
        int all = blocks() - SMALL_BLOCKS;
        boolean far = random.below(5) < (all > WIDE_BLOCKS ? 3 : 1);
        int range = far ? all : Math.min(24, all);
        int most = far && greedy && kind != HostOp.Kind.READ ? 200 : random.below(4) == 0 ? 40 : 4;
        int count = 1 + random.below(Math.min(range, most));
        int block = SMALL_BLOCKS + random.below(range - count + 1);
        return new HostOp(
                kind,
                block,
                count,
                0,
                count * Stamps.SECTORS,
                world.newValue(),
                world.clock.nanos(),
                random.nextBoolean());
    }

    /** As many as the export has now: volumes grow. */
    private int blocks() {
        HostVolume seen = session == null ? null : session.granted;
        return seen == null ? volume.blocks() : (int) (seen.sizeBytes() / BlockDevice.BLOCK_BYTES);
    }

    private boolean crowded(HostOp op) {
        int first = op.block * Stamps.SECTORS;
        for (int i = first; i < first + op.count * Stamps.SECTORS; i++) {
            if (volume.history.openWrites(i) >= MOST_OPEN_WRITES) {
                return true;
            }
        }
        return false;
    }

    /** Gives a request to the node, as a frontend there would get it. */
    private void send(HostOp op, Session to) {
        to.outstanding++;
        op.sent++;
        long sent = world.clock.nanos();
        to.process.after(TRIP_NANOS / 2 + random.below(TRIP_NANOS), () -> {
            if (to.open) {
                to.submit(op, sent);
            }
        });
        world.clock.after(patienceNanos, () -> {
            if (!op.answered && session == to && to.open) {
                if (!world.calm()) {
                    to.linger();
                }
                leave(to, "a request was not answered");
            }
        });
    }

    private void completed(HostOp op, Session by, Status status, @Nullable Buffer data) {
        if (op.answered || session != by) {
            return;
        }
        op.answered = true;
        waiting.remove(op);
        answered++;
        world.operationDone();
        long now = world.clock.nanos();
        if (world.trace.records()) {
            tell(by, op, ": " + status);
        }
        world.trace.event(now, by.node.number(), "host: answer", op.block, op.firstValue, status.code());
        if (status != Status.OK) {
            if (status == Status.NO_SPACE) {
                refusedForSpace(op);
            }
            world.failedOperation(volume, op, status);
            return;
        }
        for (History.Pending write : op.writes) {
            volume.history.written(write, now);
        }
        if (op.kind == HostOp.Kind.READ && data != null) {
            record(op, data, now);
        }
    }

    private void tell(Session at, HostOp op, String outcome) {
        long nanos = world.clock.nanos();
        world.trace.tell(nanos, at.node.number(), volume.name, op.block, op.count, "host: " + op + outcome);
    }

    private void tell(Session at, String text) {
        world.trace.tell(world.clock.nanos(), at.node.number(), volume.name, 0, volume.blocks(), "host: " + text);
    }

    /** I26: it changed nothing anywhere, and only what needs space is refused for it. */
    private void refusedForSpace(HostOp op) {
        boolean mergesBlocks = op.kind == HostOp.Kind.ZERO && op.small();
        if (op.kind != HostOp.Kind.WRITE && !mergesBlocks) {
            throw new Violation("I26", volume.name + ": " + op + " is refused for lack of space")
                    .about(volume.name, op.block);
        }
        if (op.sent > 1 || mergesBlocks) {
            // It, or a part of it, may have come about.
            return;
        }
        for (History.Pending write : op.writes) {
            volume.history.refused(write);
        }
        boolean overwrite = !op.small();
        for (int i = 0; i < op.count; i++) {
            overwrite &= volume.history.surelyWritten((op.block + (long) i) * Stamps.SECTORS);
        }
        if (overwrite && !world.rots(volume)) {
            throw new Violation("I26", volume.name + ": " + op + " is refused for lack of space, though it overwrites")
                    .about(volume.name, op.block);
        }
    }

    private void record(HostOp op, Buffer data, long now) {
        for (int i = 0; i < op.count; i++) {
            int block = op.block + i;
            if (block >= SMALL_BLOCKS) {
                volume.history.read((long) block * Stamps.SECTORS, Stamps.get(data, i), op.calledNanos, now);
                continue;
            }
            for (int sector = 0; sector < Stamps.SECTORS; sector++) {
                long value = Stamps.getSector(data.bytes(), i * BlockDevice.BLOCK_BYTES + sector * Stamps.SECTOR_BYTES);
                volume.history.read((long) block * Stamps.SECTORS + sector, value, op.calledNanos, now);
            }
        }
    }

    private void connect() {
        if (gone) {
            return;
        }
        SimNode target = world.nodes.get(node - 1);
        if (!target.serving()) {
            tryNext();
            return;
        }
        Session attempt = new Session(target);
        session = attempt;
        String export = volume.export();
        attempt.attachment =
                volume.attachment(Objects.requireNonNull(volume.known().attachId()));
        attempt.process.after(
                TRIP_NANOS,
                () -> target.engine()
                        .open(export, (status, reason) -> attempt.lost(reason), outcome -> attempt.answered(outcome)));
        world.clock.after(OPEN_TIMEOUT_NANOS, () -> {
            if (session == attempt && !attempt.open) {
                leave(attempt, "no answer to open");
            }
        });
    }

    private void tryNext() {
        session = null;
        node = 1 + node % world.nodes.size();
        world.clock.after(RETRY_NANOS / 2 + random.below(RETRY_NANOS), this::connect);
    }

    /** Ends a session; what is unanswered is asked again elsewhere, or given up as unknown. */
    private void leave(Session from, String why) {
        world.trace.event(world.clock.nanos(), from.node.number(), "host: leaves", waiting.size(), answered, 0);
        tell(from, "leaves: " + why);
        from.end();
        for (HostOp op : List.copyOf(waiting)) {
            if (!op.changes() || op.overtaken || random.below(4) == 0) {
                op.answered = true;
                waiting.remove(op);
            }
        }
        if (random.nextBoolean()) {
            node = 1 + random.below(world.nodes.size());
        }
        tryNext();
    }

    /** The node's process is gone: connections break. */
    void nodeGone(SimNode gone) {
        Session now = session;
        if (now != null && now.node == gone) {
            leave(now, "the connection broke");
        }
    }

    /** One connection to one node. */
    private final class Session {
        private final SimNode node;
        private final SimProcess process;
        private @Nullable HostVolume granted;
        private SimVolume.@Nullable Attachment attachment;
        private boolean open;
        private boolean ended;
        private boolean lingers;
        private int outstanding;

        Session(SimNode node) {
            this.node = node;
            this.process = node.process();
        }

        void answered(Exports.Opened outcome) {
            switch (outcome) {
                case Exports.Opened.Granted grant -> {
                    if (ended) {
                        grant.volume().close();
                        return;
                    }
                    granted = grant.volume();
                    world.clock.after(TRIP_NANOS, this::opened);
                }
                case Exports.Opened.Unknown unknown -> refused(unknown.reason());
                case Exports.Opened.Refused refused -> refused(refused.reason());
            }
        }

        private void refused(String reason) {
            world.clock.after(TRIP_NANOS, () -> {
                if (session == this) {
                    tell(this, "refused: " + reason);
                    tryNext();
                }
            });
        }

        private void opened() {
            if (session != this || ended) {
                return;
            }
            open = true;
            tell(this, "opened");
            if (!process.dead()) {
                world.ledger.sizeSeen(volume, Objects.requireNonNull(granted).sizeBytes());
            }
            for (HostOp op : List.copyOf(waiting)) {
                send(op, this);
            }
        }

        void lost(String reason) {
            world.clock.after(TRIP_NANOS, () -> {
                if (session == this) {
                    leave(this, reason);
                }
            });
        }

        /** Another user of this connection still reads through it, as hosts with several paths do. */
        void linger() {
            if (granted == null || process.dead()) {
                return;
            }
            lingers = true;
            int reads = world.shape.hasty() ? HASTY_LINGERING_READS : LINGERING_READS;
            for (int i = 0; i < reads; i++) {
                HostOp late = whole(HostOp.Kind.READ);
                late.answered = true;
                process.after(i * LINGER_NANOS / reads, () -> {
                    outstanding++;
                    submit(late, late.calledNanos);
                });
            }
        }

        void end() {
            open = false;
            ended = true;
            HostVolume held = granted;
            if (held != null) {
                process.after(lingers ? LINGER_NANOS : 0, held::close);
            }
        }

        void submit(HostOp op, long sent) {
            HostVolume to = Objects.requireNonNull(granted);
            if (op.kind == HostOp.Kind.FLUSH) {
                to.flush((tag, status) -> reply(op, sent, status, null), op.calledNanos);
                return;
            }
            if (op.kind == HostOp.Kind.ZERO) {
                long offset = (long) op.block * BlockDevice.BLOCK_BYTES + (long) op.sector * Stamps.SECTOR_BYTES;
                to.zero(
                        offset,
                        (long) op.sectors * Stamps.SECTOR_BYTES,
                        op.unmap,
                        (tag, status) -> reply(op, sent, status, null),
                        op.calledNanos);
                return;
            }
            Buffer memory = this.node.hostMemory().acquire(op.count * BlockDevice.BLOCK_BYTES);
            if (memory == null) {
                // A frontend reads no further requests until some of its memory is back.
                process.after(MEMORY_NANOS, () -> {
                    if (open) {
                        submit(op, sent);
                    }
                });
                return;
            }
            if (op.kind == HostOp.Kind.READ) {
                to.read(op.block, op.count, memory, (tag, status) -> reply(op, sent, status, memory), op.calledNanos);
                return;
            }
            write(to, op, sent, memory);
        }

        private void write(HostVolume to, HostOp op, long sent, Buffer memory) {
            if (op.small()) {
                for (int i = 0; i < op.sectors; i++) {
                    Stamps.putSector(memory.bytes(), (op.sector + i) * Stamps.SECTOR_BYTES, op.value(i));
                }
            } else {
                for (int i = 0; i < op.count; i++) {
                    Stamps.put(memory, i, op.value(i));
                }
            }
            long offset = (long) op.block * BlockDevice.BLOCK_BYTES + (long) op.sector * Stamps.SECTOR_BYTES;
            to.write(
                    offset,
                    op.sectors * Stamps.SECTOR_BYTES,
                    memory,
                    (tag, status) -> reply(op, sent, status, memory),
                    op.calledNanos);
        }

        private void reply(HostOp op, long sent, Status status, @Nullable Buffer memory) {
            if (--outstanding < 0) {
                throw new Violation("contract", volume.name + ": a request was answered twice");
            }
            if (status == Status.OK) {
                world.ledger.served(volume, Objects.requireNonNull(attachment), op, sent);
            }
            if (status == Status.OK && op.changes()) {
                world.ledger.acked(volume, node, op);
            } else if (status == Status.OK && op.kind == HostOp.Kind.READ) {
                world.ledger.answeredRead(volume, node);
            }
            world.clock.after(TRIP_NANOS / 2 + random.below(TRIP_NANOS), () -> {
                completed(op, this, status, memory);
                if (memory != null) {
                    memory.release();
                }
            });
        }
    }
}
