package storage.cairn.cli.demo;

import java.io.IOException;
import java.util.List;
import org.HdrHistogram.Histogram;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.client.load.LoadFigures;
import storage.cairn.client.load.LoadSettings;
import storage.cairn.client.load.VerifyingLoad;
import storage.cairn.client.load.Violation;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdUri;

/** The verifying load of a demo, with figures since a mark of one's own choice. For one thread. */
final class Load implements AutoCloseable {
    private static final long HIGHEST_MICROS = 3_600_000_000L;
    private static final int EXAMPLES = 5;

    private final VerifyingLoad load;
    private final Histogram readMicros = new Histogram(HIGHEST_MICROS, 3);
    private final Histogram writeMicros = new Histogram(HIGHEST_MICROS, 3);
    private double seconds;
    private long reads;
    private long writes;
    private long longestStallMillis;
    private long ackedWrites;

    private Load(VerifyingLoad load) {
        this.load = load;
    }

    /**
     * What happened since the last mark.
     *
     * @param latest what happened since these figures were asked for last
     * @param longestStallMillis longest time in which writes were under way and none was acked
     */
    record Figures(
            double seconds,
            long reads,
            long writes,
            Histogram readMicros,
            Histogram writeMicros,
            long longestStallMillis,
            LoadFigures latest) {}

    /** Starts to write and read a blank volume. */
    static Load start(List<String> uris, String volume, Screen screen) {
        try {
            LoadSettings settings = LoadSettings.of(volume, System.nanoTime());
            VerifyingLoad load =
                    VerifyingLoad.open(uris.stream().map(NbdUri::parse).toList(), settings, new Narrator(screen));
            load.start();
            return new Load(load);
        } catch (IOException e) {
            throw new Failure(ExitCode.FAILED, "The load cannot connect: " + e.getMessage(), e);
        }
    }

    void mark() {
        figures();
        seconds = 0;
        reads = 0;
        writes = 0;
        longestStallMillis = 0;
        readMicros.reset();
        writeMicros.reset();
    }

    Figures figures() {
        LoadFigures latest = load.interval();
        seconds += latest.seconds();
        reads += latest.reads();
        writes += latest.writes();
        ackedWrites += latest.writes();
        longestStallMillis = Math.max(longestStallMillis, latest.longestStallMillis());
        readMicros.add(latest.readMicros());
        writeMicros.add(latest.writeMicros());
        return new Figures(seconds, reads, writes, readMicros, writeMicros, longestStallMillis, latest);
    }

    /** Acked writes since the start. */
    long ackedWrites() {
        figures();
        return ackedWrites;
    }

    long writtenBlocks() {
        return load.writtenBlocks();
    }

    /** @throws Failure when a block held what it must not, or a client saw an error */
    void mustBeRight() {
        if (load.violationCount() > 0) {
            throw new Failure(
                    ExitCode.FAILED, load.violationCount() + " blocks held what they must not: " + examples());
        }
        String error = load.firstError();
        if (error != null) {
            throw new Failure(ExitCode.FAILED, "The client got an error, which no fault here may cause: " + error);
        }
    }

    /** Ends writing, once what is under way is answered. */
    void finish() {
        try {
            load.stop();
        } catch (IOException e) {
            throw new Failure(ExitCode.FAILED, "The last requests were not answered: " + e.getMessage(), e);
        }
        mustBeRight();
    }

    /** Reads the whole volume and compares it with what was acked. */
    void verify(VerifyingLoad.Progress progress) {
        try {
            boolean right = load.verifyAll(progress);
            mustBeRight();
            if (!right) {
                throw new Failure(ExitCode.FAILED, "Not every block could be read back");
            }
        } catch (IOException e) {
            throw new Failure(ExitCode.FAILED, "The volume cannot be read back: " + e.getMessage(), e);
        }
    }

    private String examples() {
        return String.join(
                "; ",
                load.violations().stream()
                        .limit(EXAMPLES)
                        .map(Violation::toString)
                        .toList());
    }

    @Override
    public void close() {
        load.close();
    }

    /** Tells where the client's connection goes. */
    private record Narrator(Screen screen) implements NbdClient.Listener {
        @Override
        public void connected(NbdUri uri) {
            screen.line("client: connected to " + uri);
        }

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {
            screen.line(
                    "client: lost " + uri + " (" + reason + "), " + resend + " requests to be sent again elsewhere");
        }

        @Override
        public void refused(NbdUri uri, String reason) {
            screen.live("client: " + reason);
        }
    }
}
