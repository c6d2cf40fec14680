package storage.cairn.replicamanager.failover;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/** Metrics of failover. */
final class FailoverFigures {
    private final MeterRegistry registry;
    private final AtomicLong underWay = new AtomicLong();

    FailoverFigures(MeterRegistry registry) {
        this.registry = registry;
        Gauge.builder("cairn.failover.nodes", underWay, AtomicLong::get)
                .description("Nodes that count as dead now")
                .register(registry);
    }

    void underWay(int nodes) {
        underWay.set(nodes);
    }

    void began(Verdict.Cause cause) {
        registry.counter("cairn.failover.begun", "cause", word(cause)).increment();
    }

    void held(Verdict.Reason reason) {
        registry.counter("cairn.failover.held", "reason", word(reason)).increment();
    }

    private static String word(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    void fenced() {
        registry.counter("cairn.failover.volumes.fenced").increment();
    }

    void deleted() {
        registry.counter("cairn.failover.pods.deleted").increment();
    }

    void returned() {
        registry.counter("cairn.failover.nodes.returned").increment();
    }

    void failed() {
        registry.counter("cairn.failover.steps.failed").increment();
    }
}
