package storage.cairn.engine.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

final class FrameCodecTest {
    private static final UUID CLUSTER = new UUID(1, 2);
    private static final int CASES = 500;

    private final FrameWriter writer = new FrameWriter(CLUSTER);
    private final FrameReader reader = new FrameReader(CLUSTER);

    private ByteBuffer sealed(FrameWriter frame) {
        int length = frame.seal(0);
        byte[] copy = new byte[length];
        frame.frame().get(0, copy);
        return ByteBuffer.wrap(copy);
    }

    @Test
    void everyMessageIsReadAsItWasWritten() throws BadFrameException {
        for (long seed = 0; seed < CASES; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            ReplicaReport report = report(random);
            reader.open(sealed(report.write(writer, FrameType.EPOCH_STATE, seed)), null);
            assertThat(reader.tag()).isEqualTo(seed);
            assertThat(ReplicaReport.read(reader)).as("seed %d", seed).isEqualTo(report);

            Grant grant = grant(random);
            reader.open(sealed(grant.write(writer, seed)), null);
            assertThat(Grant.read(reader)).as("seed %d", seed).isEqualTo(grant);

            ExtentMap map = map(random);
            map.write(writer.begin(FrameType.CRCS, seed));
            reader.open(sealed(writer), null);
            ExtentMap read = ExtentMap.read(reader);
            reader.end();
            assertThat(read).usingRecursiveComparison().isEqualTo(map);

            Hello hello = hello(random);
            reader.open(sealed(hello.write(writer)), null);
            assertThat(Hello.read(reader)).usingRecursiveComparison().isEqualTo(hello);
        }
    }

    @Test
    void aTurnedBitAnywhereIsRefused() {
        for (long seed = 0; seed < CASES; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            ByteBuffer frame = sealed(report(random).write(writer, FrameType.WELCOME, seed));
            int bit = random.nextInt(frame.limit() * 8);
            frame.put(bit / 8, (byte) (frame.get(bit / 8) ^ 1 << bit % 8));
            assertThatExceptionOfType(BadFrameException.class)
                    .as("seed %d bit %d", seed, bit)
                    .isThrownBy(() -> reader.open(frame, null));
        }
    }

    @Test
    void aFrameThatWasCutIsRefused() {
        ByteBuffer frame = sealed(report(new SplittableRandom(1)).write(writer, FrameType.WELCOME, 1));
        for (int length = 0; length < frame.capacity(); length++) {
            ByteBuffer cut = ByteBuffer.wrap(frame.array(), 0, length).slice();
            assertThatExceptionOfType(BadFrameException.class).isThrownBy(() -> reader.open(cut, null));
        }
    }

    @Test
    void aBodyOfChanceIsReadOrRefusedButNeverAllocatesMoreThanItHolds() {
        for (long seed = 0; seed < 20_000; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            writer.begin(FrameType.values()[random.nextInt(FrameType.values().length)], seed);
            for (int left = random.nextInt(200); left > 0; left--) {
                writer.u8(random.nextInt(4) == 0 ? random.nextInt(256) : 0);
            }
            ByteBuffer frame = sealed(writer);
            readAs(random.nextInt(6), frame);
        }
    }

    private void readAs(int what, ByteBuffer frame) {
        try {
            reader.open(frame, null);
            switch (what) {
                case 0 -> ReplicaReport.read(reader);
                case 1 -> Grant.read(reader);
                case 2 -> ExtentMap.read(reader);
                case 3 -> Hello.read(reader);
                case 4 -> Challenge.read(reader);
                default -> Configurations.read(reader);
            }
        } catch (BadFrameException refused) {
            assertThat(refused.getMessage()).isNotEmpty();
        }
    }

    /** A disk's record of it has 63 bytes for the name: a longer one must not get as far as that. */
    @Test
    void aConfigurationThatNoDiskCanHoldIsRefused() throws BadFrameException {
        Configuration value = new Configuration(
                new VolumeId(new UUID(1, 1)),
                "x".repeat(64),
                1,
                1,
                new UUID(1, 2),
                null,
                List.of(new DiskId(new UUID(1, 3))),
                List.of(),
                List.of(),
                1,
                4096,
                null,
                false,
                false);
        FrameWriter out = writer.begin(FrameType.EPOCH_SET, 1);
        Configurations.write(out, value);
        reader.open(sealed(out), null);
        assertThatThrownBy(() -> Configurations.read(reader))
                .isInstanceOf(BadFrameException.class)
                .hasMessageContaining("63");
    }

    @Test
    void refusalsSayWhatIsWrong() {
        ByteBuffer other = sealed(new FrameWriter(new UUID(9, 9)).begin(FrameType.PING, 1));
        assertThatThrownBy(() -> reader.open(other, null)).hasMessageContaining("belongs to cluster");

        ByteBuffer magic = sealed(writer.begin(FrameType.PING, 1));
        magic.put(0, (byte) 'G');
        assertThatThrownBy(() -> Frames.FRAMING.bodyBytes(magic, 0)).hasMessageContaining("not a frame");

        ByteBuffer version = sealed(writer.begin(FrameType.PING, 1));
        version.put(Frames.VERSION_AT, (byte) 7);
        assertThatThrownBy(() -> Frames.FRAMING.bodyBytes(version, 0))
                .hasMessageContaining("protocol version 7")
                .hasMessageContaining("upgrade");
    }

