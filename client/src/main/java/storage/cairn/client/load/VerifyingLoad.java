package storage.cairn.client.load;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdUri;

/**
 * Reads and writes a volume, remembers what was acked, and checks that each read returns that or something newer.
 *
 * <p>{@link #open}, {@link #start}, any number of {@link #interval}, {@link #stop}, {@link #verifyAll}, {@link #close}.
 * Memory: eight bytes for each block of the range.
 */
public final class VerifyingLoad implements AutoCloseable {
    private static final int TICK_MILLIS = 5;

    private final LoadSettings settings;
    private final List<NbdClient> clients = new ArrayList<>();
    private final List<LoadWorker> workers = new ArrayList<>();
    private final Tally tally = new Tally();
    private final long rangeBytes;
    private @Nullable ScheduledExecutorService limiter;
    private double owed;

    /** Told how far a pass over the volume is. */
    public interface Progress {
        void verified(long blocks, long ofBlocks);
    }

    /**
     * Connects and divides the range among the connections.
     *
     * @param uris where the volume may be served; the first is tried first
     * @throws IOException when no node serves the volume until the deadline; says why
     */
    public static VerifyingLoad open(List<NbdUri> uris, LoadSettings settings, NbdClient.Listener listener)
            throws IOException {
        VerifyingLoad load = new VerifyingLoad(uris, settings, listener);
        return load;
    }

    private VerifyingLoad(List<NbdUri> uris, LoadSettings settings, NbdClient.Listener listener) throws IOException {
        this.settings = settings;
        try {
            for (int i = 0; i < settings.connections(); i++) {
                int depth = Math.max(settings.depth(), 8);
                clients.add(new NbdClient(uris, new NbdClient.Settings(depth, settings.deadlineMillis()), listener));
            }
            long volumeBytes = Long.MAX_VALUE;
            for (NbdClient client : clients) {
                volumeBytes = Math.min(volumeBytes, client.awaitSizeBytes());
            }
            rangeBytes = settings.lengthBytes() > 0 ? settings.lengthBytes() : volumeBytes - settings.offsetBytes();
            if (rangeBytes <= 0 || settings.offsetBytes() + rangeBytes > volumeBytes) {
                throw new IOException("the range of " + rangeBytes + " bytes at " + settings.offsetBytes()
                        + " is not inside of the volume of " + volumeBytes + " bytes");
            }
            divide();
        } catch (IOException | RuntimeException e) {
            clients.forEach(NbdClient::close);
            throw e;
        }
    }

    private void divide() throws IOException {
        long ioBlocks = settings.ioBytes() / BlockStamp.BYTES;
        long places = rangeBytes / settings.ioBytes();
        if (places < settings.connections()) {
            throw new IOException("a range of " + rangeBytes + " bytes is too small for " + settings.connections()
                    + " connections with requests of " + settings.ioBytes() + " bytes");
        }
        long first = settings.offsetBytes() / BlockStamp.BYTES;
        for (int i = 0; i < settings.connections(); i++) {
            long from = places * i / settings.connections() * ioBlocks;
            long to = places * (i + 1) / settings.connections() * ioBlocks;
            Ledger ledger = new Ledger(first + from, Math.toIntExact(to - from));
            workers.add(new LoadWorker(settings, i, clients.get(i), ledger, tally));
        }
    }

    /** Begins to read and write. */
    public void start() {
        workers.forEach(LoadWorker::start);
        if (settings.opsPerSecond() > 0) {
            ScheduledExecutorService ticker = Executors.newSingleThreadScheduledExecutor(
                    Thread.ofPlatform().name("load-rate").daemon().factory());
            var unused = ticker.scheduleAtFixedRate(this::tick, 0, TICK_MILLIS, TimeUnit.MILLISECONDS);
            limiter = ticker;
        }
    }

    private void tick() {
        owed += settings.opsPerSecond() * TICK_MILLIS / 1000.0;
        long whole = (long) owed;
        owed -= whole;
        for (int i = 0; i < workers.size() && whole > 0; i++) {
            long share = whole * (i + 1) / workers.size() - whole * i / workers.size();
            if (share > 0) {
                workers.get(i).allow(share);
            }
        }
    }

    /** Figures since the last call, or the start. */
    public LoadFigures interval() {
        return tally.interval();
    }

    /** Figures since the start. */
    public LoadFigures total() {
        return tally.total();
    }

    /** Blocks that were read and checked so far. */
    public long verifiedBlocks() {
        return tally.verifiedBlocks();
    }

    /** How many blocks held what they must not hold. */
    public long violationCount() {
        return tally.violationCount();
    }

    /** The first of them, at most 100. */
    public List<Violation> violations() {
        return tally.violations();
    }

    /** The first request that ended with an error, or null. */
    public @Nullable String firstError() {
        return tally.firstError();
    }

    /** Blocks whose content the ledger knows. */
    public long writtenBlocks() {
        return workers.stream().mapToLong(worker -> worker.ledger().written()).sum();
    }

    /**
     * Begins no more requests and waits for those under way.
     *
     * @throws IOException when they do not end until the deadline of the settings
     */
    public void stop() throws IOException {
        ScheduledExecutorService ticker = limiter;
        if (ticker != null) {
            ticker.shutdownNow();
        }
        await(workers.stream().map(LoadWorker::stop).toList(), settings.deadlineMillis() + 5_000, done -> {});
        tally.ended();
    }

    /**
     * Reads the whole range and checks it against the ledger; after {@link #stop}. Answers whether every block was
     * read and none, now or before, held what it must not hold.
     */
    public boolean verifyAll(Progress progress) throws IOException {
        long before = tally.verifiedBlocks();
        long blocks =
                workers.stream().mapToLong(worker -> worker.ledger().blocks()).sum();
        // Each pass may wait for a takeover; no progress at all for the deadline ends it.
        await(
                workers.stream().map(LoadWorker::verifyAll).toList(),
                Long.MAX_VALUE,
                done -> progress.verified(tally.verifiedBlocks() - before, blocks));
        long verified = tally.verifiedBlocks() - before;
        progress.verified(verified, blocks);
        return verified == blocks && tally.violationCount() == 0;
    }

    private static void await(List<CompletableFuture<Void>> all, long millis, java.util.function.LongConsumer waiting)
            throws IOException {
        CompletableFuture<Void> together = CompletableFuture.allOf(all.toArray(new CompletableFuture<?>[0]));
        long start = System.nanoTime();
        while (true) {
            try {
                together.get(100, TimeUnit.MILLISECONDS);
                return;
            } catch (TimeoutException e) {
                long waited = (System.nanoTime() - start) / 1_000_000;
                if (waited > millis) {
                    throw new IOException("requests did not end within " + millis + " ms", e);
                }
                waiting.accept(waited);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new InterruptedIOException("interrupted");
            } catch (ExecutionException e) {
                throw new IOException("the load failed", e.getCause());
            }
        }
    }

    @Override
    public void close() {
        ScheduledExecutorService ticker = limiter;
        if (ticker != null) {
            ticker.shutdownNow();
        }
        clients.forEach(NbdClient::close);
    }
}
