package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.Condition;
import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Capacity;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageClusterSpec;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.StoragePoolStatus;

/** Which disk goes into which pool, and what each pool has. A disk that is in a pool stays there. */
final class Pools {
    private static final int NEAR_FULL = 75;
    private static final int FULL = 85;
    private static final double HUNDRED = 100;

    private final Observed observed;

    Pools(Observed observed) {
        this.observed = observed;
    }

    /** The pool that is made when nobody has made one. */
    static StoragePool byDefault(StorageClusterSpec spec) {
        StorageClusterSpec.Defaults defaults = spec.defaults();
        StoragePool pool = new StoragePool();
        pool.setMetadata(new ObjectMetaBuilder()
                .withName(Names.DEFAULT_POOL)
                .withLabels(Map.of("app.kubernetes.io/part-of", "cairn"))
                .build());
        pool.setSpec(new StoragePoolSpec(
                null,
                defaults == null ? null : defaults.replicas(),
                defaults == null ? null : defaults.minInSync(),
                null,
                null,
                null,
                null));
        return pool;
    }

    /**
     * @param pools by the name of each disk that is in none yet and belongs to one
     * @param problems disks that two pools want
     */
    record Admissions(Map<String, String> pools, List<String> problems) {}

    Admissions admissions() {
        Map<String, String> admitted = new TreeMap<>();
        List<String> problems = new ArrayList<>();
        for (Disk disk : observed.disks()) {
            if (poolOf(disk) != null
                    || disk.getStatus() == null
                    || disk.getStatus().state() == null
                    || disk.getStatus().state() == DiskStatus.State.FAILED) {
                continue;
            }
            List<String> wanting = wanting(disk);
            if (wanting.size() == 1) {
                admitted.put(disk.getMetadata().getName(), wanting.getFirst());
            } else if (wanting.size() > 1) {
                problems.add("disk " + disk.getMetadata().getName() + " is selected by the pools " + wanting
                        + " and is in none: change the spec.disks of all but one");
            }
        }
        return new Admissions(admitted, problems);
    }

    /** Those that select it; if none does, those that take what is left. */
    private List<String> wanting(Disk disk) {
        List<String> selecting = new ArrayList<>();
        List<String> rest = new ArrayList<>();
        for (StoragePool pool : observed.pools()) {
            if (pool.getMetadata().getDeletionTimestamp() != null) {
                continue;
            }
            StoragePoolSpec.Disks wanted =
                    pool.getSpec() == null ? null : pool.getSpec().disks();
            if (wanted == null) {
                rest.add(pool.getMetadata().getName());
            } else if (selects(wanted, disk)) {
                selecting.add(pool.getMetadata().getName());
            }
        }
        return selecting.isEmpty() ? rest : selecting;
    }

    private static boolean selects(StoragePoolSpec.Disks wanted, Disk disk) {
        DiskStatus status = disk.getStatus();
        if (wanted.nodes() != null && !wanted.nodes().contains(status.node())) {
            return false;
        }
        if (wanted.media() != null && !wanted.media().contains(status.media())) {
            return false;
        }
        return wanted.selector() == null || matches(wanted.selector(), disk);
    }

    private static boolean matches(LabelSelector selector, Disk disk) {
        Map<String, String> labels = disk.getMetadata().getLabels();
        Map<String, String> had = labels == null ? Map.of() : labels;
        Map<String, String> exact = selector.getMatchLabels();
        if (exact != null && !had.entrySet().containsAll(exact.entrySet())) {
            return false;
        }
        for (LabelSelectorRequirement each : selector.getMatchExpressions()) {
            String value = had.get(each.getKey());
            boolean holds = switch (each.getOperator()) {
                case "In" -> value != null && each.getValues().contains(value);
                case "NotIn" -> value == null || !each.getValues().contains(value);
                case "Exists" -> value != null;
                case "DoesNotExist" -> value == null;
                default -> false;
            };
            if (!holds) {
                return false;
            }
        }
        return true;
    }

