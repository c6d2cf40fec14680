package storage.cairn.engine.node;

import com.sun.management.ThreadMXBean;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.lang.management.ManagementFactory;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.HdrHistogram.SingleWriterRecorder;
import storage.cairn.engine.nbd.NbdMetrics;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.replication.NodeView.ActivityView;
import storage.cairn.engine.replication.NodeView.RebuildView;
import storage.cairn.engine.replication.NodeView.ReplicaState;
import storage.cairn.engine.replication.NodeView.ReplicaView;
import storage.cairn.engine.replication.NodeView.VolumeView;

/**
 * The metrics page. Figures are taken on the event loop all at once for each scrape; latencies are recorded there
 * without allocation, and put together here.
 */
final class EngineMetrics implements AutoCloseable {
    private static final String STORE = "Of the extent store, see docs/metrics.md";

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final JvmGcMetrics collections = new JvmGcMetrics();
    private final Samples samples = new Samples(registry);
    private final Map<SingleWriterRecorder, Latency> latencies = new HashMap<>();
    private final Set<SingleWriterRecorder> seen = new HashSet<>();
    private final Clock loop;
    private final StatusSource status;
    private final LocalDisks disks;
    private final NbdMetrics nbd;
    private final Watchdog watchdog;

    EngineMetrics(Clock loop, StatusSource status, LocalDisks disks, NbdMetrics nbd, Watchdog watchdog) {
        this.loop = loop;
        this.status = status;
        this.disks = disks;
        this.nbd = nbd;
        this.watchdog = watchdog;
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new FileDescriptorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
        collections.bindTo(registry);
    }

    /** All figures in Prometheus' text format. From any thread but the loop; waits for the loop, for 2 s at most. */
    synchronized String page() {
        Taken taken = LoopCalls.ask(
                loop, () -> new Taken(status.take(), disks.figures(), THREADS.getCurrentThreadAllocatedBytes()));
        samples.gauge(
                "cairn.event.loop.stalled",
                "1 while the event loop did not turn for 2 s",
                Tags.empty(),
                taken == null || watchdog.stalled() ? 1 : 0);
        samples.gauge(
                "cairn.resident.bytes", "Resident memory of the engine", Tags.empty(), StatusSource.residentBytes());
        if (taken != null) {
            samples.counter(
                    "cairn.event.loop.allocated.bytes",
                    "Bytes of the heap that the event loop allocated",
                    Tags.empty(),
                    taken.allocatedBytes);
            taken.status.view().volumes().forEach(this::volume);
            for (int i = 0; i < taken.disks.size(); i++) {
                disk(taken.disks.get(i));
            }
            taken.status
                    .view()
                    .peers()
                    .forEach(peer -> samples.gauge(
                            "cairn.peer.connected",
                            "1 while the engine of that node is connected",
                            Tags.of("node", Integer.toString(peer.node())),
                            peer.connected() ? 1 : 0));
        }
        nbd();
        latencies.keySet().retainAll(seen);
        seen.clear();
        samples.dropOthers();
        return registry.scrape();
    }

    /** @param allocatedBytes by the event loop, since its start */
    private record Taken(StatusSource.Taken status, List<LocalDisks.Figures> disks, long allocatedBytes) {}

    private void volume(VolumeView view) {
        Tags volume = Tags.of("volume", view.configuration().name());
        int inSync = view.configuration().inSync().size();
        samples.gauge(
                "cairn.volume.size.bytes",
                "Size that the host sees",
                volume,
                view.configuration().sizeBytes());
        samples.gauge(
                "cairn.volume.epoch",
                "Epoch of the volume",
                volume,
                view.configuration().epoch());
        samples.gauge(
                "cairn.volume.replicas",
                "Replicas of the volume",
                volume,
                view.replicas().size());
        samples.gauge("cairn.volume.in.sync.replicas", "Replicas that hold every acked write", volume, inSync);
        samples.gauge(
                "cairn.volume.min.in.sync",
                "Fewest in-sync replicas that may ack",
                volume,
                view.configuration().minInSync());
        ActivityView activity = view.activity();
        samples.gauge("cairn.volume.owned", "1 on the node that serves the volume", volume, activity == null ? 0 : 1);
        if (activity != null) {
            samples.gauge("cairn.volume.in.flight", "Host operations under way", volume, activity.inFlight());
            samples.gauge(
                    "cairn.volume.parked",
                    "Host operations that wait for a change of the membership",
                    volume,
                    activity.parked());
            samples.gauge("cairn.volume.clients", "Clients that have the volume open", volume, activity.clients());
        }
        for (ReplicaView replica : view.replicas()) {
            Tags tags = volume.and("disk", replica.disk().toString());
            samples.gauge(
                    "cairn.replica.in.sync",
                    "1 while the replica holds every acked write",
                    tags,
                    replica.state() == ReplicaState.IN_SYNC ? 1 : 0);
            RebuildView rebuild = replica.rebuild();
            if (rebuild != null) {
                samples.gauge(
                        "cairn.rebuild.extents.total",
                        "Extents that the rebuild compares",
                        tags,
                        rebuild.extentsTotal());
                samples.gauge(
                        "cairn.rebuild.extents.done", "Extents that are equal by now", tags, rebuild.extentsDone());
                samples.gauge(
                        "cairn.rebuild.copied.bytes", "Bytes that the rebuild copied", tags, rebuild.copiedBytes());
            }
        }
    }

