package storage.cairn.engine.node;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.kube.DiskReport;
import storage.cairn.engine.kube.NodeResources;
import storage.cairn.engine.node.DiskDiscovery.Found;
import storage.cairn.engine.node.EngineConfig.DiskConfig;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log.Level;
import storage.cairn.engine.replication.NodeView;

/**
 * Takes the disks of this node into use that somebody put into a pool, and tells of all that it sees. A disk that is
 * in no pool is only looked at.
 */
final class DiskAdmission {
    private static final String ABSENT =
            "it is not among the disks that are found and selected on its node any more: connect"
                    + " it again; replicas on it are rebuilt on other disks when it stays away";
    private static final String TAKEN_AWAY =
            "it is not on its node any more, as is right for a disk that was evacuated: 'kubectl delete disk %s' forgets"
                    + " it; if it was taken away before it was empty, connect it again";

    private static final String COPY =
            "%s carries the label of disk %s, %s, so that it is left alone: it is a copy (of dd, a snapshot or a cloned"
                    + " machine); wipe it (wipefs, and the first and last MiB) or take it away";

    private final Looking discovery;
    private final InUse disks;
    private final Labels labels;
    private final String bootId;
    private final String ioMode;
    /** What was found last, by path; those in use stay as they were found. */
    private final Map<String, Found> found = new TreeMap<>();
    /** Disks that carry the label of another one, by path. */
    private Map<String, Copy> copies = new TreeMap<>();

    private Map<String, Copy> copiesBefore = Map.of();
    /** Why a disk of a pool could not be opened at the last attempt, by path. */
    private final Map<String, String> refused = new TreeMap<>();
    /** Disk resources as their watch tells them. */
    private final Map<UUID, Wanted> wanted = new ConcurrentHashMap<>();

    /** Whether somebody has looked: until then nothing can be said of what is not there. */
    private boolean looked;

    /**
     * @param here whether it was last seen on this node
     */
    private record Wanted(String pool, boolean evacuate, boolean here) {}

    /**
     * A disk that is left alone.
     *
     * @param text what is to be said of it
     */
    private record Copy(UUID label, String text) {}

    /** The disks that this engine serves. */
    interface InUse {
        boolean uses(String path);

        /** Opens one more; answers why it cannot be served, empty when it is. */
        String admit(DiskConfig wanted, DiskId label);
    }

    /** Who may serve the disk of a label: a drive that was moved brings it along, a copy does not. */
    interface Labels {
        /** Takes the label for this node; answers who has it, empty when it was had. */
        String claim(UUID label);
    }

    /** Finds the disks of this node, as {@link DiskDiscovery} does. */
    interface Looking {
        List<Found> look(NodeResources.Selection selection, Predicate<String> inUse);
    }

    DiskAdmission(Looking discovery, InUse disks, Labels labels, String bootId, String ioMode) {
        this.discovery = discovery;
        this.disks = disks;
        this.labels = labels;
        this.bootId = bootId;
        this.ioMode = ioMode;
    }

    /** From any thread. */
    void disk(UUID id, String pool, boolean evacuate, boolean here) {
        wanted.put(id, new Wanted(pool, evacuate, here));
    }

    void gone(UUID id) {
        wanted.remove(id);
    }

    /** Looks at the disks, and opens those that are in a pool. */
    void look(NodeResources.Selection selection) {
        Map<String, Found> now = new TreeMap<>();
        for (Found each : discovery.look(selection, disks::uses)) {
            now.put(each.path(), each);
        }
        found.keySet().removeIf(path -> !disks.uses(path));
        copiesBefore = copies;
        copies = new TreeMap<>();
        leaveCopies(now);
        now.forEach(found::putIfAbsent);
        refused.keySet().retainAll(now.keySet());
        looked = true;
        for (Found each : now.values()) {
            Wanted want = wanted.get(each.id());
            if (want != null && !want.pool().isEmpty() && each.problem().isEmpty()) {
                open(each);
            }
        }
    }

    /**
     * Of those that carry one label the one that is served here goes on; where none is, nobody knows which of them is
     * the disk, and an older copy would give back old data.
     */
    private void leaveCopies(Map<String, Found> now) {
        Map<UUID, List<Found>> same = new TreeMap<>();
        now.values().stream()
                .filter(Found::ours)
                .forEach(each ->
                        same.computeIfAbsent(each.id(), _ -> new ArrayList<>()).add(each));
        same.forEach((label, all) -> {
            List<String> served = found.values().stream()
                    .filter(each -> each.id().equals(label))
                    .map(Found::path)
                    .toList();
            if (served.isEmpty() && all.size() == 1) {
                return;
            }
            for (Found each : all) {
                String others = served.isEmpty()
                        ? "as others on this node do ("
                                + all.stream().map(Found::path).collect(Collectors.joining(", ")) + ")"
                        : "which is served from " + served.getFirst();
                isCopy(each, others);
                now.remove(each.path());
            }
        });
    }

