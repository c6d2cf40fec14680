package storage.cairn.client.load;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdCommand;

/**
 * Reads and writes one part of the range through one connection and checks every block that it reads. Everything
 * happens on the client's thread.
 */
final class LoadWorker {
    private static final int TRIES = 64;
    private static final int VERIFY_BYTES = 1 << 20;
    private static final int VERIFY_DEPTH = 8;

    private final LoadSettings settings;
    private final int number;
    private final NbdClient client;
    private final Ledger ledger;
    private final BlockStamp stamp;
    private final Tally tally;
    private final SplittableRandom random;
    private final int ioBlocks;
    private final ArrayDeque<Slot> idle = new ArrayDeque<>();
    private final CompletableFuture<Void> stopped = new CompletableFuture<>();
    private int underWay;
    private boolean stopping;
    private long allowed;
    private long nextToVerify;
    private @Nullable CompletableFuture<Void> verified;

    LoadWorker(LoadSettings settings, int number, NbdClient client, Ledger ledger, Tally tally) {
        this.settings = settings;
        this.number = number;
        this.client = client;
        this.ledger = ledger;
        this.tally = tally;
        this.stamp = new BlockStamp(settings.run(), volumeNumber(settings.volume()));
        this.random = new SplittableRandom(settings.seed() + number);
        this.ioBlocks = settings.ioBytes() / BlockStamp.BYTES;
        for (int i = 0; i < settings.depth(); i++) {
            idle.add(new Slot(settings.ioBytes()));
        }
    }

    private static long volumeNumber(String name) {
        long number = 1125899906842597L;
        for (int i = 0; i < name.length(); i++) {
            number = 31 * number + name.charAt(i);
        }
        return number;
    }

    Ledger ledger() {
        return ledger;
    }

    /** Lets {@code ops} more requests begin; only used with a rate limit. From any thread. */
    void allow(long ops) {
        client.execute(() -> {
            // What was not used is kept for a short while only, so that a stall is not followed by a burst.
            allowed = Math.min(allowed + ops, Math.max(ops * 4, settings.depth()));
            pump();
        });
    }

    void start() {
        client.execute(this::pump);
    }

    /** Begins nothing more; done when everything under way ended. From any thread. */
    CompletableFuture<Void> stop() {
        client.execute(() -> {
            stopping = true;
            if (underWay == 0) {
                stopped.complete(null);
            }
        });
        return stopped;
    }

    private void pump() {
        while (!stopping && !idle.isEmpty() && (settings.opsPerSecond() == 0 || allowed > 0)) {
            allowed--;
            begin(idle.remove());
        }
    }

    private void begin(Slot slot) {
        boolean write = random.nextInt(100) < settings.writePercent();
        long first = chooseBlock(write);
        if (first < 0) {
            // Everything that it tried is being written: the range is small for the depth. A read does no harm.
            write = false;
            first = chooseBlock(false);
        }
        underWay++;
        slot.write = write;
        slot.firstBlock = first;
        if (write) {
            for (int i = 0; i < ioBlocks; i++) {
                int sequence = ledger.begin(first + i);
                stamp.write(slot.data, i * BlockStamp.BYTES, first + i, sequence, number);
            }
            tally.writeBegins();
        } else {
            slot.noteFloors();
        }
        long offset = first * BlockStamp.BYTES;
        client.submit(slot.command.transfer(write ? NbdCommand.Type.WRITE : NbdCommand.Type.READ, offset, slot.data));
    }

    private long chooseBlock(boolean write) {
        int places = ledger.blocks() / ioBlocks;
        for (int i = 0; i < TRIES; i++) {
            long first = ledger.firstBlock() + (long) random.nextInt(places) * ioBlocks;
            boolean free = true;
            for (int b = 0; write && free && b < ioBlocks; b++) {
                free = !ledger.writing(first + b);
            }
            if (free) {
                return first;
            }
        }
        return -1;
    }

    private void ended(Slot slot) {
        NbdCommand command = slot.command;
        boolean good = command.error() == 0;
        if (slot.write) {
            for (int i = 0; i < ioBlocks; i++) {
                if (good) {
                    ledger.acked(slot.firstBlock + i);
                } else {
                    ledger.unknown(slot.firstBlock + i);
                }
            }
            tally.writeEnds(good);
        } else if (good) {
            slot.verify();
        }
        if (!good) {
            failed(command);
        } else if (slot.write) {
            tally.written(command.length(), command.nanos(), command.resends());
        } else {
            tally.read(command.length(), command.nanos(), command.resends());
        }
        underWay--;
        idle.add(slot);
        if (stopping && underWay == 0) {
            stopped.complete(null);
        }
        pump();
    }

