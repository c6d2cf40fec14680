package storage.cairn.client.attach;

import java.io.IOException;
import java.nio.file.Path;

/** One way to make a block device of a local NBD socket. */
interface AttachStrategy {
    /** What was made: the device, and by what it is recognised. */
    record Made(String device, String identity) {}

    /** Whether the relay is to announce no size: the strategy limits the device itself, and can let it grow. */
    boolean limitsSize();

    Made make(Path socket, Path log, long sizeBytes) throws IOException;

    /** Lets the device have a larger size while it is in use; does nothing if it has it. */
    void grow(Attachment attachment, long sizeBytes);

    /** Whether the device still is the one that was made. */
    boolean isThere(Attachment attachment);

    /** Takes away what was made, as far as it is still there. */
    void remove(Attachment attachment) throws IOException;
}
