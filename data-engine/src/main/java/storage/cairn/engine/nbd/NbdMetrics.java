package storage.cairn.engine.nbd;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.SingleWriterRecorder;

/** What the NBD server counted since its start. Written on its loop, readable from every thread. */
public final class NbdMetrics {
    /** Volumes with figures of their own; what is beyond goes into {@code other}. */
    static final int MAX_VOLUMES = 4096;

    private static final long HIGHEST_MICROS = 600_000_000L;

    /** Kinds of command, in the order of their wire numbers. */
    public enum Command {
        READ,
        WRITE,
        DISC,
        FLUSH,
        TRIM,
        CACHE,
        WRITE_ZEROES,
        BLOCK_STATUS
    }

    private static final Command[] COMMANDS = Command.values();

    final LongAdder connections = new LongAdder();
    final LongAdder sessions = new LongAdder();
    final LongAdder accepted = new LongAdder();
    final LongAdder turnedAway = new LongAdder();
    final LongAdder protocolErrors = new LongAdder();
    final LongAdder evictions = new LongAdder();
    volatile long heldBytes;
    volatile long mostHeldBytes;
    private final LongAdder[] commands = new LongAdder[COMMANDS.length];
    private final Map<String, Volume> volumes = new ConcurrentHashMap<>();

    NbdMetrics() {
        for (int i = 0; i < commands.length; i++) {
            commands[i] = new LongAdder();
        }
    }

    /** Connections open now. */
    public long connections() {
        return connections.sum();
    }

    /** Connections that have an export open now. */
    public long sessions() {
        return sessions.sum();
    }

    /** Connections accepted since the start. */
    public long accepted() {
        return accepted.sum();
    }

    /** Connections closed for the bounds on their number, or because no export was chosen in time. */
    public long turnedAway() {
        return turnedAway.sum();
    }

    /** Connections closed because what they sent is no NBD. */
    public long protocolErrors() {
        return protocolErrors.sum();
    }

    /** Connections closed because they held buffers that others needed and read nothing. */
    public long evictions() {
        return evictions.sum();
    }

    /** Bytes of block buffers held now. */
    public long heldBytes() {
        return heldBytes;
    }

    /** The most that ever was. */
    public long mostHeldBytes() {
        return mostHeldBytes;
    }

    /** Commands received of one kind. */
    public long commands(Command kind) {
        return commands[kind.ordinal()].sum();
    }

    /** Figures of each volume that was served, by its name. */
    public Map<String, Volume> volumes() {
        return Map.copyOf(volumes);
    }

    /** Drops the figures of a volume that was deleted. */
    public void forget(String volume) {
        volumes.remove(volume);
    }

    void count(int wireType) {
        if (wireType < commands.length) {
            commands[wireType].increment();
        }
    }

    Volume volume(String name) {
        return volumes.computeIfAbsent(volumes.size() < MAX_VOLUMES ? name : "other", n -> new Volume());
    }

    /** Figures of one volume. */
    public static final class Volume {
        final LongAdder reads = new LongAdder();
        final LongAdder writes = new LongAdder();
        final LongAdder others = new LongAdder();
        final LongAdder readBytes = new LongAdder();
        final LongAdder writtenBytes = new LongAdder();
        final LongAdder errors = new LongAdder();
        final LongAdder inFlight = new LongAdder();
        private final SingleWriterRecorder readMicros = new SingleWriterRecorder(HIGHEST_MICROS, 2);
        private final SingleWriterRecorder writeMicros = new SingleWriterRecorder(HIGHEST_MICROS, 2);

        Volume() {}

        public long reads() {
            return reads.sum();
        }

        public long writes() {
            return writes.sum();
        }

        /** Flushes, trims, zeroings and block status queries. */
        public long others() {
            return others.sum();
        }

        public long readBytes() {
            return readBytes.sum();
        }

        public long writtenBytes() {
            return writtenBytes.sum();
        }

        /** Commands that were answered by an error, or not at all. */
        public long errors() {
            return errors.sum();
        }

        /** Commands under way now. */
        public long inFlight() {
            return inFlight.sum();
        }

        /** Latency of reads in microseconds; each call of its interval histogram starts a new interval. */
        public SingleWriterRecorder readMicros() {
            return readMicros;
        }

        /** Latency of writes in microseconds; each call of its interval histogram starts a new interval. */
        public SingleWriterRecorder writeMicros() {
            return writeMicros;
        }

        void ended(int wireType, long bytes, int error, long nanos) {
            inFlight.decrement();
            if (error != 0) {
                errors.increment();
            }
            long micros = Math.min(HIGHEST_MICROS, Math.max(0, nanos / 1000));
            if (wireType == NbdWire.CMD_READ) {
                reads.increment();
                readBytes.add(error == 0 ? bytes : 0);
                readMicros.recordValue(micros);
            } else if (wireType == NbdWire.CMD_WRITE) {
                writes.increment();
                writtenBytes.add(error == 0 ? bytes : 0);
                writeMicros.recordValue(micros);
            } else {
                others.increment();
            }
        }
    }
}