    private void failed(NbdCommand command) {
        tally.error(command.type() + " of " + command.length() + " bytes at " + command.offset() + ": "
                + command.errorText());
        if (command.error() < 0) {
            stopping = true;
        }
    }

    /** Reads the whole part and checks it. After {@link #stop}; from any thread. */
    CompletableFuture<Void> verifyAll() {
        CompletableFuture<Void> done = new CompletableFuture<>();
        client.execute(() -> {
            verified = done;
            nextToVerify = ledger.firstBlock();
            for (int i = 0; i < VERIFY_DEPTH; i++) {
                verifyNext(new Slot(VERIFY_BYTES));
            }
            if (underWay == 0) {
                done.complete(null);
            }
        });
        return done;
    }

    private void verifyNext(Slot slot) {
        long end = ledger.firstBlock() + ledger.blocks();
        if (nextToVerify >= end) {
            return;
        }
        int blocks = (int) Math.min(VERIFY_BYTES / BlockStamp.BYTES, end - nextToVerify);
        slot.verifying = true;
        slot.firstBlock = nextToVerify;
        slot.data = slot.whole.slice(0, blocks * BlockStamp.BYTES);
        slot.noteFloors();
        nextToVerify += blocks;
        underWay++;
        client.submit(slot.command.transfer(NbdCommand.Type.READ, slot.firstBlock * BlockStamp.BYTES, slot.data));
    }

    private void verifyEnded(Slot slot) {
        underWay--;
        CompletableFuture<Void> done = verified;
        NbdCommand command = slot.command;
        if (command.error() == 0) {
            slot.verify();
            verifyNext(slot);
        } else {
            tally.error("final read at " + command.offset() + ": " + command.errorText());
            if (command.error() > 0) {
                verifyNext(slot);
            }
        }
        if (underWay == 0 && done != null) {
            done.complete(null);
        }
    }

    /** One request that is under way or idle, with its memory. */
    private final class Slot {
        final ByteBuffer whole;
        final int[] floors;
        final NbdCommand command;
        ByteBuffer data;
        long firstBlock;
        boolean write;
        boolean verifying;

        Slot(int bytes) {
            whole = ByteBuffer.allocateDirect(bytes);
            data = whole;
            floors = new int[bytes / BlockStamp.BYTES];
            command = new NbdCommand(ended -> {
                if (verifying) {
                    verifyEnded(this);
                } else {
                    LoadWorker.this.ended(this);
                }
            });
        }

        void noteFloors() {
            Arrays.setAll(floors, i -> i < data.capacity() / BlockStamp.BYTES ? ledger.floor(firstBlock + i) : 0);
        }

        void verify() {
            int blocks = data.capacity() / BlockStamp.BYTES;
            for (int i = 0; i < blocks; i++) {
                verifyBlock(i * BlockStamp.BYTES, firstBlock + i, floors[i]);
            }
            tally.verified(blocks);
        }

        private void verifyBlock(int at, long block, int floor) {
            BlockStamp.Content content = stamp.check(data, at, block);
            int issued = ledger.issued(block);
            String expected = "expected sequence " + floor + (issued > floor ? " to " + issued : "") + ", found ";
            switch (content) {
                case OURS -> {
                    int sequence = BlockStamp.sequence(data, at);
                    if (sequence < floor) {
                        report(Violation.Kind.LOST_WRITE, block, expected + sequence);
                    } else if (sequence > issued) {
                        report(Violation.Kind.FROM_NOWHERE, block, expected + sequence);
                    } else {
                        ledger.seen(block, sequence);
                    }
                }
                case ZEROES -> {
                    if (floor > 0) {
                        report(Violation.Kind.LOST_WRITE, block, expected + "zeroes");
                    }
                }
                case OTHER_RUN -> before(Violation.Kind.LOST_WRITE, block, floor, expected + "a block of another run");
                case GARBAGE -> before(Violation.Kind.CORRUPT, block, floor, expected + "no valid block");
                case MISPLACED ->
                    report(
                            Violation.Kind.MISPLACED,
                            block,
                            expected + "what was written to block "
                                    + BlockStamp.block(data, at) + " as sequence " + BlockStamp.sequence(data, at)
                                    + " by writer " + BlockStamp.writer(data, at));
            }
        }

        /** Content that may have been there before the load, and only then is right. */
        private void before(Violation.Kind kind, long block, int floor, String detail) {
            if (floor > 0 || settings.blank()) {
                report(kind, block, detail);
            }
        }

        private void report(Violation.Kind kind, long block, String detail) {
            tally.violation(new Violation(kind, block, detail + "; client at " + client.connectedTo()));
        }
    }
}
