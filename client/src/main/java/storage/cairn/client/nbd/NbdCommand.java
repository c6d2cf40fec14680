package storage.cairn.client.nbd;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** One request to an {@link NbdClient} and its outcome; used again and again by whoever made it. */
public final class NbdCommand {
    /** Nobody answered until the client's deadline: the outcome is unknown. */
    public static final int UNREACHABLE = -1;

    /** The client was closed first: the outcome is unknown. */
    public static final int CLOSED = -2;

    static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

    /** What can be asked, with its number on the wire. */
    public enum Type {
        READ(0),
        WRITE(1),
        FLUSH(3),
        TRIM(4),
        WRITE_ZEROES(6);

        final int wire;

        Type(int wire) {
            this.wire = wire;
        }
    }

    /** Told once, on the client's thread, when the command ended. */
    public interface Completion {
        void ended(NbdCommand command);
    }

    private final Completion completion;
    private Type type = Type.FLUSH;
    private long offset;
    private int length;
    private ByteBuffer data = NOTHING;
    private int error;
    private int resends;
    private long submittedNanos;
    private long endedNanos;
    /** Slot while it is under way, else -1. */
    int slot = -1;
    /** Whether it went out on the present connection, or began to. */
    boolean begun;
    /** Bytes of a read that arrived. */
    int received;
    /** An error that a chunk of its reply told. */
    int chunkError;

    @Nullable
    String message;

    public NbdCommand(Completion completion) {
        this.completion = completion;
    }

    /** A read into, or a write of, all bytes of {@code bytes} from index 0 to its capacity. */
    public NbdCommand transfer(Type what, long atOffset, ByteBuffer bytes) {
        return set(what, atOffset, bytes.capacity(), bytes);
    }

    /** A command without data. */
    public NbdCommand range(Type what, long atOffset, int bytesLong) {
        return set(what, atOffset, bytesLong, NOTHING);
    }

    private NbdCommand set(Type what, long atOffset, int bytesLong, ByteBuffer bytes) {
        if (slot >= 0) {
            throw new IllegalStateException("this command is still under way");
        }
        type = what;
        offset = atOffset;
        length = bytesLong;
        data = bytes;
        return this;
    }

    void submitted(long nowNanos) {
        submittedNanos = nowNanos;
        error = 0;
        resends = 0;
        message = null;
        restart();
    }

    void restart() {
        begun = false;
        received = 0;
        chunkError = 0;
    }

    void resent() {
        resends++;
        restart();
    }

    void end(int outcome, long nowNanos) {
        error = outcome;
        endedNanos = nowNanos;
        slot = -1;
        completion.ended(this);
    }

    public Type type() {
        return type;
    }

    public long offset() {
        return offset;
    }

    public int length() {
        return length;
    }

    public ByteBuffer data() {
        return data;
    }

    /** 0, an NBD error, {@link #UNREACHABLE} or {@link #CLOSED}. A write with an error may or may not have happened. */
    public int error() {
        return error;
    }

    /** The error in words. */
    public String errorText() {
        String text = switch (error) {
            case 0 -> "success";
            case UNREACHABLE -> "no node served the volume in time";
            case CLOSED -> "the client was closed";
            case 1 -> "not permitted";
            case 5 -> "input/output error";
            case 12 -> "no memory";
            case 22 -> "invalid argument";
            case 28 -> "no space left";
            case 75 -> "too long";
            case 95 -> "not supported";
            case 108 -> "the server shuts down";
            default -> "NBD error " + error;
        };
        return message == null ? text : text + " (" + message + ")";
    }

    /** How often it was sent again on another connection. */
    public int resends() {
        return resends;
    }

    /** From its submission to its end, with all attempts. */
    public long nanos() {
        return endedNanos - submittedNanos;
    }
}