    private static @Nullable String poolOf(Disk disk) {
        return disk.getSpec() == null ? null : disk.getSpec().pool();
    }

    /** What a pool has now; {@code before} are its conditions so far. */
    StoragePoolStatus status(StoragePool pool) {
        Set<String> nodes = new HashSet<>();
        int disks = 0;
        List<Capacity> capacities = new ArrayList<>();
        for (Disk disk : observed.disks()) {
            DiskStatus status = disk.getStatus();
            if (!pool.getMetadata().getName().equals(poolOf(disk)) || status == null) {
                continue;
            }
            disks++;
            if (status.node() != null) {
                nodes.add(status.node());
            }
            if (status.state() == DiskStatus.State.READY && status.capacity() != null) {
                capacities.add(status.capacity());
            }
        }
        Capacity capacity = sum(capacities);
        long usable = amount(capacity.usableBytes());
        Integer percent = usable == 0 ? null : (int) (amount(capacity.usedBytes()) * HUNDRED / usable);
        List<Condition> before =
                pool.getStatus() == null ? null : pool.getStatus().conditions();
        Conditions conditions = new Conditions(before, pool.getMetadata().getGeneration(), observed.now());
        conditions.set(
                "Ready",
                !capacities.isEmpty(),
                capacities.isEmpty() ? "NoDisks" : "DisksServe",
                capacities.isEmpty()
                        ? "no disk in this pool serves: see kubectl get disks -o wide"
                        : capacities.size() + " of " + disks + " disks serve");
        int warnAt = pool.getSpec() == null || pool.getSpec().nearFullPercent() == null
                ? NEAR_FULL
                : pool.getSpec().nearFullPercent();
        boolean nearFull = percent != null && percent >= warnAt;
        String full = String.join(", ", full(pool));
        conditions.set(
                "NearFull",
                nearFull || !full.isEmpty(),
                nearFull ? "AboveNearFullPercent" : full.isEmpty() ? "EnoughSpace" : "DisksFull",
                nearFull
                        ? percent + " % of the usable space is taken: add disks, or delete volumes"
                        : full.isEmpty()
                                ? "below " + warnAt + " %"
                                : "full are " + full + ", and their replicas move to other disks as far as those have"
                                        + " room: add disks, or delete volumes");
        return new StoragePoolStatus(
                disks, nodes.size(), capacity, percent, pool.getMetadata().getGeneration(), conditions.list());
    }

    /** Its disks that serve and get no new replicas, for lack of space. */
    private List<String> full(StoragePool pool) {
        Integer own = pool.getSpec() == null ? null : pool.getSpec().fullPercent();
        List<String> full = new ArrayList<>();
        for (Disk disk : observed.disks()) {
            DiskStatus status = disk.getStatus();
            Capacity capacity = status == null ? null : status.capacity();
            if (pool.getMetadata().getName().equals(poolOf(disk))
                    && status != null
                    && status.state() == DiskStatus.State.READY
                    && capacity != null
                    && amount(capacity.usableBytes()) > 0
                    && amount(capacity.usedBytes()) * HUNDRED
                            >= amount(capacity.usableBytes()) * (own == null ? FULL : own)) {
                full.add("disk " + disk.getMetadata().getName() + " on " + status.node());
            }
        }
        return full;
    }

    static Capacity sum(List<Capacity> capacities) {
        long raw = 0;
        long usable = 0;
        long used = 0;
        long provisioned = 0;
        for (Capacity each : capacities) {
            raw += amount(each.rawBytes());
            usable += amount(each.usableBytes());
            used += amount(each.usedBytes());
            provisioned += amount(each.provisionedBytes());
        }
        return new Capacity(raw, usable, used, provisioned);
    }

    private static long amount(@Nullable Long bytes) {
        return bytes == null ? 0 : bytes;
    }
}
