package storage.cairn.engine.embedded;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import storage.cairn.engine.fuzz.FuzzTarget;

/**
 * The folder of a register of the embedded configuration store: which of its numbered files counts. An input is a row
 * of files, each a byte for the length of its name, the name, two bytes for the length of its content, and that.
 */
public final class ConfigFolderFuzz implements FuzzTarget {
    private static final int MOST_FILES = 12;

    private final Path root;
    private final Path folder;

    public ConfigFolderFuzz() {
        try {
            root = Files.createTempDirectory("cairn-fuzz");
            folder = Files.createDirectory(root.resolve("register"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void run(byte[] input) throws IOException {
        empty();
        int at = 0;
        for (int files = 0; files < MOST_FILES && at < input.length; files++) {
            int nameEnd = Math.min(input.length, at + 1 + (input[at] & 31));
            String name = name(input, at + 1, nameEnd);
            int content = Math.min(input.length, nameEnd + 2);
            int length = content - nameEnd == 2 ? (input[nameEnd] & 0xff) << 8 | (input[nameEnd + 1] & 0xff) : 0;
            int end = Math.min(input.length, content + length);
            if (!name.isEmpty()) {
                Files.write(folder.resolve(name), Arrays.copyOfRange(input, content, end));
            }
            at = end;
        }
        look();
    }

    private static String name(byte[] input, int from, int to) {
        StringBuilder name = new StringBuilder();
        for (int i = from; i < to; i++) {
            char letter = (char) (input[i] & 0x7f);
            name.append(letter < ' ' || letter == '/' || letter == 0x7f ? '0' : letter);
        }
        String text = name.toString();
        return text.equals(".") || text.equals("..") ? "" : text;
    }

    private void look() throws IOException {
        String highest;
        try (Stream<Path> files = Files.list(folder)) {
            highest = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.matches("\\d{16}\\.json") && !name.startsWith("0000000000000000"))
                    .max(String::compareTo)
                    .orElse("");
        }
        try {
            Register.Entry entry = new Register(folder, new Temporaries(root)).read();
            boolean right = entry == null ? highest.isEmpty() : highest.equals("%016d.json".formatted(entry.version()));
            if (!right) {
                throw new AssertionError("'" + highest + "' is the highest, read was " + entry);
            }
        } catch (CorruptFileException refused) {
            if (highest.isEmpty() || !String.valueOf(refused.getMessage()).contains(highest)) {
                throw new AssertionError("not the highest was refused: " + refused.getMessage());
            }
        }
    }

    private void empty() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
    }

    @Override
    public void close() {
        try {
            empty();
            Files.delete(folder);
            try (Stream<Path> files = Files.list(root)) {
                for (Path file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(root);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public List<byte[]> seeds() {
        byte[] first = ConfigurationJson.cluster(new ConfigurationJson.ClusterMark(new java.util.UUID(1, 1)))
                .encode();
        return List.of(
                row("0000000000000001.json", first),
                row("0000000000000001.json", first, "0000000000000002.json", first, "0000000000000010.tmp", first),
                row("9999999999999999.json", first, "00000000000000001.json", first, "abc", new byte[0]));
    }

    private static byte[] row(Object... namesAndContents) {
        java.io.ByteArrayOutputStream row = new java.io.ByteArrayOutputStream();
        for (int i = 0; i < namesAndContents.length; i += 2) {
            byte[] name = ((String) namesAndContents[i]).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
            byte[] content = (byte[]) namesAndContents[i + 1];
            row.write(name.length);
            row.writeBytes(name);
            row.write(content.length >> 8);
            row.write(content.length);
            row.writeBytes(content);
        }
        return row.toByteArray();
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // Paths, streams and a buffer for each of a few files.
        return (1 << 20) + 128L * inputBytes;
    }
}
