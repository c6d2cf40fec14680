package storage.cairn.schedulerextender;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import org.junit.jupiter.api.Test;
import storage.cairn.schedulerextender.Certificates.Issued;

final class CertificatesTest {
    private static final Instant NOW = Instant.parse("2026-11-21T12:00:00Z");

    private static Issued made(Duration ago) throws Exception {
        return Certificates.issue(List.of("cairn-scheduler.cairn-system.svc", "localhost"), NOW.minus(ago));
    }

    @Test
    void theJdkReadsWhatIsWrittenAndItSignsItself() throws Exception {
        Issued issued = made(Duration.ZERO);
        X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                .generateCertificate(new ByteArrayInputStream(issued.certificate()));
        certificate.verify(certificate.getPublicKey());
        certificate.checkValidity(Date.from(NOW));
        List<String> names = certificate.getSubjectAlternativeNames().stream()
                .map(each -> String.valueOf(each.get(1)))
                .toList();
        assertThat(names).containsExactly("cairn-scheduler.cairn-system.svc", "localhost");
        assertThat(certificate.getBasicConstraints()).as("a CA").isGreaterThanOrEqualTo(0);
        assertThat(certificate.getExtendedKeyUsage()).containsExactly("1.3.6.1.5.5.7.3.1");
        assertThat(certificate.getSerialNumber().signum()).isPositive();
    }

    @Test
    void anotherOneIsMadeLongBeforeTheLastEnds() throws Exception {
        assertThat(Certificates.isDue(List.of(), NOW)).isTrue();
        assertThat(Certificates.isDue(List.of(made(Duration.ofDays(244))), NOW)).isFalse();
        assertThat(Certificates.isDue(List.of(made(Duration.ofDays(246))), NOW)).isTrue();
        assertThat(Certificates.isDue(List.of(made(Duration.ofDays(246)), made(Duration.ZERO)), NOW))
                .isFalse();
    }

    @Test
    void aNewOneIsBelievedForAnHourBeforeItIsServed() throws Exception {
        Issued old = made(Duration.ofDays(250));
        Issued fresh = made(Duration.ofMinutes(59));
        List<Issued> both = List.of(fresh, old);
        assertThat(Certificates.served(both, NOW)).isSameAs(old);
        assertThat(Certificates.served(both, NOW.plus(Duration.ofMinutes(2)))).isSameAs(fresh);
        assertThat(Certificates.served(List.of(fresh), NOW)).as("the first one").isSameAs(fresh);
        String bundle =
                new String(Base64.getDecoder().decode(Certificates.bundle(both, NOW)), StandardCharsets.US_ASCII);
        assertThat(bundle.split("BEGIN CERTIFICATE", -1)).hasSize(3);
    }

    @Test
    void oneThatEndedIsNeitherServedNorBelieved() throws Exception {
        Issued ended = made(Duration.ofDays(366));
        assertThat(Certificates.served(List.of(ended), NOW)).isNull();
        assertThat(Certificates.bundle(List.of(ended), NOW)).isEmpty();
    }
}
