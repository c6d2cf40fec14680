package storage.cairn.engine.posix;

import java.io.IOException;

/** A system call that failed, with what it was called on. */
public final class PosixException extends IOException {
    private final int errno;

    PosixException(String call, String subject, int errno) {
        super(call + " of " + subject + " failed: " + Errno.describe(errno));
        this.errno = errno;
    }

    public int errno() {
        return errno;
    }
}
