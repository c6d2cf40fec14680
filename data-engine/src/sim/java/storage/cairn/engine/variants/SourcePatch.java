package storage.cairn.engine.variants;

import java.util.ArrayList;
import java.util.List;

/**
 * A change of one source file, from a unified diff. Places are found by their text alone, which must be there exactly
 * once: line numbers shift with every other change, text that was touched must be looked at again.
 *
 * @param path of the file below the module's sources: {@code main/java/...}
 */
record SourcePatch(String path, List<Hunk> hunks) {
    private static final String BEFORE = "--- a/";
    private static final String AFTER = "+++ b/";

    /** Some lines, with their line ends, and what comes in their place. */
    record Hunk(String before, String after) {}

    /** The changes in a unified diff; lines before its first file name are left out. */
    static List<SourcePatch> parse(List<String> lines) {
        List<SourcePatch> patches = new ArrayList<>();
        List<Hunk> hunks = new ArrayList<>();
        StringBuilder before = new StringBuilder();
        StringBuilder after = new StringBuilder();
        for (String line : lines) {
            if (line.startsWith(BEFORE)) {
                end(hunks, before, after);
                hunks = new ArrayList<>();
            } else if (line.startsWith(AFTER)) {
                patches.add(new SourcePatch(line.substring(AFTER.length()), hunks));
            } else if (patches.isEmpty()) {
                continue;
            } else if (line.startsWith("@@")) {
                end(hunks, before, after);
            } else if (line.startsWith("-")) {
                before.append(line, 1, line.length()).append('\n');
            } else if (line.startsWith("+")) {
                after.append(line, 1, line.length()).append('\n');
            } else if (line.startsWith(" ")) {
                before.append(line, 1, line.length()).append('\n');
                after.append(line, 1, line.length()).append('\n');
            } else {
                throw new IllegalArgumentException("'" + line + "' is no line of a unified diff");
            }
        }
        end(hunks, before, after);
        return List.copyOf(patches);
    }

    private static void end(List<Hunk> hunks, StringBuilder before, StringBuilder after) {
        if (!before.isEmpty()) {
            hunks.add(new Hunk(before.toString(), after.toString()));
        }
        before.setLength(0);
        after.setLength(0);
    }

    /** The changed text; throws when a place is not there exactly once. */
    String apply(String source) {
        String text = '\n' + source;
        for (Hunk hunk : hunks) {
            String place = '\n' + hunk.before;
            int at = text.indexOf(place);
            if (at < 0 || text.indexOf(place, at + 1) >= 0) {
                throw new IllegalArgumentException((at < 0 ? "no longer in " : "more than once in ") + path
                        + ", so that the patch is to be written anew:\n" + hunk.before);
            }
            text = text.substring(0, at) + '\n' + hunk.after + text.substring(at + place.length());
        }
        return text.substring(1);
    }
}
