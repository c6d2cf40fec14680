package storage.cairn.client.attach;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Programs that stay behind a device: they run detached, and are known by an argument that only they have. */
final class Helper {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final Duration INTERVAL = Duration.ofMillis(20);

    private final @Nullable Path cgroups;

    /** @param cgroups the host's /sys/fs/cgroup, whose root programs are moved to; null: they stay in that of this one */
    Helper(@Nullable Path cgroups) {
        this.cgroups = cgroups;
    }

    static String boot() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
        } catch (IOException e) {
            throw new UncheckedIOException("/proc/sys/kernel/random/boot_id cannot be read: is /proc mounted?", e);
        }
    }

    /** Starts a program that outlives this one, with its output in {@code log}. */
    long start(Path log, String... line) throws IOException {
        String[] detached = new String[line.length + 1];
        detached[0] = "setsid";
        System.arraycopy(line, 0, detached, 1, line.length);
        ProcessBuilder builder = new ProcessBuilder(detached)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .redirectErrorStream(true);
        builder.environment().merge("PATH", "/usr/sbin:/sbin", (own, more) -> own + ":" + more);
        long pid = builder.start().pid();
        if (cgroups != null) {
            leaveCgroup(cgroups, pid);
        }
        return pid;
    }

    /** cgroups(7): version 1 has a folder for each hierarchy, version 2 has one hierarchy alone. */
    private static void leaveCgroup(Path cgroups, long pid) throws IOException {
        Path unified = cgroups.resolve("cgroup.procs");
        if (Files.exists(unified)) {
            Files.writeString(unified, Long.toString(pid));
            return;
        }
        try (Stream<Path> hierarchies = Files.list(cgroups)) {
            for (Path hierarchy : hierarchies.filter(Files::isDirectory).toList()) {
                Path processes = hierarchy.resolve("cgroup.procs");
                if (Files.exists(processes)) {
                    Files.writeString(processes, Long.toString(pid));
                }
            }
        }
    }

    /** Whether process {@code pid} runs and has {@code argument} among its arguments. */
    static boolean runs(long pid, String argument) {
        if (pid <= 0) {
            return false;
        }
        try {
            byte[] line = Files.readAllBytes(Path.of("/proc", Long.toString(pid), "cmdline"));
            List<String> arguments = Arrays.asList(new String(line, StandardCharsets.UTF_8).split("\0"));
            return arguments.contains(argument);
        } catch (IOException e) {
            // It has ended.
            return false;
        }
    }

    static void end(long pid, String argument) {
        if (runs(pid, argument)) {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroy);
        }
    }

    /** Waits until {@code condition} holds; otherwise fails with what is in {@code log}. */
    static void await(String otherwise, Path log, BooleanSupplier condition) throws IOException {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() >= deadline) {
                throw new AttachException(
                        AttachException.Reason.FAILED,
                        otherwise + " within " + PATIENCE.toSeconds() + " s: " + said(log));
            }
            LockSupport.parkNanos(INTERVAL.toNanos());
        }
    }

    /** What programs wrote into {@code log} so far. */
    static String said(Path log) {
        try {
            return Files.exists(log) ? Files.readString(log).strip() : "";
        } catch (IOException e) {
            throw new UncheckedIOException(log + " cannot be read", e);
        }
    }
}
