package storage.cairn.engine.nbd;

import static storage.cairn.engine.nbd.NbdWire.*;

import storage.cairn.engine.replication.HostVolume;

/**
 * Which commands are refused before they start, and with which error (specification: "Command flags", "Size
 * constraints", "Error values").
 *
 * @param structured whether reads are answered in chunks
 * @param blockStatus whether block status was negotiated
 * @param gatherBytes longest read that is answered in one piece
 */
record NbdRules(boolean structured, boolean blockStatus, long gatherBytes) {

    /** The error, or 0. Offset and length may be anything; the length was unsigned. */
    int refusal(int flags, int type, long offset, long length, long sizeBytes) {
        if (type > CMD_BLOCK_STATUS || (flags & ~allowedFlags(type)) != 0) {
            return EINVAL;
        }
        if (type == CMD_FLUSH) {
            return offset == 0 && length == 0 ? 0 : EINVAL;
        }
        if (offset < 0 || offset > sizeBytes || length > sizeBytes - offset) {
            return type == CMD_WRITE || type == CMD_WRITE_ZEROES ? ENOSPC : EINVAL;
        }
        return switch (type) {
            case CMD_READ -> length == 0 ? 0 : readRefusal(flags, offset, length);
            case CMD_WRITE_ZEROES -> {
                boolean aligned = offset % PREFERRED_BLOCK_BYTES == 0 && length % PREFERRED_BLOCK_BYTES == 0;
                yield (flags & FLAG_FAST_ZERO) != 0 && !aligned ? ENOTSUP : 0;
            }
            case CMD_BLOCK_STATUS -> blockStatus && length > 0 ? 0 : EINVAL;
            default -> 0;
        };
    }

    private int allowedFlags(int type) {
        return switch (type) {
            case CMD_READ -> structured ? FLAG_FUA | FLAG_DF : FLAG_FUA;
            case CMD_WRITE_ZEROES -> FLAG_FUA | FLAG_NO_HOLE | FLAG_FAST_ZERO;
            case CMD_BLOCK_STATUS -> FLAG_FUA | FLAG_REQ_ONE;
            default -> FLAG_FUA;
        };
    }

    private int readRefusal(int flags, long offset, long length) {
        if (!structured) {
            // Nothing of a simple reply may be sent before all of it was read.
            return length <= gatherBytes ? 0 : EINVAL;
        }
        boolean onePart = length <= HostVolume.MAX_BYTES
                && NbdRequest.blocks(offset, offset + length) * PREFERRED_BLOCK_BYTES <= HostVolume.MAX_BYTES;
        return length > MAX_PAYLOAD_BYTES || ((flags & FLAG_DF) != 0 && !onePart) ? EOVERFLOW : 0;
    }
}
