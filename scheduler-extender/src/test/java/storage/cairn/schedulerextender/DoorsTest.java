package storage.cairn.schedulerextender;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import storage.cairn.schedulerextender.Wire.BadRequest;

final class DoorsTest {
    private final Figures figures = new Figures();
    private final HttpClient client = HttpClient.newHttpClient();
    private final Doors doors;

    DoorsTest() throws IOException {
        doors = Doors.open(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                Map.of("/filter", body -> {
                    if (body.length == 0) {
                        throw new BadRequest("the body is no JSON");
                    }
                    if (body[0] == '!') {
                        throw new IllegalStateException("a fault of ours");
                    }
                    return Integer.toString(body.length).getBytes(StandardCharsets.UTF_8);
                }),
                figures);
    }

    @AfterEach
    void close() {
        doors.close();
        client.close();
    }

    private HttpResponse<String> post(String path, BodyPublisher body) throws IOException, InterruptedException {
        return client.send(
                HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + doors.port() + path))
                        .POST(body)
                        .build(),
                HttpResponse.BodyHandlers.ofString());
    }

    @Test
    void aBodyIsAnswered() throws Exception {
        assertThat(post("/filter", BodyPublishers.ofString("abc")).body()).isEqualTo("3");
    }

    @Test
    void whatIsWrongIsSaid() throws Exception {
        HttpResponse<String> bad = post("/filter", BodyPublishers.noBody());
        assertThat(bad.statusCode()).isEqualTo(400);
        assertThat(bad.body()).contains("no JSON");
        assertThat(post("/elsewhere", BodyPublishers.noBody()).body()).contains("[/filter]");
        HttpResponse<String> ours = post("/filter", BodyPublishers.ofString("!"));
        assertThat(ours.statusCode()).isEqualTo(500);
        assertThat(ours.body()).contains("a fault of ours");
        assertThat(figures.page()).contains("cairn_scheduler_requests_bad_total 1");
    }

    @Test
    void noConnectionWithTlsIsKeptOverWhoseEndNobodyWouldTell() throws Exception {
        Instant now = Instant.now();
        Certificates.Issued issued = Certificates.issue(List.of("localhost"), now);
        KeyStore believed = KeyStore.getInstance("PKCS12");
        believed.load(null, null);
        believed.setCertificateEntry(
                "webhook",
                CertificateFactory.getInstance("X.509")
                        .generateCertificate(new ByteArrayInputStream(issued.certificate())));
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(believed);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        try (Doors webhook = Doors.openWithTls(
                        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                        Map.of("/pods", body -> body),
                        figures);
                HttpClient secure = HttpClient.newBuilder().sslContext(context).build()) {
            webhook.present(Certificates.context(issued));
            HttpResponse<String> answer = secure.send(
                    HttpRequest.newBuilder(URI.create("https://localhost:" + webhook.port() + "/pods"))
                            .POST(BodyPublishers.ofString("abc"))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(answer.body()).isEqualTo("abc");
            assertThat(answer.headers().firstValue("Connection")).hasValue("close");
        }
    }

    @Test
    void aBodyThatIsTooLargeIsNotRead() throws Exception {
        HttpResponse<String> large = post("/filter", BodyPublishers.ofByteArray(new byte[Wire.MAX_BYTES + 1]));
        assertThat(large.statusCode()).isEqualTo(413);
        assertThat(post("/filter", BodyPublishers.ofByteArray(new byte[Wire.MAX_BYTES]))
                        .statusCode())
                .isEqualTo(200);
    }
}