    @Test
    void aLengthBeyondItsBoundIsRefusedBeforeItIsUsed() {
        ByteBuffer frame = withHeaderField(Frames.BODY_BYTES_AT, Frames.MAX_BODY_BYTES + 1);
        assertThatThrownBy(() -> Frames.FRAMING.bodyBytes(frame, 0)).hasMessageContaining("at most");
        ByteBuffer negative = withHeaderField(Frames.BODY_BYTES_AT, -1);
        assertThatThrownBy(() -> Frames.FRAMING.bodyBytes(negative, 0)).hasMessageContaining("at most");
        ByteBuffer partial = withHeaderField(Frames.PAYLOAD_BYTES_AT, 4_097);
        assertThatThrownBy(() -> Frames.FRAMING.payloadBytes(partial, 0)).hasMessageContaining("not whole blocks");
        ByteBuffer unwanted = withHeaderField(Frames.PAYLOAD_BYTES_AT, 4_096);
        assertThatThrownBy(() -> Frames.FRAMING.payloadBytes(unwanted, 0)).hasMessageContaining("with payload");
    }

    /** A frame of a correct header checksum, but for what the field says. */
    private ByteBuffer withHeaderField(int at, int value) {
        ByteBuffer frame = sealed(writer.begin(FrameType.PING, 1)).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        frame.putInt(at, value);
        frame.putInt(Frames.HEADER_CRC_AT, storage.cairn.engine.port.Crc32c.of(frame, 0, Frames.HEADER_CRC_AT));
        return frame;
    }

    @Test
    void aBodyWithBytesLeftOverIsRefused() throws BadFrameException {
        hello(new SplittableRandom(3)).write(writer).u8(0);
        reader.open(sealed(writer), null);
        assertThatThrownBy(() -> Hello.read(reader)).hasMessageContaining("too many");
    }

    @Test
    void theStatusOfARefusalTravels() throws BadFrameException {
        reader.open(sealed(writer.begin(FrameType.NAK, Status.NO_SPACE, 5)), null);
        assertThat(reader.status()).isEqualTo(Status.NO_SPACE);
        assertThat(reader.type()).isEqualTo(FrameType.NAK);
    }

    private static UUID id(SplittableRandom random) {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private static long natural(SplittableRandom random) {
        return random.nextLong() >>> 1 >>> random.nextInt(62);
    }

    private static Hello hello(SplittableRandom random) {
        byte[] nonce = new byte[Authentication.NONCE_BYTES];
        random.nextBytes(nonce);
        return new Hello(
                1 + random.nextInt(100),
                id(random),
                nonce,
                random.nextBoolean() ? Hello.Role.PEER : Hello.Role.REPLICA,
                id(random),
                id(random),
                1,
                natural(random),
                id(random));
    }

    static Configuration configuration(SplittableRandom random) {
        List<DiskId> inSync = new ArrayList<>();
        for (int left = 1 + random.nextInt(3); left > 0; left--) {
            inSync.add(new DiskId(id(random)));
        }
        List<Configuration.Stale> stale = random.nextBoolean()
                ? List.of()
                : List.of(new Configuration.Stale(new DiskId(id(random)), natural(random)));
        return new Configuration(
                new VolumeId(id(random)),
                "volume-" + random.nextInt(100),
                1 + random.nextInt(3),
                1 + random.nextInt(1_000),
                id(random),
                random.nextBoolean() ? null : new Configuration.Owner(1 + random.nextInt(5), id(random)),
                inSync,
                random.nextBoolean() ? stale : List.of(),
                stale,
                1,
                4_096L * (1 + random.nextInt(1 << 20)),
                random.nextBoolean() ? null : id(random),
                random.nextBoolean(),
                random.nextBoolean());
    }

    private static ReplicaReport report(SplittableRandom random) {
        List<Held> tail = new ArrayList<>();
        int entries = random.nextInt(20) == 0 ? Held.MAX_TAIL : random.nextInt(20);
        for (int i = 0; i < entries; i++) {
            tail.add(new Held(natural(random), natural(random), random.nextInt(4), natural(random), i));
        }
        return new ReplicaReport(
                random.nextLong(), random.nextBoolean(), configuration(random), natural(random), natural(random), tail);
    }

    private static Grant grant(SplittableRandom random) {
        List<Grant.Disk> disks = new ArrayList<>();
        for (int left = random.nextInt(5); left > 0; left--) {
            disks.add(new Grant.Disk(
                    id(random),
                    random.nextLong(),
                    natural(random),
                    natural(random),
                    random.nextInt(500),
                    random.nextBoolean() ? "" : "it failed"));
        }
        List<Grant.Exception> exceptions = new ArrayList<>();
        int count = random.nextInt(50) == 0 ? Grant.MAX_EXCEPTIONS : random.nextInt(5);
        for (int i = 0; i < count; i++) {
            exceptions.add(new Grant.Exception(id(random), id(random), natural(random)));
        }
        return new Grant(natural(random), random.nextBoolean(), disks, exceptions);
    }

    private static ExtentMap map(SplittableRandom random) {
        int count = random.nextInt(ExtentMap.MAX_BLOCKS + 1);
        byte[] states = new byte[count];
        int[] crcs = new int[count];
        int[] lows = new int[count];
        for (int i = 0; i < count; i++) {
            states[i] = (byte) random.nextInt(3);
            crcs[i] = random.nextInt();
            lows[i] = random.nextInt(1 << 24);
        }
        return new ExtentMap(states, crcs, lows, natural(random));
    }
}
