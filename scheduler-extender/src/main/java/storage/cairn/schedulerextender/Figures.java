package storage.cairn.schedulerextender;

import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Metrics of the scheduler extender. */
final class Figures {
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final Timer filters = timer("cairn.scheduler.filter", "Time to say which nodes will do, for pods of ours");
    private final Timer scores = timer("cairn.scheduler.prioritize", "Time to score nodes, for pods of ours");
    private final DistributionSummary nodes = DistributionSummary.builder("cairn.scheduler.nodes")
            .description("Nodes asked for at once")
            .register(registry);

    Figures() {
        new JvmMemoryMetrics().bindTo(registry);
    }

    private Timer timer(String name, String description) {
        return Timer.builder(name)
                .description(description)
                .publishPercentiles(0.5, 0.99, 1)
                .register(registry);
    }

    void gauge(String name, String description, Supplier<Number> value) {
        Gauge.builder(name, value).description(description).register(registry);
    }

    void filtered(int asked, int refused, long nanos) {
        filters.record(nanos, TimeUnit.NANOSECONDS);
        nodes.record(asked);
        registry.counter("cairn.scheduler.nodes.refused").increment(refused);
        if (asked > 0 && refused == asked) {
            registry.counter("cairn.scheduler.pods.refused").increment();
        }
    }

    void prioritized(long nanos) {
        scores.record(nanos, TimeUnit.NANOSECONDS);
    }

    void badRequest() {
        registry.counter("cairn.scheduler.requests.bad").increment();
    }

    /** A pod came by the webhook. */
    void admitted(Routing.Outcome outcome) {
        registry.counter(
                        "cairn.scheduler.webhook.pods",
                        "outcome",
                        outcome.getClass().getSimpleName())
                .increment();
    }

    String page() {
        return registry.scrape();
    }
}
