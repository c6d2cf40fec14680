package storage.cairn.engine.protocol;

import storage.cairn.engine.port.Network.BadFrameException;

/**
 * What some blocks of an extent map to: {@code u64 maxWseq, u32 n, n x u8 state, n x u32 crc, n x u32 wseqLow}.
 *
 * @param states 0 hole, 1 zero, 2 data
 */
public record ExtentMap(byte[] states, int[] crcs, int[] wseqLows, long maxWseq) {
    public static final int MAX_BLOCKS = 256;

    private static final int STATES = 3;

    public void write(FrameWriter out) {
        out.u64(maxWseq).u32(states.length);
        for (int i = 0; i < states.length; i++) {
            out.u8(states[i]);
        }
        for (int i = 0; i < states.length; i++) {
            out.u32(crcs[i]);
        }
        for (int i = 0; i < states.length; i++) {
            out.u32(wseqLows[i]);
        }
    }

    public static ExtentMap read(FrameReader in) throws BadFrameException {
        long maxWseq = in.natural();
        int count = in.count(MAX_BLOCKS);
        byte[] states = in.bytes(count);
        for (byte state : states) {
            if (state < 0 || state >= STATES) {
                throw new BadFrameException("a block of unknown state " + state);
            }
        }
        int[] crcs = new int[count];
        for (int i = 0; i < count; i++) {
            crcs[i] = in.u32();
        }
        int[] wseqLows = new int[count];
        for (int i = 0; i < count; i++) {
            wseqLows[i] = in.u32();
        }
        return new ExtentMap(states, crcs, wseqLows, maxWseq);
    }
}
