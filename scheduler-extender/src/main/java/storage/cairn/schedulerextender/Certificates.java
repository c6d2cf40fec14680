package storage.cairn.schedulerextender;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.Date;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.jspecify.annotations.Nullable;

/**
 * The webhook's certificates: which there are to be, which one is served and which ones are believed. A new one is
 * believed for a while before it is served, and the old one for as long as it is valid: so that no pod is missed while
 * the API server still has the old list.
 */
final class Certificates {
    private static final Duration VALID = Duration.ofDays(365);
    private static final Duration RENEW_BEFORE = Duration.ofDays(120);
    private static final Duration OVERLAP = Duration.ofHours(1);
    private static final Duration CLOCK_SKEW = Duration.ofHours(1);
    private static final int LINE = 64;
    private static final int SERIAL_BITS = 120;

    private Certificates() {}

    /**
     * One that signs itself.
     *
     * @param certificate in DER
     * @param key in PKCS #8
     * @param made from when on it is believed
     */
    record Issued(byte[] certificate, byte[] key, Instant made) {
        Instant until() {
            return made.plus(VALID);
        }
    }

    static Issued issue(List<String> dnsNames, Instant now) throws GeneralSecurityException {
        SecureRandom random = new SecureRandom();
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
        generator.initialize(new ECGenParameterSpec("secp256r1"), random);
        KeyPair pair = generator.generateKeyPair();
        Instant made = Instant.ofEpochSecond(now.getEpochSecond());
        return new Issued(
                certificate(pair, dnsNames, made, random), pair.getPrivate().getEncoded(), made);
    }

    private static byte[] certificate(KeyPair pair, List<String> dnsNames, Instant made, SecureRandom random)
            throws GeneralSecurityException {
        X500Name name =
                new X500NameBuilder().addRDN(BCStyle.CN, dnsNames.getFirst()).build();
        GeneralName[] names = dnsNames.stream()
                .map(each -> new GeneralName(GeneralName.dNSName, each))
                .toArray(GeneralName[]::new);
        try {
            return new JcaX509v3CertificateBuilder(
                            name,
                            new BigInteger(SERIAL_BITS, random).add(BigInteger.ONE),
                            Date.from(made.minus(CLOCK_SKEW)),
                            Date.from(made.plus(VALID)),
                            name,
                            pair.getPublic())
                    .addExtension(Extension.basicConstraints, true, new BasicConstraints(true))
                    .addExtension(
                            Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature | KeyUsage.keyCertSign))
                    .addExtension(
                            Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth))
                    .addExtension(Extension.subjectAlternativeName, false, new GeneralNames(names))
                    .build(new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate()))
                    .getEncoded();
        } catch (OperatorCreationException | IOException e) {
            throw new GeneralSecurityException("a certificate cannot be made: " + e.getMessage(), e);
        }
    }

    /** Those that are still valid. */
    static List<Issued> valid(List<Issued> all, Instant now) {
        return all.stream()
                .filter(each -> each.until().isAfter(now))
                .sorted(Comparator.comparing(Issued::made))
                .toList();
    }

    /** Whether it is time for another. */
    static boolean isDue(List<Issued> all, Instant now) {
        return all.stream().noneMatch(each -> each.until().isAfter(now.plus(RENEW_BEFORE)));
    }

    /** The newest of those that were believed for long enough, else the oldest; null: there is none. */
    static @Nullable Issued served(List<Issued> all, Instant now) {
        List<Issued> valid = valid(all, now);
        Issued served = valid.isEmpty() ? null : valid.getFirst();
        for (Issued each : valid) {
            if (!each.made().plus(OVERLAP).isAfter(now)) {
                served = each;
            }
        }
        return served;
    }

    /** All that are believed, in PEM, and that in Base64, as Kubernetes wants a caBundle. */
    static String bundle(List<Issued> all, Instant now) {
        List<String> texts = new ArrayList<>();
        for (Issued each : valid(all, now)) {
            texts.add("-----BEGIN CERTIFICATE-----\n"
                    + Base64.getMimeEncoder(LINE, new byte[] {'\n'}).encodeToString(each.certificate())
                    + "\n-----END CERTIFICATE-----\n");
        }
        return Base64.getEncoder().encodeToString(String.join("", texts).getBytes(StandardCharsets.US_ASCII));
    }

    /** What a server presents. */
    static SSLContext context(Issued issued) throws GeneralSecurityException, IOException {
        Certificate certificate = CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(issued.certificate()));
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        char[] none = {};
        store.setKeyEntry(
                "webhook",
                KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(issued.key())),
                none,
                new Certificate[] {certificate});
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, none);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        return context;
    }
}
