import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Counts what the test reports of the build say: prints what failed and how each failure begins, what was skipped and
 * why, and as its last line {@code N passed, N failed, N skipped}. Run as a source file, with the exit code of the build
 * as its argument; its own exit code is 0 only if the build succeeded, something passed and nothing failed.
 */
final class Summary {
    private static final int CAUSE_LINES = 8;
    private static final int CAUSE_CHARACTERS = 240;

    private final TreeMap<String, List<String>> skipped = new TreeMap<>();
    private final List<String> failures = new ArrayList<>();
    private int passed;

    public static void main(String[] args) throws Exception {
        int build = Integer.parseInt(args[0]);
        Summary summary = new Summary();
        for (Path report : reports(Path.of("."))) {
            summary.add(report);
        }
        System.exit(summary.print(build));
    }

    private static List<Path> reports(Path root) throws IOException {
        List<Path> found = new ArrayList<>();
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
                String name = folder.getFileName().toString();
                boolean ofNoUse = name.equals(".git") || name.equals("src") || name.equals("classes");
                return ofNoUse ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                String folder = file.getParent().getFileName().toString();
                String name = file.getFileName().toString();
                if (folder.endsWith("-reports") && name.startsWith("TEST-") && name.endsWith(".xml")) {
                    found.add(file);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        found.sort(null);
        return found;
    }

    private void add(Path report) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        DocumentBuilder builder = factory.newDocumentBuilder();
        Document document = builder.parse(report.toFile());
        NodeList cases = document.getElementsByTagName("testcase");
        for (int i = 0; i < cases.getLength(); i++) {
            Element test = (Element) cases.item(i);
            String name = test.getAttribute("classname") + "." + test.getAttribute("name");
            Element skip = child(test, "skipped");
            Element failure = child(test, "failure") == null ? child(test, "error") : child(test, "failure");
            if (failure != null) {
                failures.add(name + "\n" + cause(failure));
            } else if (skip != null) {
                skipped.computeIfAbsent(reason(skip), why -> new ArrayList<>()).add(name);
            } else {
                passed++;
            }
        }
    }

    /** The first lines of what it said, cut where they are long: all of it is in the report. */
    private static String cause(Element failure) {
        String message = failure.getAttribute("message").strip();
        String text = message.isEmpty() ? failure.getTextContent().strip() : message;
        return text.lines()
                .filter(line -> !line.isBlank())
                .limit(CAUSE_LINES)
                .map(line -> "    " + line.substring(0, Math.min(line.length(), CAUSE_CHARACTERS)))
                .collect(Collectors.joining("\n"));
    }

    /** The message, or the first line of the stack trace without the exception's name. */
    private static String reason(Element skip) {
        String message = skip.getAttribute("message").strip();
        String text = message.isEmpty() ? skip.getTextContent().strip() : message;
        String first = text.isEmpty() ? "no reason given" : text.lines().findFirst().orElse("").strip();
        return first.replaceFirst("^[\\w.$]+(Exception|Error): ", "").replaceFirst("^Assumption failed: ", "");
    }

    private static Element child(Element test, String tag) {
        NodeList found = test.getElementsByTagName(tag);
        return found.getLength() == 0 ? null : (Element) found.item(0);
    }

    private int print(int build) {
        int skips = skipped.values().stream().mapToInt(List::size).sum();
        System.out.println();
        skipped.forEach((reason, tests) -> {
            System.out.println("Skipped (" + reason + "):");
            tests.forEach(test -> System.out.println("  " + test));
        });
        failures.forEach(test -> System.out.println("Failed: " + test));
        if (build != 0 && failures.isEmpty()) {
            System.out.println("The build failed outside of the tests: see what Maven said above.");
        }
        System.out.println(passed + " passed, " + failures.size() + " failed, " + skips + " skipped");
        return build == 0 && failures.isEmpty() && passed > 0 ? 0 : 1;
    }
}
