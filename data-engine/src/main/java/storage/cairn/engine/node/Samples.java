package storage.cairn.engine.node;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;

/**
 * Keeps meters of a registry in step with figures that are taken all at once: volumes and disks come and go, and with
 * them their meters. One thread at a time.
 */
final class Samples {
    private final MeterRegistry registry;
    private final Map<Key, Held> held = new HashMap<>();
    private final Set<Key> taken = new HashSet<>();

    Samples(MeterRegistry registry) {
        this.registry = registry;
    }

    private record Key(String name, Tags tags) {}

    /** The number a meter shows, and the meter. */
    private static final class Held {
        private volatile double value;
        private final Meter meter;

        Held(MeterRegistry registry, Key key, boolean counter, String help) {
            this.meter = counter
                    ? FunctionCounter.builder(key.name, this, held -> held.value)
                            .tags(key.tags)
                            .description(help)
                            .register(registry)
                    : Gauge.builder(key.name, this, held -> held.value)
                            .tags(key.tags)
                            .description(help)
                            .register(registry);
        }
    }

    void gauge(String name, String help, Tags tags, double value) {
        put(name, help, tags, value, false);
    }

    /** What only grows until the process ends. */
    void counter(String name, String help, Tags tags, double value) {
        put(name, help, tags, value, true);
    }

    private void put(String name, String help, Tags tags, double value, boolean counter) {
        Key key = new Key(name, tags);
        taken.add(key);
        held.computeIfAbsent(key, absent -> new Held(registry, absent, counter, help)).value = value;
    }

    /** Drops the meters of what was not put since the last call. */
    void dropOthers() {
        for (Iterator<Map.Entry<Key, Held>> all = held.entrySet().iterator(); all.hasNext(); ) {
            Map.Entry<Key, Held> entry = all.next();
            if (!taken.contains(entry.getKey())) {
                registry.remove(entry.getValue().meter);
                all.remove();
            }
        }
        taken.clear();
    }
}
