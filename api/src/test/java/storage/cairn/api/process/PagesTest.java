package storage.cairn.api.process;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

final class PagesTest {
    @Test
    void checksAnswerWhatIsWrongAndMetricsAreServed() throws IOException, InterruptedException {
        AtomicReference<String> unready = new AtomicReference<>("the engine is away");
        try (Pages pages = Pages.open(Pages.address("127.0.0.1:0"), () -> "calls 1\n", () -> "", unready::get)) {
            assertThat(get(pages, "/metrics")).isEqualTo("200 calls 1\n");
            assertThat(get(pages, "/healthz")).isEqualTo("200 ok\n");
            assertThat(get(pages, "/readyz")).isEqualTo("503 the engine is away\n");
            unready.set("");
            assertThat(get(pages, "/readyz")).isEqualTo("200 ok\n");
            assertThat(get(pages, "/other")).isEqualTo("404 use /metrics, /healthz or /readyz\n");
        }
    }

    private static String get(Pages pages, String path) throws IOException, InterruptedException {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> answer = client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + pages.port() + path))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            return answer.statusCode() + " " + answer.body();
        }
    }

    @Test
    void anAddressIsAHostAndAPort() {
        assertThat(Pages.address("127.0.0.1:8080")).isEqualTo(new InetSocketAddress("127.0.0.1", 8080));
        for (String wrong : new String[] {"", "8080", ":8080", "host:", "host:port", "host:99999", "host:-1"}) {
            assertThatIllegalArgumentException().isThrownBy(() -> Pages.address(wrong));
        }
    }
}
