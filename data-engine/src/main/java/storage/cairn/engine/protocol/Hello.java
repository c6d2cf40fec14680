package storage.cairn.engine.protocol;

import java.util.UUID;
import storage.cairn.engine.port.Network.BadFrameException;

/**
 * The first frame of a stream: who opens it and what for.
 *
 * @param node the caller's number
 * @param session made at random by each start of the caller's process
 * @param volume of a replica stream, else zero; so for those that follow
 * @param disk the replica's disk
 * @param storeTerm of the configuration by which the caller owns the volume
 * @param epoch of that configuration
 * @param incarnation of the caller's ownership
 */
public record Hello(
        int node,
        UUID session,
        byte[] nonce,
        Role role,
        UUID volume,
        UUID disk,
        int storeTerm,
        long epoch,
        UUID incarnation) {
    public static final UUID NONE = new UUID(0, 0);

    /** What a stream is for. */
    public enum Role {
        PEER,
        /** An owner and a replica of its volume. */
        REPLICA,
        /**
         * The same, and the owner serves already without this replica: every owner before it is fenced by the members
         * that it has, so that no older grant is to be waited for.
         */
        JOINING_REPLICA
    }

    public FrameWriter write(FrameWriter out) {
        return out.begin(FrameType.HELLO, 0)
                .u32(node)
                .id(session)
                .bytes(nonce)
                .u8(role.ordinal())
                .id(volume)
                .id(disk)
                .u32(storeTerm)
                .u64(epoch)
                .id(incarnation);
    }

    public static Hello read(FrameReader in) throws BadFrameException {
        Hello hello = new Hello(
                in.u32(),
                in.id(),
                in.bytes(Authentication.NONCE_BYTES),
                role(in.u8()),
                in.id(),
                in.id(),
                in.u32(),
                in.natural(),
                in.id());
        in.end();
        return hello;
    }

    private static Role role(int code) throws BadFrameException {
        return switch (code) {
            case 0 -> Role.PEER;
            case 1 -> Role.REPLICA;
            case 2 -> Role.JOINING_REPLICA;
            default -> throw new BadFrameException("HELLO for an unknown purpose " + code);
        };
    }
}
