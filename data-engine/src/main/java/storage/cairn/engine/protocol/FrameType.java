package storage.cairn.engine.protocol;

import org.jspecify.annotations.Nullable;

/** What a frame is, by its code on the wire. */
public enum FrameType {
    HELLO(1, false),
    CHALLENGE(2, false),
    PROOF(3, false),
    WELCOME(4, false),
    /** The stream ends: the status and the text say why. */
    REFUSED(5, false),
    PING(6, false),
    PONG(7, false),
    /** Another owner's grant is still live: come again after so many milliseconds. */
    WAIT(8, false),

    RENEW(16, false),
    GRANT(17, false),
    CREATE_REPLICA(18, false),
    ASK_OWNER(19, false),
    ASK_LEASE(20, false),
    RELEASE_VOLUME(21, false),
    TAKE_VOLUME(22, false),
    RESULT(23, false),

    EPOCH_SET(32, false),
    EPOCH_STATE(33, false),
    WRITE(34, true),
    ZERO(35, false),
    RESIZE(36, false),
    ROLL_FORWARD(37, true),
    ACK(38, false),
    NAK(39, false),
    COMMIT(40, false),
    READ(41, false),
    DATA(42, true),
    CREDITS(43, false),
    CREDITS_GRANTED(44, false),
    RESERVE(45, false),
    BLOCK_STATES(46, false),
    STATES(47, false),
    RESYNC_LIST(48, false),
    EXTENTS(49, false),
    CRC_LIST(50, false),
    CRCS(51, false),
    RESYNC_WRITE(52, true),
    REPAIR(53, true),
    VERIFY(54, false),
    VERIFIED(55, false),
    RELEASE(56, false),
    /** The replica's node shuts down: take it out, it serves until then. */
    LEAVING(57, false);

    private static final FrameType[] BY_CODE = new FrameType[64];

    static {
        for (FrameType type : values()) {
            BY_CODE[type.code] = type;
        }
    }

    private final int code;
    private final boolean payload;

    FrameType(int code, boolean payload) {
        this.code = code;
        this.payload = payload;
    }

    public int code() {
        return code;
    }

    /** Whether such a frame may carry blocks. */
    public boolean mayCarryPayload() {
        return payload;
    }

    static @Nullable FrameType of(int code) {
        return code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
    }
}
