package storage.cairn.csi;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** What volumes are called: the caller's name where it can be one, otherwise a digest of it; ids are UUIDs. */
final class VolumeNames {
    /** CSI allows no longer strings. */
    private static final int MAX_BYTES = 128;

    private static final String NAME = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
    private static final String UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    private static final int DIGEST_BYTES = 20;

    private VolumeNames() {}

    /** Name of the volume that a caller calls {@code given}; always the same one. */
    static String of(String given) {
        if (given.isEmpty()) {
            throw CsiException.invalid("name is missing: it is what makes a repeated request the same one");
        }
        if (given.getBytes(StandardCharsets.UTF_8).length > MAX_BYTES) {
            throw CsiException.invalid("name is longer than " + MAX_BYTES + " bytes");
        }
        if (given.chars().anyMatch(Character::isISOControl)) {
            throw CsiException.invalid("name has control characters");
        }
        if (given.matches(NAME)) {
            return given;
        }
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(given.getBytes(StandardCharsets.UTF_8));
            return "csi-" + HexFormat.of().formatHex(digest, 0, DIGEST_BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    static void requireId(String id) {
        if (id.isEmpty()) {
            throw CsiException.invalid("volume_id is missing");
        }
        if (id.getBytes(StandardCharsets.UTF_8).length > MAX_BYTES) {
            throw CsiException.invalid("volume_id is longer than " + MAX_BYTES + " bytes");
        }
    }

    /** Whether a volume can have this id at all. */
    static boolean isId(String id) {
        return id.matches(UUID);
    }
}