    private void isCopy(Found each, String why) {
        Copy copy = new Copy(each.id(), COPY.formatted(each.path(), each.id(), why));
        copies.put(each.path(), copy);
        if (!copy.equals(copiesBefore.get(each.path()))) {
            EngineLog.event(Level.WARN, "DuplicateDisk", copy.text());
        }
    }

    /** The disks that are in service here, as they are wanted. */
    List<NodeMemory.Held> held() {
        List<NodeMemory.Held> held = new ArrayList<>();
        for (Found each : found.values()) {
            Wanted want = wanted.get(each.id());
            if (want != null && disks.uses(each.path())) {
                held.add(new NodeMemory.Held(each.id(), want.pool(), want.evacuate()));
            }
        }
        return held;
    }

    /** What is to be said of this node's disks that no Disk tells; empty when nothing is. */
    String remark() {
        return copies.values().stream().map(Copy::text).collect(Collectors.joining(". "));
    }

    private void open(Found each) {
        String holder = each.ours() ? labels.claim(each.id()) : "";
        if (!holder.isEmpty()) {
            isCopy(each, holder);
            found.remove(each.path());
            return;
        }
        String problem = disks.admit(new DiskConfig(each.path(), each.makeBytes(), false), new DiskId(each.id()));
        if (problem.isEmpty()) {
            refused.remove(each.path());
            EngineLog.event(
                    Level.INFO,
                    "DiskAdmitted",
                    "disk=" + each.id() + " path=" + each.path() + (each.ours() ? "" : " formatted"));
        } else {
            refused.put(each.path(), problem);
        }
    }

    /** How each disk is, as of now. */
    List<DiskReport> reports(StatusSource.Taken taken) {
        List<DiskReport> reports = new ArrayList<>();
        for (Found each : found.values()) {
            LocalDisk.Info info = info(taken, each.path());
            if (info == null) {
                String problem = each.problem().isEmpty() ? refused.getOrDefault(each.path(), "") : each.problem();
                reports.add(report(each, problem.isEmpty() ? "Discovered" : "Failed", problem, "", 0, 0, null));
            } else {
                Wanted want = wanted.get(each.id());
                boolean evacuate = want != null && want.evacuate();
                String state = info.failure().isEmpty() ? (evacuate ? "Draining" : "Ready") : "Failed";
                reports.add(report(
                        each,
                        state,
                        info.failure(),
                        info.volatileCache() ? "writeBack" : "writeThrough",
                        info.capacityBytes(),
                        info.capacityBytes() - info.freeBytes(),
                        view(taken, each.id())));
            }
        }
        if (looked) {
            Set<UUID> there = found.values().stream().map(Found::id).collect(Collectors.toSet());
            reportCopies(reports, there);
            wanted.forEach((id, want) -> {
                if (want.here() && !want.pool().isEmpty() && !there.contains(id)) {
                    reports.add(DiskReport.absent(id.toString(), want.evacuate() ? TAKEN_AWAY.formatted(id) : ABSENT));
                }
            });
        }
        return reports;
    }

    /** Several disks of this node carry the label of one that nobody serves: its Disk says so. */
    private void reportCopies(List<DiskReport> reports, Set<UUID> there) {
        wanted.forEach((id, want) -> {
            Optional<Copy> copy = copies.values().stream()
                    .filter(each -> each.label().equals(id))
                    .findFirst();
            if (want.here() && copy.isPresent() && there.add(id)) {
                reports.add(DiskReport.absent(id.toString(), copy.get().text()));
            }
        });
    }

    private DiskReport report(
            Found of,
            String state,
            String reason,
            String durability,
            long usableBytes,
            long usedBytes,
            NodeView.@Nullable DiskView view) {
        return new DiskReport(
                of.id().toString(),
                state,
                reason,
                of.path(),
                bootId,
                new DiskReport.Space(of.bytes(), usableBytes, usedBytes),
                of.media(),
                of.model(),
                of.serial(),
                durability,
                ioMode,
                view == null ? 0 : view.replicas(),
                view == null ? 0 : view.checksumErrors());
    }

    private static LocalDisk.@Nullable Info info(StatusSource.Taken taken, String path) {
        for (LocalDisk.Info info : taken.own()) {
            if (Path.of(info.path()).equals(Path.of(path))) {
                return info;
            }
        }
        return null;
    }

    private static NodeView.@Nullable DiskView view(StatusSource.Taken taken, UUID id) {
        for (NodeView.DiskView view : taken.view().disks()) {
            if (view.disk().uuid().equals(id)) {
                return view;
            }
        }
        return null;
    }
}
