package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.engine.kube.DiskReport;
import storage.cairn.engine.kube.NodeResources.FileDisk;
import storage.cairn.engine.kube.NodeResources.Selection;
import storage.cairn.engine.node.EngineConfig.DiskConfig;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.replication.NodeView;

final class DiskAdmissionTest {
    private static final long BYTES = 512 << 20;
    private static final UUID CLUSTER = new UUID(1, 2);
    private static final UUID LABEL = new UUID(3, 4);

    @TempDir
    private Path folder;

    private final List<String> tried = new ArrayList<>();
    private final List<String> served = new ArrayList<>();
    private String answer = "";
    private String holder = "";

    private final class Served implements DiskAdmission.InUse {
        @Override
        public boolean uses(String path) {
            return served.contains(path);
        }

        @Override
        public String admit(DiskConfig wanted, DiskId label) {
            tried.add(wanted.path());
            if (answer.isEmpty()) {
                served.add(wanted.path());
            }
            return answer;
        }
    }

    private Selection selection(String device, String excluded) {
        return new Selection(
                device.isEmpty() ? List.of() : List.of(device),
                excluded.isEmpty() ? List.of() : List.of(excluded),
                List.of(),
                0,
                "",
                List.of(new FileDisk(folder.resolve("disk").toString(), BYTES)));
    }

    private DiskAdmission admission() {
        return new DiskAdmission(
                new DiskDiscovery(CLUSTER, "node-a", folder.resolve("sys"))::look,
                new Served(),
                label -> holder,
                "boot",
                "pool");
    }

    private static List<DiskReport> reports(DiskAdmission admission) {
        NodeView nothing = new NodeView(1, List.of(), List.of(), List.of());
        return admission.reports(new StatusSource.Taken(nothing, List.of()));
    }

    @Test
    void aDiskOfAPoolThatCannotBeOpenedIsFailedAndSaysWhyUntilItIsMended() {
        DiskAdmission admission = admission();
        admission.look(selection("", ""));
        DiskReport seen = reports(admission).getFirst();
        assertThat(seen.state()).isEqualTo("Discovered");
        assertThat(tried).isEmpty();

        answer = "no space is left for a file of 512 MiB";
        admission.disk(UUID.fromString(seen.id()), "fast", false, true);
        admission.look(selection("", ""));
        assertThat(reports(admission)).singleElement().satisfies(report -> {
            assertThat(report.state()).isEqualTo("Failed");
            assertThat(report.reason()).isEqualTo(answer);
        });

        answer = "";
        admission.look(selection("", ""));
        assertThat(tried).hasSize(2);
        assertThat(reports(admission))
                .singleElement()
                .satisfies(report -> assertThat(report.reason()).isEmpty());
    }

    @Test
    void aDiskOfAPoolThatIsNotThereIsFailed() {
        DiskAdmission admission = admission();
        admission.disk(new UUID(7, 7), "fast", false, true);
        admission.disk(new UUID(7, 8), "", false, true);
        admission.disk(new UUID(7, 9), "fast", false, false);
        assertThat(reports(admission)).as("before anybody looked").isEmpty();
        admission.look(selection("", ""));
        assertThat(reports(admission))
                .filteredOn(report -> report.state().equals("Failed"))
                .singleElement()
                .satisfies(report -> {
                    assertThat(report.id()).isEqualTo(new UUID(7, 7).toString());
                    assertThat(report.reason()).contains("not among the disks");
                });
    }

    @Test
    void aDiskThatWasEvacuatedAndTakenAwayIsNotAskedFor() {
        DiskAdmission admission = admission();
        admission.disk(new UUID(7, 7), "fast", true, true);
        admission.look(selection("", ""));
        assertThat(reports(admission))
                .filteredOn(report -> report.state().equals("Failed"))
                .singleElement()
                .satisfies(report -> assertThat(report.reason()).contains("kubectl delete disk"));
    }

    private DiskAdmission admission(Set<String> labelled) {
        return new DiskAdmission(
                (selection, inUse) -> labelled.stream()
                        .filter(inUse.negate())
                        .map(path -> new DiskDiscovery.Found(LABEL, path, BYTES, 0, "ssd", "", "", true, ""))
                        .toList(),
                new Served(),
                label -> holder,
                "boot",
                "pool");
    }

    private static List<String> states(DiskAdmission admission) {
        return reports(admission).stream()
                .filter(report -> report.id().equals(LABEL.toString()))
                .map(DiskReport::state)
                .toList();
    }

    @Test
    void ofSeveralDisksWithOneLabelTheServedOneGoesOnAndNoneIsBegunWith() {
        Set<String> there = new TreeSet<>(Set.of("/dev/a"));
        DiskAdmission admission = admission(there);
        admission.disk(LABEL, "fast", false, true);
        admission.look(selection("", ""));
        assertThat(served).containsExactly("/dev/a");
        there.add("/dev/b");
        admission.look(selection("", ""));
        assertThat(tried).hasSize(1);
        assertThat(admission.remark())
                .contains("/dev/b carries the label of disk " + LABEL, "served from /dev/a", "wipe");
        assertThat(states(admission)).as("one report of one Disk").hasSize(1);

        served.clear();
        DiskAdmission later = admission(there);
        later.disk(LABEL, "fast", false, true);
        later.look(selection("", ""));
        assertThat(served).as("nobody knows which one is the disk").isEmpty();
        assertThat(states(later)).containsExactly("Failed");
        there.remove("/dev/b");
        later.look(selection("", ""));
        assertThat(served).containsExactly("/dev/a");
        assertThat(later.remark()).isEmpty();
    }

    @Test
    void aDiskWhoseLabelAnotherNodeServesIsLeftAloneAndNothingIsSaidInItsName() {
        DiskAdmission admission = admission(Set.of("/dev/a"));
        admission.disk(LABEL, "fast", false, false);
        holder = "which the engine of node2 serves";
        admission.look(selection("", ""));
        assertThat(tried).isEmpty();
        assertThat(states(admission)).isEmpty();
        assertThat(admission.remark()).contains("/dev/a", LABEL.toString(), "node2");
        holder = "";
        admission.look(selection("", ""));
        assertThat(served).containsExactly("/dev/a");
        assertThat(admission.remark()).isEmpty();
    }

    @Test
    void aDeviceWithTwoNamesIsOneDisk() throws IOException {
        Path disk = folder.resolve("a1");
        try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
            file.setLength(BYTES);
        }
        Files.createSymbolicLink(folder.resolve("a2"), disk);
        DiskAdmission admission = admission();
        admission.look(selection(folder + "/a*", ""));
        assertThat(reports(admission))
                .filteredOn(report -> !report.path().endsWith("/disk"))
                .singleElement()
                .satisfies(report -> assertThat(report.path()).isEqualTo(disk.toString()));
    }

    /** Each of these was an exception on a thread that ends the engine when it meets one. */
    @Test
    void aPatternThatIsNoneLeavesDisksAloneAndEndsNothing() {
        for (String device : List.of("/dev/[", "sda", folder + "/nothing-here/*", "/")) {
            DiskAdmission admission = admission();
            admission.look(selection(device, ""));
            assertThat(reports(admission)).as(device).hasSize(1);
        }
        DiskAdmission admission = admission();
        admission.look(selection("/dev/nul*", "/dev/["));
        assertThat(reports(admission)).hasSize(1);
    }
}
