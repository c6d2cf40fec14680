package storage.cairn.schedulerextender;

import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.SecureRandom;
import java.security.Signature;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;

/**
 * Writes a certificate that signs itself, for a server of the given DNS names, which the JDK reads and cannot write.
 *
 * <pre>
 * Certificate (RFC 5280, in DER, X.690):
 *   SEQUENCE
 *     TBSCertificate: [0] version 3, serial number, signature algorithm, issuer, validity, subject, public key,
 *                     [3] extensions: basicConstraints CA, keyUsage, extendedKeyUsage serverAuth, subjectAltName
 *     signature algorithm: ecdsa-with-SHA256
 *     BIT STRING: signature of the TBSCertificate
 * </pre>
 */
final class Der {
    private static final int SEQUENCE = 0x30;
    private static final int SET = 0x31;
    private static final int INTEGER = 0x02;
    private static final int BIT_STRING = 0x03;
    private static final int OCTET_STRING = 0x04;
    private static final int UTF8 = 0x0c;
    private static final int GENERALIZED_TIME = 0x18;
    private static final int CONTEXT_0 = 0xa0;
    private static final int CONTEXT_3 = 0xa3;
    private static final int DNS_NAME = 0x82;
    private static final int SERIAL_BITS = 120;
    private static final byte[] TRUE = {0x01, 0x01, (byte) 0xff};
    private static final byte[] ECDSA_WITH_SHA256 = {
        0x06, 0x08, 0x2a, (byte) 0x86, 0x48, (byte) 0xce, 0x3d, 0x04, 0x03, 0x02
    };
    private static final byte[] COMMON_NAME = {0x06, 0x03, 0x55, 0x04, 0x03};
    private static final byte[] BASIC_CONSTRAINTS = {0x06, 0x03, 0x55, 0x1d, 0x13};
    private static final byte[] KEY_USAGE = {0x06, 0x03, 0x55, 0x1d, 0x0f};
    private static final byte[] EXTENDED_KEY_USAGE = {0x06, 0x03, 0x55, 0x1d, 0x25};
    private static final byte[] SUBJECT_ALT_NAME = {0x06, 0x03, 0x55, 0x1d, 0x11};
    private static final byte[] SERVER_AUTH = {0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
    /** digitalSignature and keyCertSign. */
    private static final byte[] USAGE = {BIT_STRING, 0x02, 0x02, (byte) 0x84};

    private static final DateTimeFormatter TIME =
            DateTimeFormatter.ofPattern("yyyyMMddHHmmss'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

    private Der() {}

    /** @param key of an elliptic curve */
    static byte[] certificate(KeyPair key, List<String> dnsNames, Instant from, Instant until, SecureRandom random)
            throws GeneralSecurityException {
        byte[] algorithm = tagged(SEQUENCE, ECDSA_WITH_SHA256);
        byte[] name = tagged(
                SEQUENCE,
                tagged(
                        SET,
                        tagged(
                                SEQUENCE,
                                COMMON_NAME,
                                tagged(UTF8, dnsNames.getFirst().getBytes(StandardCharsets.UTF_8)))));
        byte[] validity = tagged(SEQUENCE, time(from), time(until));
        byte[] serial = new BigInteger(SERIAL_BITS, random).add(BigInteger.ONE).toByteArray();
        byte[] body = tagged(
                SEQUENCE,
                tagged(CONTEXT_0, tagged(INTEGER, new byte[] {2})),
                tagged(INTEGER, serial),
                algorithm,
                name,
                validity,
                name,
                key.getPublic().getEncoded(),
                tagged(CONTEXT_3, extensions(dnsNames)));
        Signature signature = Signature.getInstance("SHA256withECDSA");
        signature.initSign(key.getPrivate(), random);
        signature.update(body);
        return tagged(SEQUENCE, body, algorithm, tagged(BIT_STRING, new byte[] {0}, signature.sign()));
    }

    private static byte[] extensions(List<String> dnsNames) {
        ByteArrayOutputStream names = new ByteArrayOutputStream();
        for (String dnsName : dnsNames) {
            names.writeBytes(tagged(DNS_NAME, dnsName.getBytes(StandardCharsets.US_ASCII)));
        }
        return tagged(
                SEQUENCE,
                tagged(SEQUENCE, BASIC_CONSTRAINTS, TRUE, tagged(OCTET_STRING, tagged(SEQUENCE, TRUE))),
                tagged(SEQUENCE, KEY_USAGE, TRUE, tagged(OCTET_STRING, USAGE)),
                tagged(SEQUENCE, EXTENDED_KEY_USAGE, tagged(OCTET_STRING, tagged(SEQUENCE, SERVER_AUTH))),
                tagged(SEQUENCE, SUBJECT_ALT_NAME, tagged(OCTET_STRING, tagged(SEQUENCE, names.toByteArray()))));
    }

    private static byte[] time(Instant instant) {
        return tagged(GENERALIZED_TIME, TIME.format(instant).getBytes(StandardCharsets.US_ASCII));
    }

    private static byte[] tagged(int tag, byte[]... parts) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            content.writeBytes(part);
        }
        int length = content.size();
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        whole.write(tag);
        if (length < 0x80) {
            whole.write(length);
        } else if (length < 0x100) {
            whole.write(0x81);
            whole.write(length);
        } else if (length < 0x10000) {
            whole.write(0x82);
            whole.write(length >> 8);
            whole.write(length & 0xff);
        } else {
            throw new IllegalArgumentException("no certificate has " + length + " bytes in one part");
        }
        whole.writeBytes(content.toByteArray());
        return whole.toByteArray();
    }
}
