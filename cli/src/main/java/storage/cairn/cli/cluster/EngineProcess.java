package storage.cairn.cli.cluster;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * One running process, known by its id, the tick it started at and the boot it belongs to, so that neither a recycled
 * id nor a pid file from before a machine reset is ever taken for it. The pid file holds the three on one line.
 */
record EngineProcess(long pid, long startTick, String boot) {
    private static final Path PROC = Path.of("/proc");
    /** Place of the start time in /proc/PID/stat, counted after the parenthesised name: proc_pid_stat(5), field 22. */
    private static final int START_TICK_FIELD = 19;

    /** What the pid file names, if that process still runs. */
    static Optional<EngineProcess> running(Path pidFile) {
        String line;
        try {
            // Whatever bytes a damaged file holds, it names no process then.
            line = Files.readString(pidFile, StandardCharsets.ISO_8859_1).strip();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new UncheckedIOException(pidFile + " cannot be read", e);
        }
        String[] fields = line.split(" ");
        if (fields.length != 3 || !fields[0].matches("\\d{1,10}") || !fields[1].matches("\\d{1,18}")) {
            return Optional.empty();
        }
        EngineProcess named = new EngineProcess(Long.parseLong(fields[0]), Long.parseLong(fields[1]), fields[2]);
        return named.runs() ? Optional.of(named) : Optional.empty();
    }

    /** The process {@code pid} as it is now, if there is one. */
    static Optional<EngineProcess> of(long pid) {
        Optional<String[]> fields = statFields(pid);
        return fields.map(found -> new EngineProcess(pid, Long.parseLong(found[START_TICK_FIELD]), bootId()));
    }

    boolean runs() {
        return of(pid).filter(this::equals).isPresent();
    }

    void writeTo(Path pidFile) throws IOException {
        Path fresh = pidFile.resolveSibling(pidFile.getFileName() + ".new");
        Files.writeString(fresh, pid + " " + startTick + " " + boot + "\n");
        Files.move(fresh, pidFile, StandardCopyOption.ATOMIC_MOVE);
    }

    /** SIGTERM: it ends in order. */
    void terminate() {
        ProcessHandle.of(pid).filter(handle -> runs()).ifPresent(ProcessHandle::destroy);
    }

    /** SIGKILL: it ends at once. */
    void kill() {
        ProcessHandle.of(pid).filter(handle -> runs()).ifPresent(ProcessHandle::destroyForcibly);
    }

    private static Optional<String[]> statFields(long pid) {
        String stat;
        try {
            stat = Files.readString(PROC.resolve(Long.toString(pid)).resolve("stat"));
        } catch (IOException e) {
            // Gone, before or while it was read.
            return Optional.empty();
        }
        String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        // A zombie has ended; only its parent has not looked yet.
        boolean ended = fields.length <= START_TICK_FIELD || fields[0].equals("Z") || fields[0].equals("X");
        return ended ? Optional.empty() : Optional.of(fields);
    }

    private static String bootId() {
        try {
            return Files.readString(PROC.resolve("sys/kernel/random/boot_id")).strip();
        } catch (IOException e) {
            throw new UncheckedIOException("/proc/sys/kernel/random/boot_id cannot be read: is /proc mounted?", e);
        }
    }
}
