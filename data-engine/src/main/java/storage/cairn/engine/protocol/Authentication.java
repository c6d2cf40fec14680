package storage.cairn.engine.protocol;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * How both ends of a stream prove that they hold the cluster's secret: HMAC-SHA256 over the side's name, the cluster,
 * who both are, what the stream is for and a fresh nonce of each, so that neither a recorded proof nor the other
 * side's own proof is of any use.
 */
public final class Authentication {
    public static final int NONCE_BYTES = 32;
    public static final int PROOF_BYTES = 32;

    private final SecretKeySpec key;
    private final UUID cluster;

    public Authentication(byte[] secret, UUID cluster) {
        this.key = new SecretKeySpec(secret, "HmacSHA256");
        this.cluster = cluster;
    }

    public byte[] ofServer(Hello hello, Challenge challenge) {
        return proof("cairn server", hello, challenge);
    }

    public byte[] ofClient(Hello hello, Challenge challenge) {
        return proof("cairn client", hello, challenge);
    }

    /** Compares in a time that does not depend on the content. */
    public static boolean same(byte[] expected, byte[] actual) {
        return MessageDigest.isEqual(expected, actual);
    }

    private byte[] proof(String side, Hello hello, Challenge challenge) {
        ByteBuffer numbers = ByteBuffer.allocate(16 * 7 + 4 * 4 + 8);
        put(numbers, cluster);
        numbers.putInt(hello.node()).putInt(challenge.node());
        put(numbers, hello.session());
        put(numbers, challenge.session());
        numbers.putInt(hello.role().ordinal());
        put(numbers, hello.volume());
        put(numbers, hello.disk());
        numbers.putInt(hello.storeTerm()).putLong(hello.epoch());
        put(numbers, hello.incarnation());
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            mac.update(side.getBytes(StandardCharsets.US_ASCII));
            mac.update(numbers.array(), 0, numbers.position());
            mac.update(hello.nonce());
            mac.update(challenge.nonce());
            return mac.doFinal();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("this Java lacks HmacSHA256", e);
        }
    }

    private static void put(ByteBuffer numbers, UUID id) {
        numbers.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
    }
}