    private void disk(LocalDisks.Figures figures) {
        LocalDisk.Info info = figures.info();
        Tags disk = Tags.of("disk", info.id() == null ? "" : info.id().toString(), "path", info.path());
        samples.gauge(
                "cairn.disk.ready",
                "1 while the disk is served",
                disk,
                info.failure().isEmpty() ? 1 : 0);
        samples.gauge("cairn.disk.capacity.bytes", "Space for data", disk, info.capacityBytes());
        samples.gauge("cairn.disk.free.bytes", "Space for data that is free", disk, info.freeBytes());
        figures.totals().forEach((name, total) -> samples.counter("cairn.store." + name, STORE, disk, total));
        figures.now().forEach((name, value) -> samples.gauge("cairn.store." + name, STORE, disk, value));
        DeviceMeter device = figures.device();
        if (device == null) {
            return;
        }
        samples.gauge("cairn.disk.in.flight", "Operations under way", disk, figures.inFlight());
        for (DeviceMeter.Operation operation : DeviceMeter.Operation.values()) {
            Tags tags = disk.and("operation", operation.name().toLowerCase(java.util.Locale.ROOT));
            DeviceMeter.Figures done = device.figures(operation);
            samples.counter("cairn.disk.operations", "Operations begun", tags, done.count());
            samples.counter("cairn.disk.bytes", "Bytes asked for", tags, done.bytes());
            samples.counter("cairn.disk.errors", "Operations that failed", tags, done.errors());
            latency("cairn.disk.latency.seconds", tags, done.micros());
        }
    }

    private void nbd() {
        samples.gauge("cairn.nbd.connections", "NBD connections open", Tags.empty(), nbd.connections());
        samples.gauge("cairn.nbd.sessions", "NBD connections with an export open", Tags.empty(), nbd.sessions());
        samples.counter("cairn.nbd.turned.away", "NBD connections refused for bounds", Tags.empty(), nbd.turnedAway());
        samples.counter(
                "cairn.nbd.protocol.errors", "NBD connections that sent no NBD", Tags.empty(), nbd.protocolErrors());
        samples.gauge("cairn.nbd.held.bytes", "Block buffers held for clients", Tags.empty(), nbd.heldBytes());
        nbd.volumes().forEach((name, volume) -> {
            Tags tags = Tags.of("volume", name);
            Tags read = tags.and("operation", "read");
            Tags write = tags.and("operation", "write");
            samples.counter("cairn.volume.operations", "Host operations ended", read, volume.reads());
            samples.counter("cairn.volume.operations", "Host operations ended", write, volume.writes());
            samples.counter(
                    "cairn.volume.operations",
                    "Host operations ended",
                    tags.and("operation", "other"),
                    volume.others());
            samples.counter("cairn.volume.bytes", "Bytes read and written by hosts", read, volume.readBytes());
            samples.counter("cairn.volume.bytes", "Bytes read and written by hosts", write, volume.writtenBytes());
            samples.counter("cairn.volume.errors", "Host operations that failed", tags, volume.errors());
            latency("cairn.volume.latency.seconds", read, volume.readMicros());
            latency("cairn.volume.latency.seconds", write, volume.writeMicros());
        });
    }

    private void latency(String name, Tags tags, SingleWriterRecorder recorder) {
        seen.add(recorder);
        double[] seconds = latencies.computeIfAbsent(recorder, Latency::new).seconds(System.nanoTime());
        for (int i = 0; i < seconds.length; i++) {
            samples.gauge(
                    name,
                    "Latency of about the last minute",
                    tags.and("quantile", Double.toString(Latency.QUANTILES[i])),
                    seconds[i]);
        }
    }

    @Override
    public void close() {
        collections.close();
        registry.close();
    }
}
