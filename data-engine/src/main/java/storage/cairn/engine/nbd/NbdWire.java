package storage.cairn.engine.nbd;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;
import storage.cairn.engine.port.Status;

/**
 * Numbers and message headers of the NBD protocol, with the section of its specification (the file
 * {@code doc/proto.md} of the nbd project) that defines them. All integers are big-endian.
 *
 * <pre>
 * greeting            u64 NBDMAGIC, u64 IHAVEOPT, u16 handshake flags     answered by u32 client flags
 * option              u64 IHAVEOPT, u32 option, u32 length, data
 * option reply        u64 0x3e889045565a9, u32 option, u32 type, u32 length, data
 * request             u32 0x25609513, u16 flags, u16 type, u64 cookie, u64 offset, u32 length, data of a write
 * simple reply        u32 0x67446698, u32 error, u64 cookie, data of a read
 * structured chunk    u32 0x668e33ef, u16 flags, u16 type, u64 cookie, u32 length, payload
 * </pre>
 */
final class NbdWire {
    // "Newstyle negotiation"
    static final long NBDMAGIC = 0x4e42444d41474943L;
    static final long IHAVEOPT = 0x49484156454f5054L;
    static final long OPTION_REPLY_MAGIC = 0x3e889045565a9L;
    static final int CLIENT_FLAGS_BYTES = 4;
    static final int OPTION_BYTES = 16;
    static final int OPTION_REPLY_BYTES = 20;
    static final int ZEROES_BYTES = 124;

    // "Handshake flags" and "Client flags": the same bits
    static final int FIXED_NEWSTYLE = 1;
    static final int NO_ZEROES = 2;

    // "Transmission flags"
    static final int HAS_FLAGS = 1;
    static final int SEND_FLUSH = 1 << 2;
    static final int SEND_FUA = 1 << 3;
    static final int SEND_TRIM = 1 << 5;
    static final int SEND_WRITE_ZEROES = 1 << 6;
    static final int SEND_DF = 1 << 7;
    static final int CAN_MULTI_CONN = 1 << 8;
    static final int SEND_CACHE = 1 << 10;
    static final int SEND_FAST_ZERO = 1 << 11;

    // "Option types"
    static final int OPT_EXPORT_NAME = 1;
    static final int OPT_ABORT = 2;
    static final int OPT_LIST = 3;
    static final int OPT_STARTTLS = 5;
    static final int OPT_INFO = 6;
    static final int OPT_GO = 7;
    static final int OPT_STRUCTURED_REPLY = 8;
    static final int OPT_LIST_META_CONTEXT = 9;
    static final int OPT_SET_META_CONTEXT = 10;

    // "Option reply types"
    static final int REP_ACK = 1;
    static final int REP_SERVER = 2;
    static final int REP_INFO = 3;
    static final int REP_META_CONTEXT = 4;
    static final int REP_ERR_UNSUP = 0x80000001;
    static final int REP_ERR_POLICY = 0x80000002;
    static final int REP_ERR_INVALID = 0x80000003;
    static final int REP_ERR_UNKNOWN = 0x80000006;
    static final int REP_ERR_SHUTDOWN = 0x80000007;
    static final int REP_ERR_TOO_BIG = 0x80000009;

    // "NBD_REP_INFO"
    static final int INFO_EXPORT = 0;
    static final int INFO_NAME = 1;
    static final int INFO_DESCRIPTION = 2;
    static final int INFO_BLOCK_SIZE = 3;

    // "Metadata querying"
    static final String ALLOCATION = "base:allocation";
    static final int ALLOCATION_ID = 1;
    static final int STATE_HOLE = 1;
    static final int STATE_ZERO = 2;

    // "Request message", "Request types"
    static final int REQUEST_MAGIC = 0x25609513;
    static final int REQUEST_BYTES = 28;
    static final int CMD_READ = 0;
    static final int CMD_WRITE = 1;
    static final int CMD_DISC = 2;
    static final int CMD_FLUSH = 3;
    static final int CMD_TRIM = 4;
    static final int CMD_CACHE = 5;
    static final int CMD_WRITE_ZEROES = 6;
    static final int CMD_BLOCK_STATUS = 7;

