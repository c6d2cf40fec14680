package storage.cairn.engine.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.UUID;
import org.junit.jupiter.api.Test;

final class AuthenticationTest {
    private static final UUID CLUSTER = new UUID(1, 2);
    private static final byte[] SECRET =
            "a secret of sufficient length".getBytes(java.nio.charset.StandardCharsets.US_ASCII);

    private final Authentication ours = new Authentication(SECRET, CLUSTER);
    private final Hello hello = hello(1, 7);
    private final Challenge challenge = new Challenge(2, new UUID(5, 5), nonce(9));

    private static byte[] nonce(int value) {
        byte[] nonce = new byte[Authentication.NONCE_BYTES];
        nonce[0] = (byte) value;
        return nonce;
    }

    private static Hello hello(int node, int nonce) {
        return new Hello(
                node,
                new UUID(3, 3),
                nonce(nonce),
                Hello.Role.REPLICA,
                new UUID(4, 4),
                new UUID(6, 6),
                1,
                12,
                new UUID(8, 8));
    }

    @Test
    void bothSidesOfOneClusterProveThemselves() {
        Authentication theirs = new Authentication(SECRET, CLUSTER);
        assertThat(Authentication.same(ours.ofClient(hello, challenge), theirs.ofClient(hello, challenge)))
                .isTrue();
        assertThat(Authentication.same(ours.ofServer(hello, challenge), theirs.ofServer(hello, challenge)))
                .isTrue();
    }

    @Test
    void aProofIsOfNoUseToTheOtherSide() {
        assertThat(ours.ofClient(hello, challenge)).isNotEqualTo(ours.ofServer(hello, challenge));
    }

    @Test
    void anotherSecretOrClusterProvesNothing() {
        byte[] other = SECRET.clone();
        other[3] ^= 1;
        assertThat(new Authentication(other, CLUSTER).ofClient(hello, challenge))
                .isNotEqualTo(ours.ofClient(hello, challenge));
        assertThat(new Authentication(SECRET, new UUID(1, 3)).ofClient(hello, challenge))
                .isNotEqualTo(ours.ofClient(hello, challenge));
    }

    @Test
    void aRecordedProofIsOfNoUseInAnotherConversation() {
        byte[] recorded = ours.ofClient(hello, challenge);
        assertThat(ours.ofClient(hello(1, 8), challenge)).isNotEqualTo(recorded);
        assertThat(ours.ofClient(hello(3, 7), challenge)).isNotEqualTo(recorded);
        assertThat(ours.ofClient(hello, new Challenge(2, new UUID(5, 5), nonce(10))))
                .isNotEqualTo(recorded);
    }
}
