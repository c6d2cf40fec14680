package storage.cairn.engine.io;

import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringIoEvent;
import io.netty.channel.uring.IoUringIoHandle;
import io.netty.channel.uring.IoUringIoOps;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.posix.Errno;
import storage.cairn.engine.posix.Posix;
import storage.cairn.engine.posix.PosixException;

/** Finds out whether io_uring can be used by this process, and if not, why. */
final class UringProbe {
    private static final int TRIAL_BYTES = 8;
    private static final long TRIAL_VALUE = 0x0123_4567_89ab_cdefL;
    private static final int TRIAL_SECONDS = 5;

    private UringProbe() {}

    /** What speaks against io_uring here, as a clause; null when nothing does so far. */
    static @Nullable String problem() {
        if (IoUring.isAvailable()) {
            return null;
        }
        return explain(IoUring.unavailabilityCause(), read(Path.of("/proc/sys/kernel/io_uring_disabled")));
    }

    /** Writes, syncs and reads back a few bytes of a file through the ring of {@code loop}. */
    static void tryOut(IoEventLoop loop) throws IOException {
        int fd = Posix.openMemory("cairn-io_uring-trial");
        try {
            ByteBuffer memory = ByteBuffer.allocateDirect(2 * TRIAL_BYTES);
            long address = Posix.address(memory);
            memory.putLong(0, TRIAL_VALUE);
            Trial trial = new Trial();
            IoRegistration registration =
                    loop.register(trial).syncUninterruptibly().getNow();
            try {
                trial.expect(registration, UringDevice.write(fd, 0, address, TRIAL_BYTES, (short) 1), TRIAL_BYTES);
                trial.expect(registration, UringDevice.sync(fd, (short) 2), 0);
                trial.expect(
                        registration,
                        UringDevice.read(fd, 0, address + TRIAL_BYTES, TRIAL_BYTES, (short) 3),
                        TRIAL_BYTES);
            } finally {
                registration.cancel();
            }
            if (memory.getLong(TRIAL_BYTES) != TRIAL_VALUE) {
                throw new IOException("what was written is not what was read");
            }
        } finally {
            Posix.close(fd, "the trial file");
        }
    }

    static String explain(@Nullable Throwable cause, String disabled) {
        String said =
                cause == null ? "no cause given" : String.valueOf(rootOf(cause).getMessage());
        if (disabled.equals("2")) {
            return "io_uring is switched off by kernel.io_uring_disabled = 2 (" + said + ")";
        }
        if (disabled.equals("1")) {
            return "io_uring is only for privileged processes by kernel.io_uring_disabled = 1 (" + said + ")";
        }
        if (said.contains("Operation not permitted") || said.contains("Permission denied")) {
            return "io_uring is not permitted, probably by the container runtime's seccomp profile (" + said + ")";
        }
        if (said.contains("Cannot allocate memory")) {
            return "there is too little memory for a ring: the limit of locked memory is " + memlock() + " (" + said
                    + ")";
        }
        if (said.contains("Function not implemented") || said.contains("not supported")) {
            return "the kernel " + kernel() + " has no io_uring, or too little of it (" + said + ")";
        }
        return "io_uring cannot be used on kernel " + kernel() + " (" + said + ")";
    }

    private static Throwable rootOf(Throwable thrown) {
        Throwable root = thrown;
        for (int i = 0; i < 16 && root.getCause() != null; i++) {
            root = root.getCause();
        }
        return root;
    }

    private static String kernel() {
        return System.getProperty("os.version");
    }

    private static String memlock() {
        try {
            return Posix.limit(Posix.RLIMIT_MEMLOCK) + " bytes";
        } catch (PosixException e) {
            return "unknown, " + Errno.describe(e.errno());
        }
    }

    /** The content of a small file, or nothing when this kernel does not have it. */
    private static String read(Path path) {
        try {
            return Files.readString(path, StandardCharsets.US_ASCII).strip();
        } catch (IOException e) {
            return "";
        }
    }

    /** Waits for one operation at a time; called from outside the loop. */
    private static final class Trial implements IoUringIoHandle {
        private final ArrayBlockingQueue<Integer> results = new ArrayBlockingQueue<>(1);

        void expect(IoRegistration registration, IoUringIoOps operation, int expected) throws IOException {
            registration.submit(operation);
            try {
                Integer result = results.poll(TRIAL_SECONDS, TimeUnit.SECONDS);
                if (result == null) {
                    throw new IOException("an operation did not end within " + TRIAL_SECONDS + " s");
                }
                if (result != expected) {
                    throw new IOException("an operation ended with "
                            + (result < 0 ? Errno.describe(-result) : result + " instead of " + expected));
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IOException("interrupted", e);
            }
        }

        @Override
        public void handle(IoRegistration registration, IoEvent event) {
            results.add(((IoUringIoEvent) event).res());
        }

        @Override
        public void registered() {
            // Operations are submitted after this.
        }

        @Override
        public void unregistered() {
            // Each operation was waited for.
        }

        @Override
        public void close() {
            // The file is closed by tryOut.
        }
    }
}
