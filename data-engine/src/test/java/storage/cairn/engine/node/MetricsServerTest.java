package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Tags;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

final class MetricsServerTest {
    private static HttpResponse<String> get(MetricsServer server, String path) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            return client.send(
                    HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.port() + path))
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
        }
    }

    @Test
    void answersMetricsHealthAndReadinessAndNothingElse() throws Exception {
        try (MetricsServer server = MetricsServer.open(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                () -> "figures\n",
                () -> new MetricsServer.Answer(true, "fine\n"),
                () -> new MetricsServer.Answer(false, "no disk\n"))) {
            assertThat(get(server, "/metrics").body()).isEqualTo("figures\n");
            assertThat(get(server, "/healthz").statusCode()).isEqualTo(200);
            assertThat(get(server, "/readyz").statusCode()).isEqualTo(503);
            assertThat(get(server, "/readyz").body()).isEqualTo("no disk\n");
            assertThat(get(server, "/").statusCode()).isEqualTo(404);
            assertThat(get(server, "/metrics/x").statusCode()).isEqualTo(404);
        }
    }

    @Test
    void metersComeAndGoWithWhatTheyMeasure() {
        PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
        Samples samples = new Samples(registry);
        samples.gauge("cairn.volume.epoch", "Epoch", Tags.of("volume", "a"), 3);
        samples.gauge("cairn.volume.epoch", "Epoch", Tags.of("volume", "b"), 4);
        samples.counter("cairn.volume.errors", "Errors", Tags.of("volume", "a"), 5);
        samples.dropOthers();
        assertThat(registry.scrape())
                .contains("cairn_volume_epoch{volume=\"a\"} 3.0", "cairn_volume_epoch{volume=\"b\"} 4.0")
                .contains("cairn_volume_errors_total{volume=\"a\"} 5.0");
        samples.gauge("cairn.volume.epoch", "Epoch", Tags.of("volume", "b"), 7);
        samples.dropOthers();
        assertThat(registry.scrape())
                .contains("cairn_volume_epoch{volume=\"b\"} 7.0")
                .doesNotContain("volume=\"a\"");
    }
}