    // "Command flags"
    static final int FLAG_FUA = 1;
    static final int FLAG_NO_HOLE = 1 << 1;
    static final int FLAG_DF = 1 << 2;
    static final int FLAG_REQ_ONE = 1 << 3;
    static final int FLAG_FAST_ZERO = 1 << 4;

    // "Simple reply message", "Structured reply chunk message", "Structured reply types"
    static final int SIMPLE_REPLY_MAGIC = 0x67446698;
    static final int SIMPLE_REPLY_BYTES = 16;
    static final int CHUNK_MAGIC = 0x668e33ef;
    static final int CHUNK_BYTES = 20;
    static final int REPLY_DONE = 1;
    static final int CHUNK_NONE = 0;
    static final int CHUNK_OFFSET_DATA = 1;
    static final int CHUNK_BLOCK_STATUS = 5;
    static final int CHUNK_ERROR = 0x8001;

    // "Error values"
    static final int EIO = 5;
    static final int EINVAL = 22;
    static final int ENOSPC = 28;
    static final int EOVERFLOW = 75;
    static final int ENOTSUP = 95;

    // "Size constraints": the default that every client may count on.
    static final int MIN_BLOCK_BYTES = 1;
    static final int PREFERRED_BLOCK_BYTES = 4096;
    static final int MAX_PAYLOAD_BYTES = 32 << 20;

    /** Longest string of the protocol ("Values": strings). */
    static final int MAX_STRING_BYTES = 4096;

    private NbdWire() {}

    static void greeting(ByteBuf out) {
        out.writeLong(NBDMAGIC).writeLong(IHAVEOPT).writeShort(FIXED_NEWSTYLE | NO_ZEROES);
    }

    static void optionReply(ByteBuf out, int option, int type, int length) {
        out.writeLong(OPTION_REPLY_MAGIC).writeInt(option).writeInt(type).writeInt(length);
    }

    static void optionReply(ByteBuf out, int option, int type, String text) {
        byte[] bytes = bounded(text);
        optionReply(out, option, type, bytes.length);
        out.writeBytes(bytes);
    }

    /** The text in UTF-8, cut to the longest string that the protocol allows. */
    static byte[] bounded(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return bytes.length <= MAX_STRING_BYTES ? bytes : java.util.Arrays.copyOf(bytes, MAX_STRING_BYTES);
    }

    static void simpleReply(ByteBuf out, int error, long cookie) {
        out.writeInt(SIMPLE_REPLY_MAGIC).writeInt(error).writeLong(cookie);
    }

    static void chunk(ByteBuf out, int flags, int type, long cookie, int length) {
        out.writeInt(CHUNK_MAGIC)
                .writeShort(flags)
                .writeShort(type)
                .writeLong(cookie)
                .writeInt(length);
    }

    static int transmissionFlags(boolean structured) {
        return HAS_FLAGS
                | SEND_FLUSH
                | SEND_FUA
                | SEND_TRIM
                | SEND_WRITE_ZEROES
                | CAN_MULTI_CONN
                | SEND_CACHE
                | SEND_FAST_ZERO
                | (structured ? SEND_DF : 0);
    }

    /**
     * The NBD error of a status that says how an operation ended, 0 for OK. Not for those that say that the volume
     * went away from under it ({@link #outcomeUnknown}).
     */
    static int errno(Status status) {
        return switch (status) {
            case OK -> 0;
            case NO_SPACE -> ENOSPC;
            case INVALID -> EINVAL;
            case CORRUPT, DISK_FAILED, BUSY, UNAVAILABLE, STALE_EPOCH, NOT_FOUND, FENCED, CONFLICT -> EIO;
        };
    }

    /**
     * Whether an operation with this status may have happened or may yet happen under another owner. Such a command
     * gets no reply at all: the connection closes and the client asks elsewhere.
     */
    static boolean outcomeUnknown(Status status) {
        return switch (status) {
            case STALE_EPOCH, FENCED, NOT_FOUND, CONFLICT -> true;
            case OK, NO_SPACE, INVALID, CORRUPT, DISK_FAILED, BUSY, UNAVAILABLE -> false;
        };
    }
}
