package storage.cairn.engine.protocol;

import java.util.UUID;
import storage.cairn.engine.port.Network.BadFrameException;

/**
 * The answer to a {@link Hello}: who answers, and its nonce. On the wire the answerer's proof follows.
 *
 * @param node the answerer's number
 * @param session made at random by each start of the answerer's process
 */
public record Challenge(int node, UUID session, byte[] nonce) {
    public FrameWriter write(FrameWriter out, byte[] proof) {
        return out.begin(FrameType.CHALLENGE, 0)
                .u32(node)
                .id(session)
                .bytes(nonce)
                .bytes(proof);
    }

    /** Reads all but the proof, which is read next by {@code in.bytes(PROOF_BYTES)}. */
    public static Challenge read(FrameReader in) throws BadFrameException {
        return new Challenge(in.u32(), in.id(), in.bytes(Authentication.NONCE_BYTES));
    }
}
