package storage.cairn.engine.crash;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.sim.SimBuffers;
import storage.cairn.engine.sim.SimClock;
import storage.cairn.engine.sim.SimDisk;
import storage.cairn.engine.sim.SimRandom;

/**
 * Replays a {@link WriteLog} to the moments at which the power might have gone, opens the target from each of them
 * with the production code, and compares it with the ledger.
 *
 * <p>The moments are the marks of the log, and those just before a flush completed: what earlier flushes covered is on
 * the disk, and of the writes that this one covers any subset, in any of their 512-byte parts. All of them had been
 * submitted by then, so every ack that was marked in the log or that one of them knows of (see {@link Stamp}) must
 * have survived. After the recovery the power goes once more.
 */
public final class WriteLogReplay {
    private static final String MARK = "acked-";
    private static final int EXIT_VIOLATION = 10;
    private static final int EXIT_NOTHING_TRIED = 3;
    private static final int SECTOR_BYTES = 512;
    private static final long BUFFER_BYTES = 256L << 20;
    private static final long MOST_STEPS = 100_000_000;

    private final WriteLog log;
    private final Ledger ledger;
    private final TargetKind kind;
    private final long blocks;
    private final long seed;
    private final SimRandom random;
    /** Holds what all flushes so far have made durable. */
    private final SimDisk durable;

    private final List<WriteLog.Entry> group = new ArrayList<>();
    private boolean begun;
    private int acks;
    private int moments;
    private int states;

    private WriteLogReplay(WriteLog log, Ledger ledger, TargetKind kind, long blocks, long seed) {
        this.log = log;
        this.ledger = ledger;
        this.kind = kind;
        this.blocks = blocks;
        this.seed = seed;
        this.random = new SimRandom(seed);
        this.durable = new SimDisk(new SimClock(), seed, blocks, true);
    }

    /** {@code LOG LEDGER TARGET BLOCKS SEED MOMENTS SUBSETS}: of all moments about that many are tried. */
    public static void main(String[] args) throws IOException {
        if (args.length != 7) {
            throw new IllegalArgumentException("want LOG LEDGER TARGET BLOCKS SEED MOMENTS SUBSETS");
        }
        TargetKind kind = TargetKind.of(args[2]);
        Ledger ledger = Ledger.read(Path.of(args[1]), kind.singleBlocks());
        try (WriteLog log = WriteLog.open(Path.of(args[0]))) {
            WriteLogReplay replay =
                    new WriteLogReplay(log, ledger, kind, Long.parseLong(args[3]), Long.parseLong(args[4]));
            List<String> violations = replay.run(Integer.parseInt(args[5]), Integer.parseInt(args[6]));
            PrintStream out = System.out;
            violations.forEach(violation -> out.println("violation: " + violation));
            out.println(replay.states + " states at " + replay.moments + " moments of a log of "
                    + log.entries().size() + " entries, " + replay.acks + " acks known by then");
            out.flush();
            boolean tried = replay.states > 0 && replay.acks > 0;
            System.exit(!violations.isEmpty() ? EXIT_VIOLATION : tried ? 0 : EXIT_NOTHING_TRIED);
        }
    }

    /** Tries moments until one shows a violation, and returns what it showed. */
    private List<String> run(int wantedMoments, int subsets) throws IOException {
        long flushes =
                log.entries().stream().filter(WriteLog.Flush.class::isInstance).count();
        int share = (int) Math.min(1_000_000, 1_000_000L * wantedMoments / Math.max(1, flushes));
        for (WriteLog.Entry entry : log.entries()) {
            switch (entry) {
                case WriteLog.Flush flush -> {
                    if (begun && random.chance(share)) {
                        List<String> violations = tryMoment(subsets);
                        if (!violations.isEmpty()) {
                            return violations;
                        }
                    }
                    applyAll(durable, group);
                    group.clear();
                }
                case WriteLog.Mark mark -> {
                    if (mark.text().startsWith(MARK)) {
                        begun = true;
                        acks = Math.max(acks, Integer.parseInt(mark.text().substring(MARK.length())));
                    }
                    // What no flush covered any more is logged before the last mark.
                    if (begun && (mark.isEnd() || random.chance(share))) {
                        List<String> violations = tryMoment(mark.isEnd() ? subsets : -1);
                        if (!violations.isEmpty()) {
                            return violations;
                        }
                    }
                }
                case WriteLog.Discard discard -> group.add(discard);
                case WriteLog.Write write -> {
                    group.add(write);
                    acks = Math.max(acks, acksKnownTo(write));
                }
            }
        }
        return List.of();
    }

