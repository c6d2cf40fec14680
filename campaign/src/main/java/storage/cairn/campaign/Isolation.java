package storage.cairn.campaign;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs the campaign in a process of its own, in namespaces of its own for processes, mounts and network: when it ends,
 * however it ends, the kernel takes every engine, mount and network with it, and this process deletes its files.
 */
final class Isolation {
    static final String INSIDE = "--inside";

    private static final List<String> UNSHARE =
            List.of("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc");
    private static final int BROKEN = 1;
    private static final int END_SECONDS = 20;

    private static volatile boolean interrupted;

    private Isolation() {}

    /** Runs the same command inside; answers its exit code. */
    static int run(List<String> arguments, Consumer<String> out) {
        Path folder;
        try {
            folder = Files.createTempDirectory("cairn-campaign-");
        } catch (IOException e) {
            throw new UncheckedIOException("no folder for the campaign", e);
        }
        List<String> line = new ArrayList<>(namespaces());
        boolean isolated = !line.isEmpty();
        line.addAll(
                List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx1g"));
        line.addAll(List.of("--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"));
        line.addAll(List.of("-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path")));
        line.addAll(List.of(Campaign.class.getName(), INSIDE, folder.toString()));
        if (!isolated) {
            line.add("--without-namespaces");
        }
        line.addAll(arguments);
        try {
            return await(line, folder, out);
        } catch (IOException e) {
            delete(folder);
            throw new UncheckedIOException("the campaign cannot be started", e);
        }
    }

    private static int await(List<String> line, Path folder, Consumer<String> out) throws IOException {
        Process process = new ProcessBuilder(line)
                .redirectInput(Redirect.PIPE)
                .redirectOutput(Redirect.INHERIT)
                .redirectError(Redirect.INHERIT)
                .start();
        Thread whenInterrupted = Thread.ofPlatform().unstarted(() -> {
            interrupted = true;
            end(process);
            delete(folder);
        });
        Runtime.getRuntime().addShutdownHook(whenInterrupted);
        try {
            int code = process.waitFor();
            if (interrupted) {
                return code;
            }
            if (code == BROKEN) {
                dropDisks(folder);
                out.accept("Kept: " + folder + " (without the disks)");
            } else {
                delete(folder);
            }
            Runtime.getRuntime().removeShutdownHook(whenInterrupted);
            return code;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return BROKEN;
        }
    }

    private static void end(Process process) {
        process.destroyForcibly();
        try {
            if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("process " + process.pid() + " does not end");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** How to enter namespaces, as root or as a user where users may; empty where nobody may. */
    private static List<String> namespaces() {
        List<String> asUser = new ArrayList<>(UNSHARE);
        asUser.addAll(1, List.of("--user", "--map-root-user"));
        for (List<String> line : List.of(UNSHARE, asUser)) {
            List<String> probe = new ArrayList<>(line);
            probe.addAll(List.of("ip", "link", "add", "probe", "type", "bridge"));
            if (Shell.attempt(probe.toArray(String[]::new)).good()) {
                return line;
            }
        }
        return List.of();
    }

    private static void dropDisks(Path folder) {
        visit(folder, file -> {
            String name = String.valueOf(file.getFileName());
            return name.startsWith("disk-") || name.endsWith(".img");
        });
    }

    /** Deletes a folder with all that is in it. */
    static void delete(Path folder) {
        visit(folder, file -> true);
    }

    private interface Choice {
        boolean deletes(Path path);
    }

    private static void visit(Path folder, Choice choice) {
        try {
            Files.walkFileTree(folder, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    if (choice.deletes(file)) {
                        Files.deleteIfExists(file);
                    }
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult visitFileFailed(Path file, IOException e) {
                    // Gone by itself meanwhile; what is really left makes its folder fail below.
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e) throws IOException {
                    if (choice.deletes(visited)) {
                        Files.deleteIfExists(visited);
                    }
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(folder + " cannot be deleted: delete it by hand", e);
        }
    }
}
