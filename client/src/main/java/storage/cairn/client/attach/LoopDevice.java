package storage.cairn.client.attach;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.nio.file.Path;

/**
 * Changes where a loop device ends while it is in use, which losetup cannot: ioctl LOOP_SET_STATUS64 with struct
 * loop_info64 of linux/loop.h.
 *
 * <pre>
 * u64 device, inode, rdevice, offset, sizelimit (at 32) ... 232 bytes
 * </pre>
 */
@SuppressWarnings("restricted")
final class LoopDevice {
    private static final int LOOP_SET_STATUS64 = 0x4C04;
    private static final int LOOP_GET_STATUS64 = 0x4C05;
    private static final int INFO_BYTES = 232;
    private static final int SIZE_LIMIT_OFFSET = 32;
    private static final int READ_WRITE = 2;
    private static final Linker LINKER = Linker.nativeLinker();
    private static final StructLayout ERRNO = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO_VALUE = ERRNO.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final MethodHandle OPEN =
            call("open", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT), 2);
    private static final MethodHandle IOCTL = call(
            "ioctl",
            FunctionDescriptor.of(
                    ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS),
            2);
    private static final MethodHandle CLOSE =
            call("close", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT), 1);

    private LoopDevice() {}

    private static MethodHandle call(String name, FunctionDescriptor descriptor, int firstVariadic) {
        return LINKER.downcallHandle(
                LINKER.defaultLookup().find(name).orElseThrow(),
                descriptor,
                Linker.Option.captureCallState("errno"),
                Linker.Option.firstVariadicArg(firstVariadic));
    }

    /** Lets a device end after {@code sizeBytes} of its file; does nothing if it ends there or behind. */
    static void limit(Path device, long sizeBytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment errno = arena.allocate(ERRNO);
            MemorySegment info = arena.allocate(INFO_BYTES, Long.BYTES);
            int file = checked(
                    (int) OPEN.invokeExact(errno, arena.allocateFrom(device.toString()), READ_WRITE),
                    errno,
                    device,
                    "be opened");
            try {
                checked(
                        (int) IOCTL.invokeExact(errno, file, (long) LOOP_GET_STATUS64, info),
                        errno,
                        device,
                        "be asked");
                if (info.get(ValueLayout.JAVA_LONG, SIZE_LIMIT_OFFSET) < sizeBytes) {
                    info.set(ValueLayout.JAVA_LONG, SIZE_LIMIT_OFFSET, sizeBytes);
                    checked(
                            (int) IOCTL.invokeExact(errno, file, (long) LOOP_SET_STATUS64, info),
                            errno,
                            device,
                            "be made larger");
                }
            } finally {
                int unused = (int) CLOSE.invokeExact(errno, file);
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a system call cannot be made", e);
        }
    }

    private static int checked(int answer, MemorySegment errno, Path device, String what) {
        if (answer < 0) {
            throw new AttachException(
                    AttachException.Reason.FAILED,
                    "loop device " + device + " cannot " + what + ": error " + (int) ERRNO_VALUE.get(errno, 0L));
        }
        return answer;
    }
}