    private int acksKnownTo(WriteLog.Write write) throws IOException {
        int known = 0;
        ByteBuffer data = log.data(write);
        for (int i = 0; i + BlockDevice.BLOCK_BYTES <= data.limit(); i += BlockDevice.BLOCK_BYTES) {
            Stamp stamp = Stamp.readFrom(data, i);
            if (stamp != null && ledger.bootOf(stamp.seed()) == ledger.boots() - 1) {
                known = Math.max(known, Math.toIntExact(Math.min(stamp.acks(), ledger.acks())));
            }
        }
        return known;
    }

    /** None of the unflushed writes, all of them, and random subsets; with -1 only none. */
    private List<String> tryMoment(int subsets) throws IOException {
        moments++;
        SimDisk.Image before = durable.durableImage();
        for (int i = 0; i < subsets + 2; i++) {
            SimDisk disk = new SimDisk(new SimClock(), random.nextLong(), blocks, true);
            disk.restore(before);
            int chance = i == 0 ? 0 : i == 1 ? 1_000_000 : 1 + random.below(999_999);
            applySubset(disk, chance);
            List<String> violations = recover(disk, 0);
            states++;
            if (!violations.isEmpty()) {
                List<String> story = new ArrayList<>(violations);
                story.addFirst("after " + acks + " acks, with " + chance / 10_000 + " % of " + group.size()
                        + " unflushed writes, seed " + seed);
                return story;
            }
        }
        return List.of();
    }

    private void applyAll(SimDisk disk, List<WriteLog.Entry> entries) throws IOException {
        for (WriteLog.Entry entry : entries) {
            if (entry instanceof WriteLog.Write write) {
                apply(disk, write, 1_000_000);
            }
        }
    }

    private void applySubset(SimDisk disk, int perMillion) throws IOException {
        for (WriteLog.Entry entry : group) {
            if (entry instanceof WriteLog.Write write) {
                apply(disk, write, write.fua() ? 1_000_000 : perMillion);
            }
        }
    }

    /** Each block of a write reaches the disk by chance, some of those only in part. */
    private void apply(SimDisk disk, WriteLog.Write write, int perMillion) throws IOException {
        ByteBuffer data = log.data(write);
        int done = 0;
        while (done < data.limit()) {
            long at = write.offset() + done;
            int within = (int) (at % BlockDevice.BLOCK_BYTES);
            int length = Math.min(BlockDevice.BLOCK_BYTES - within, data.limit() - done);
            if (perMillion >= 1_000_000 || random.chance(perMillion)) {
                boolean torn = perMillion < 1_000_000 && !kind.singleBlocks() && random.chance(perMillion / 8);
                put(disk, at, data, done, length, torn ? random.nextLong() : -1);
            }
            done += length;
        }
    }

    private static void put(SimDisk disk, long at, ByteBuffer data, int from, int length, long sectors) {
        byte[] content = disk.content(at / BlockDevice.BLOCK_BYTES);
        int within = (int) (at % BlockDevice.BLOCK_BYTES);
        for (int i = 0; i < length; i += SECTOR_BYTES) {
            if ((sectors >>> (i / SECTOR_BYTES) & 1) != 0) {
                data.get(from + i, content, within + i, Math.min(SECTOR_BYTES, length - i));
            }
        }
        disk.overwrite(at / BlockDevice.BLOCK_BYTES, content);
    }

    /** Opens the target, checks it, cuts the power, and the first time does it all again. */
    private List<String> recover(SimDisk disk, int depth) {
        SimClock clock = new SimClock();
        SimBuffers buffers = new SimBuffers(BUFFER_BYTES);
        LedgerCheck check = new LedgerCheck(ledger, acks);
        boolean[] finished = {false};
        // The disk delivers by the clock it was made with: each recovery gets both of them new.
        SimDisk opened = new SimDisk(clock, random.nextLong(), blocks, true);
        opened.restore(disk.durableImage());
        kind.open(opened.open(clock), clock, buffers, random.nextLong(), false, new TargetKind.Opened() {
            @Override
            public void opened(CrashTarget target) {
                new CrashReader(target, buffers, check, () -> finished[0] = true).start();
            }

            @Override
            public void failed(String reason) {
                check.violate(reason);
                finished[0] = true;
            }
        });
        for (long step = 0; !finished[0]; step++) {
            if (step > MOST_STEPS || !clock.step()) {
                check.violate("the recovery came to a stop");
                break;
            }
        }
        if (!check.violations().isEmpty() || depth > 0) {
            return check.violations();
        }
        opened.powerCut();
        return recover(opened, depth + 1);
    }
}
