package storage.cairn.engine.embedded;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import storage.cairn.engine.fuzz.FuzzTarget;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/**
 * A file of the embedded configuration store. With 1 as the first byte, what follows is the JSON of a volume (2: of a
 * name, 3: of a cluster) and gets the line that says so; with anything else it is the whole file.
 */
public final class ConfigStoreFuzz implements FuzzTarget {
    private static final Path WHERE = Path.of("0000000000000001.json");
    private static final List<String> KINDS = List.of("volume", "name", "cluster");

    @Override
    public void run(byte[] input) {
        if (input.length == 0) {
            return;
        }
        byte[] rest = new byte[input.length - 1];
        System.arraycopy(input, 1, rest, 0, rest.length);
        byte[] file = input[0] >= 1 && input[0] <= KINDS.size() ? wrapped(KINDS.get(input[0] - 1), rest) : rest;
        try {
            Envelope envelope = Envelope.decode(WHERE, file);
            switch (envelope.kind()) {
                case "volume" -> volume(envelope);
                case "name" -> ConfigurationJson.name(WHERE, envelope);
                case "cluster" -> ConfigurationJson.cluster(WHERE, envelope);
                default -> ConfigurationJson.isVoid(envelope);
            }
        } catch (CorruptFileException refused) {
            if (!String.valueOf(refused.getMessage()).contains(WHERE.toString())) {
                throw new AssertionError("a refusal that does not name the file: " + refused.getMessage());
            }
        }
    }

    private static void volume(Envelope envelope) throws CorruptFileException {
        Configuration value = ConfigurationJson.volume(WHERE, envelope);
        if (!value.equals(ConfigurationJson.volume(WHERE, ConfigurationJson.volume(value)))) {
            throw new AssertionError("a configuration changes: " + value);
        }
    }

    private static byte[] wrapped(String kind, byte[] json) {
        int crc = Crc32c.of(ByteBuffer.wrap(json), 0, json.length);
        byte[] line = "cairn-config 1 %s bytes=%d crc32c=%08x\n"
                .formatted(kind, json.length, crc)
                .getBytes(StandardCharsets.US_ASCII);
        byte[] file = new byte[line.length + json.length];
        System.arraycopy(line, 0, file, 0, line.length);
        System.arraycopy(json, 0, file, line.length, json.length);
        return file;
    }

    @Override
    public List<byte[]> seeds() {
        DiskId disk = new DiskId(new UUID(1, 2));
        Configuration value = new Configuration(
                new VolumeId(new UUID(3, 4)),
                "fuzzed",
                1,
                7,
                new UUID(5, 6),
                new Configuration.Owner(2, new UUID(7, 8)),
                List.of(disk),
                List.of(new Configuration.Stale(new DiskId(new UUID(1, 3)), 12)),
                List.of(),
                1,
                1 << 20,
                new UUID(9, 10),
                true,
                false);
        Envelope volume = ConfigurationJson.volume(value);
        return List.of(
                prefixed(0, volume.encode()),
                prefixed(1, volume.json()),
                prefixed(
                        2,
                        ConfigurationJson.name(new ConfigurationJson.NameClaim("fuzzed", value.volume()))
                                .json()),
                prefixed(
                        3,
                        ConfigurationJson.cluster(new ConfigurationJson.ClusterMark(new UUID(1, 1)))
                                .json()));
    }

    private static byte[] prefixed(int first, byte[] rest) {
        byte[] input = new byte[rest.length + 1];
        input[0] = (byte) first;
        System.arraycopy(rest, 0, input, 1, rest.length);
        return input;
    }

    @Override
    public long allowedBytes(int inputBytes) {
        return (256 << 10) + 64L * inputBytes;
    }
}
