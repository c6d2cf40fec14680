package storage.cairn.engine.crash;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import storage.cairn.engine.io.Disks;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.port.BlockDevice;

/**
 * One boot of a crash test on a real disk: opens the target on the production device, compares it with the ledger of
 * all boots before, and writes on until it is killed or the power goes.
 */
public final class CrashRun {
    private static final long BUFFER_BYTES = 64L << 20;
    private static final int EXIT_VIOLATION = 10;
    private static final int EXIT_BROKEN = 2;

    private final TargetKind kind;
    private final long seed;
    private final long operations;
    private final Ledger ledger;
    private final FileOutputStream console = new FileOutputStream(FileDescriptor.out);
    private final CompletableFuture<Integer> exit = new CompletableFuture<>();

    private CrashRun(TargetKind kind, long seed, long operations, Ledger ledger) {
        this.kind = kind;
        this.seed = seed;
        this.operations = operations;
        this.ledger = ledger;
    }

    /** {@code DISK TARGET LEDGER SEED OPERATIONS IO}; the ledger may be empty; 0 operations: check only. */
    public static void main(String[] args) throws Exception {
        if (args.length != 6) {
            throw new IllegalArgumentException(
                    "want DISK plain|careless|store LEDGER SEED OPERATIONS auto|io_uring|pool");
        }
        TargetKind kind = TargetKind.of(args[1]);
        CrashRun run = new CrashRun(
                kind,
                Long.parseLong(args[3]),
                Long.parseLong(args[4]),
                Ledger.read(Path.of(args[2]), kind.singleBlocks()));
        int code = run.on(Path.of(args[0]), EngineLoop.Setting.of(args[5]));
        // As a crash would: nothing is closed, nothing is flushed.
        Runtime.getRuntime().halt(code);
    }

    private int on(Path disk, EngineLoop.Setting io) throws Exception {
        EngineLoop loop = EngineLoop.open(io, (what, cause) -> {
            say("broken: " + what + ": " + cause);
            cause.printStackTrace();
            Runtime.getRuntime().halt(EXIT_BROKEN);
        });
        say("I/O by " + loop.mode() + ": " + loop.modeReason());
        if (!Files.exists(disk)) {
            Disks.create(
                            disk,
                            CrashLoad.VOLUME_BLOCKS * 4L * BlockDevice.BLOCK_BYTES,
                            Disks.Buffered.ALLOWED,
                            (w, of) -> {})
                    .close();
        }
        BlockDevice device = loop.device(Disks.open(disk, Disks.Buffered.ALLOWED));
        say("the disk has " + device.blocks() + " blocks and a cache that is "
                + (device.volatileCache() ? "volatile" : "not volatile"));
        Slab buffers = loop.call(() -> loop.slab("crash test", Slab.Sizes.ofBytes(BUFFER_BYTES)));
        loop.clock()
                .execute(() ->
                        kind.open(device, loop.clock(), buffers, seed, ledger.boots() == 0, new TargetKind.Opened() {
                            @Override
                            public void opened(CrashTarget target) {
                                check(target, buffers);
                            }

                            @Override
                            public void failed(String reason) {
                                say("violation: " + reason);
                                exit.complete(EXIT_VIOLATION);
                            }
                        }));
        return exit.get();
    }

    private void check(CrashTarget target, Slab buffers) {
        LedgerCheck check = new LedgerCheck(ledger, ledger.acks());
        new CrashReader(target, buffers, check, () -> checked(check, target, buffers)).start();
    }

    private void checked(LedgerCheck check, CrashTarget target, Slab buffers) {
        if (!check.violations().isEmpty()) {
            check.violations().forEach(violation -> say("violation: " + violation));
            exit.complete(EXIT_VIOLATION);
            return;
        }
        List<String> findings = check.findings();
        findings.forEach(this::say);
        say("all " + ledger.allAcks() + " acked operations of " + ledger.boots() + " boots are there, and "
                + findings.size() + " blocks hold more");
        if (operations == 0) {
            exit.complete(0);
            return;
        }
        CrashLoad load = new CrashLoad(seed, kind.singleBlocks());
        new CrashWriter(target, load, buffers, this::say, operations, () -> exit.complete(0)).start();
    }

    /** Each line is one write, so that it is out when the call returns. */
    private void say(String line) {
        try {
            console.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
