package storage.cairn.csi;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What is mounted where, as proc(5) describes {@code /proc/PID/mountinfo}:
 *
 * <pre>
 * id parent major:minor root mount-point options [optional fields ...] - type source super-options
 * </pre>
 */
record MountTable(List<Mount> mounts) {
    private static final Path SELF = Path.of("/proc/self/mountinfo");

    /**
     * One mount; where several lie on one point, the last one is on top.
     *
     * @param device major:minor
     * @param root what of the filesystem is mounted
     */
    record Mount(String device, String root, String point, List<String> options, String type, String source) {
        boolean readOnly() {
            return options.contains("ro");
        }
    }

    MountTable {
        mounts = List.copyOf(mounts);
    }

    static MountTable read() {
        try {
            return parse(Files.readString(SELF, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw CsiException.internal(SELF + " cannot be read: is /proc mounted?", e);
        }
    }

    static MountTable parse(String text) {
        List<Mount> mounts = new ArrayList<>();
        for (String line : text.split("\n")) {
            String[] halves = line.split(" - ", 2);
            String[] first = halves[0].split(" ");
            String[] second = halves.length == 2 ? halves[1].split(" ") : new String[0];
            if (first.length >= 6 && second.length >= 2) {
                mounts.add(new Mount(
                        first[2],
                        unescaped(first[3]),
                        unescaped(first[4]),
                        Arrays.asList(first[5].split(",")),
                        second[0],
                        unescaped(second[1])));
            }
        }
        return new MountTable(mounts);
    }

    /** Spaces, tabs, line ends and backslashes are octal. */
    private static String unescaped(String text) {
        StringBuilder plain = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\'
                    && i + 3 < text.length()
                    && text.substring(i + 1, i + 4).matches("[0-7]{3}")) {
                plain.append((char) Integer.parseInt(text.substring(i + 1, i + 4), 8));
                i += 3;
            } else {
                plain.append(c);
            }
        }
        return plain.toString();
    }

    /** What is on top at a path. */
    Optional<Mount> at(Path path) {
        String point = path.normalize().toString();
        return mounts.stream().filter(mount -> mount.point().equals(point)).reduce((lower, upper) -> upper);
    }

    /** How many mounts lie on a path. */
    int countAt(Path path) {
        String point = path.normalize().toString();
        return (int)
                mounts.stream().filter(mount -> mount.point().equals(point)).count();
    }
}
