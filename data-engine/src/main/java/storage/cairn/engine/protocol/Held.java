package storage.cairn.engine.protocol;

import storage.cairn.engine.port.Network.BadFrameException;

/**
 * One entry that a replica holds above its commitSeq: {@code u64 epoch, u64 wseq, u64 block, u32 count, u8 kind}.
 *
 * @param kind 0 write, 1 zero, 2 unmap, 3 resize
 */
public record Held(long epoch, long wseq, int kind, long block, int count) {
    /** Most entries that a replica may hold above its commitSeq. */
    public static final int MAX_TAIL = 4_096;

    private static final int KINDS = 4;

    public void write(FrameWriter out) {
        out.u64(epoch).u64(wseq).u64(block).u32(count).u8(kind);
    }

    public static Held read(FrameReader in) throws BadFrameException {
        long epoch = in.natural();
        long wseq = in.natural();
        long block = in.natural();
        int count = in.count(Integer.MAX_VALUE);
        int kind = in.u8();
        if (kind >= KINDS) {
            throw new BadFrameException("an entry of unknown kind " + kind);
        }
        return new Held(epoch, wseq, kind, block, count);
    }
}
