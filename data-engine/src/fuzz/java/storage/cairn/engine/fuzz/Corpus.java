package storage.cairn.engine.fuzz;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * The kept inputs of a target: a text file with one input in Base64 on each line. A line that begins with {@code #}
 * says what the next one is for.
 */
final class Corpus {
    private Corpus() {}

    /** Where the files are: {@code cairn.fuzz.corpus}, or the place of the sources seen from any module. */
    static Path folder() {
        return Path.of(System.getProperty("cairn.fuzz.corpus", "../data-engine/src/fuzz/corpus"));
    }

    static List<byte[]> load(String target) throws IOException {
        List<byte[]> inputs = new ArrayList<>();
        for (String line : lines(target)) {
            if (!line.startsWith("#") && !line.isBlank()) {
                inputs.add(Base64.getDecoder().decode(line.strip()));
            }
        }
        return inputs;
    }

    /** Replaces what was explored, and keeps what has a comment: those stand for something that was mended. */
    static void replaceExplored(String target, List<byte[]> inputs) throws IOException {
        List<String> kept = new ArrayList<>();
        boolean commented = false;
        for (String line : lines(target)) {
            if (line.startsWith("#")) {
                kept.add(line);
            } else if (commented) {
                kept.add(line);
            }
            commented = line.startsWith("#");
        }
        for (byte[] input : inputs) {
            kept.add(Base64.getEncoder().encodeToString(input));
        }
        Files.write(file(target), kept, StandardCharsets.US_ASCII);
    }

    private static List<String> lines(String target) throws IOException {
        try {
            return Files.readAllLines(file(target), StandardCharsets.US_ASCII);
        } catch (NoSuchFileException none) {
            return List.of();
        }
    }

    private static Path file(String target) {
        return folder().resolve(target + ".txt");
    }
}
