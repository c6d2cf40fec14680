package storage.cairn.replicamanager;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import storage.cairn.replicamanager.VolumePlan.Plan;

/** Metrics of the replica manager. */
final class Figures {
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final AtomicLong volumes = gauge("cairn.manager.volumes", "Volumes");
    private final AtomicLong stuck = gauge("cairn.manager.volumes.stuck", "Volumes for which something cannot be done");
    private final AtomicLong orphans =
            gauge("cairn.manager.orphans", "Memberships of living volumes without a Volume resource");
    private final AtomicLong leader = gauge("cairn.manager.leader", "1: this process decides");
    private final Timer sweeps = Timer.builder("cairn.manager.sweep")
            .description("Time of one sweep")
            .register(registry);

    MeterRegistry registry() {
        return registry;
    }

    private AtomicLong gauge(String name, String description) {
        AtomicLong value = new AtomicLong();
        Gauge.builder(name, value, AtomicLong::get).description(description).register(registry);
        return value;
    }

    void leads(boolean now) {
        leader.set(now ? 1 : 0);
    }

    void swept(Cluster cluster, Map<String, Plan> plans, int orphanCount, long nanos) {
        volumes.set(cluster.volumes().size());
        stuck.set(plans.values().stream()
                .filter(plan -> !plan.trouble().isEmpty())
                .count());
        orphans.set(orphanCount);
        sweeps.record(nanos, TimeUnit.NANOSECONDS);
    }

    void failed() {
        registry.counter("cairn.manager.sweeps.failed").increment();
    }

    void acted(Action action, boolean done) {
        registry.counter(
                        "cairn.manager.actions",
                        "action",
                        action.getClass().getSimpleName(),
                        "done",
                        Boolean.toString(done))
                .increment();
    }

    String page() {
        return registry.scrape();
    }
}
