package storage.cairn.client.attach;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What is mounted where, from /proc/self/mounts. */
final class Mounts {
    private Mounts() {}

    /** Where a device is mounted; empty if nowhere. */
    static String of(String device) {
        return find(0, device, 1);
    }

    static boolean isMountPoint(Path path) {
        return !find(1, path.toString(), 0).isEmpty();
    }

    private static String find(int keyField, String key, int answerField) {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/mounts"))) {
                String[] fields = line.split(" ");
                if (fields.length > 1 && fields[keyField].replace("\\040", " ").equals(key)) {
                    return fields[answerField].replace("\\040", " ");
                }
            }
            return "";
        } catch (IOException e) {
            throw new UncheckedIOException("/proc/self/mounts cannot be read", e);
        }
    }
}
