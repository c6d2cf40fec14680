package storage.cairn.csi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.csi.spec.CapacityRange;
import storage.cairn.csi.spec.VolumeCapability;
import storage.cairn.csi.spec.VolumeCapability.AccessMode;

/** What requests may say: parameters, sizes, names, ways of use; and one operation on a volume at a time. */
final class RequestRulesTest {
    private static void assertRefused(ThrowingCallable call, Status.Code code, String... words) {
        assertThatThrownBy(call).isInstanceOfSatisfying(CsiException.class, e -> {
            assertThat(e.code()).isEqualTo(code);
            assertThat(e.getMessage()).contains(words);
        });
    }

    @Test
    void aClassThatSaysNothingGetsWhatThePoolSays() {
        assertThat(ClassParameters.parse(Map.of("csi.storage.k8s.io/pvc/name", "data")))
                .isEqualTo(new ClassParameters("default", null, null, VolumeSpec.Locality.PREFERRED, null, null));
    }

    @Test
    void allThatAClassSaysIsTaken() {
        assertThat(ClassParameters.parse(Map.of(
                        "pool", "fast",
                        "replicas", "2",
                        "minInSync", "1",
                        "locality", "required",
                        "spread", "zone",
                        "restoreWindowSeconds", "0")))
                .isEqualTo(new ClassParameters("fast", 2, 1, VolumeSpec.Locality.REQUIRED, Spread.ZONE, 0));
    }

    @Test
    void everyWrongParameterIsNamed() {
        assertRefused(
                () -> ClassParameters.parse(
                        Map.of("Replicas", "3", "replicas", "6", "locality", "near", "colour", "red", "pool", "a b")),
                Status.Code.INVALID_ARGUMENT,
                "'Replicas' (is 'replicas' meant?)",
                "replicas '6' is not a number from 1 to 5",
                "locality 'near' is none of none, preferred, required",
                "'colour'",
                "pool 'a b'");
        assertRefused(
                () -> ClassParameters.parse(Map.of("replicas", "2", "minInSync", "3")),
                Status.Code.INVALID_ARGUMENT,
                "minInSync 3 is more than replicas 2");
    }

    private static long choose(long required, long limit) {
        return SizeRange.choose(CapacityRange.newBuilder()
                .setRequiredBytes(required)
                .setLimitBytes(limit)
                .build());
    }

    @Test
    void sizesAreRoundedUpToBlocksWithinTheRange() {
        assertThat(choose(0, 0)).isEqualTo(1L << 30);
        assertThat(choose(1, 0)).isEqualTo(1 << 20);
        assertThat(choose((1 << 20) + 1, 0)).isEqualTo((1 << 20) + 4096);
        assertThat(choose(0, 2 << 20)).isEqualTo(2 << 20);
        assertRefused(() -> choose((1 << 20) + 1, (1 << 20) + 2), Status.Code.OUT_OF_RANGE, "there is none");
        assertRefused(() -> choose(Long.MAX_VALUE, 0), Status.Code.OUT_OF_RANGE, "more than");
        assertRefused(() -> choose(0, 4096), Status.Code.OUT_OF_RANGE, "at least 1048576");
        assertRefused(() -> choose(-1, 0), Status.Code.INVALID_ARGUMENT, "negative");
        assertRefused(() -> choose(2 << 20, 1 << 20), Status.Code.INVALID_ARGUMENT, "more than limit_bytes");
    }

    @Test
    void aNameThatCannotBeAVolumesGetsADigestThatIsAlwaysTheSame() {
        assertThat(VolumeNames.of("pvc-1")).isEqualTo("pvc-1");
        String digest = VolumeNames.of("Sanity Test_1");
        assertThat(digest).matches("csi-[0-9a-f]{40}").isEqualTo(VolumeNames.of("Sanity Test_1"));
        assertThat(VolumeNames.of("sanity Test_1")).isNotEqualTo(digest);
        assertRefused(() -> VolumeNames.of(""), Status.Code.INVALID_ARGUMENT, "name is missing");
        assertRefused(() -> VolumeNames.of("x".repeat(129)), Status.Code.INVALID_ARGUMENT, "128 bytes");
    }

    private static VolumeCapability mount(String type, AccessMode.Mode mode) {
        return VolumeCapability.newBuilder()
                .setMount(VolumeCapability.MountVolume.newBuilder().setFsType(type))
                .setAccessMode(AccessMode.newBuilder().setMode(mode))
                .build();
    }

    @Test
    void oneNodeAtATimeAndKnownFilesystemsAlone() {
        AccessModes.require(List.of(mount("", AccessMode.Mode.SINGLE_NODE_WRITER)));
        AccessModes.require(List.of(mount("btrfs", AccessMode.Mode.SINGLE_NODE_MULTI_WRITER)));
        assertRefused(
                () -> AccessModes.require(mount("ext4", AccessMode.Mode.MULTI_NODE_MULTI_WRITER)),
                Status.Code.INVALID_ARGUMENT,
                "on one node at a time");
        assertRefused(
                () -> AccessModes.require(mount("ntfs", AccessMode.Mode.SINGLE_NODE_WRITER)),
                Status.Code.INVALID_ARGUMENT,
                "use ext4, xfs or btrfs");
        assertRefused(() -> AccessModes.require(List.of()), Status.Code.INVALID_ARGUMENT, "missing");
    }

    @Test
    void aSecondOperationOnAVolumeIsToldToComeAgain() {
        OperationLocks locks = new OperationLocks();
        String done = locks.alone("v", "CreateVolume", () -> {
            assertRefused(
                    () -> locks.alone("v", "DeleteVolume", () -> "never"),
                    Status.Code.ABORTED,
                    "CreateVolume is under way");
            return locks.alone("w", "DeleteVolume", () -> "other");
        });
        assertThat(done).isEqualTo("other");
        assertThat(locks.alone("v", "DeleteVolume", () -> "after")).isEqualTo("after");
    }

    @Test
    void roomIsThatOfTheSmallestOfTheBestPlacesInDifferentDomains() {
        Room room = new Room(List.of(
                new Room.Place("a", 10), new Room.Place("a", 50), new Room.Place("b", 30), new Room.Place("c", -5)));
        assertThat(room.largest(1)).isEqualTo(50);
        assertThat(room.largest(2)).isEqualTo(30);
        assertThat(room.largest(3)).isZero();
        assertThat(room.largest(4)).isZero();
        assertThat(room.total(2)).isEqualTo(45);
        assertThat(room.total(4)).isZero();
    }

    @Test
    void mountsAreReadWithTheirEscapesAndTheTopmostCounts() {
        MountTable table = MountTable.parse("""
                36 35 7:3 / /var/lib/a\\040b rw,noatime shared:1 master:2 - ext4 /dev/loop3 rw
                37 36 0:5 /loop4 /var/lib/block ro - devtmpfs udev rw
                38 36 7:5 / /var/lib/a\\040b ro - xfs /dev/loop5 rw
                """);
        MountTable.Mount top = table.at(java.nio.file.Path.of("/var/lib/a b")).orElseThrow();
        assertThat(top.source()).isEqualTo("/dev/loop5");
        assertThat(top.readOnly()).isTrue();
        assertThat(table.countAt(java.nio.file.Path.of("/var/lib/a b"))).isEqualTo(2);
        assertThat(table.at(java.nio.file.Path.of("/var/lib/block"))
                        .orElseThrow()
                        .root())
                .isEqualTo("/loop4");
        assertThat(table.at(java.nio.file.Path.of("/elsewhere"))).isEmpty();
    }
}
