package storage.cairn.engine.variants;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/**
 * The engine and its simulator once more, with the classes of a variant in place of the built ones. All other classes
 * are shared with whoever made it.
 */
final class VariantClasses extends ClassLoader {
    private static final String OURS = "storage.cairn.";

    private final Map<String, ByteArrayOutputStream> broken;

    private VariantClasses(Map<String, ByteArrayOutputStream> broken) {
        super(VariantClasses.class.getClassLoader());
        this.broken = broken;
    }

    /**
     * Patches the sources of a variant and compiles those files alone, against the built classes.
     *
     * @param sources the module's {@code src} folder
     */
    static VariantClasses compile(Variant variant, Path sources) throws IOException {
        List<JavaFileObject> units = new ArrayList<>();
        for (SourcePatch patch : variant.patches()) {
            Path file = sources.resolve(patch.path());
            units.add(new Source(file.toUri(), patch.apply(Files.readString(file))));
        }
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        if (compiler == null) {
            throw new IllegalStateException("no Java compiler: run this with a JDK");
        }
        Map<String, ByteArrayOutputStream> classes = new HashMap<>();
        StringWriter messages = new StringWriter();
        try (JavaFileManager files = new InMemory(compiler.getStandardFileManager(null, null, null), classes)) {
            List<String> options = List.of("-proc:none", "-nowarn", "-Xlint:none", "-implicit:none");
            if (!compiler.getTask(messages, files, null, options, null, units).call()) {
                throw new IllegalArgumentException("does not compile: " + messages);
            }
        }
        return new VariantClasses(classes);
    }

    @Override
    protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
        if (!name.startsWith(OURS)) {
            return super.loadClass(name, resolve);
        }
        synchronized (getClassLoadingLock(name)) {
            Class<?> loaded = findLoadedClass(name);
            return loaded == null ? findClass(name) : loaded;
        }
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
        ByteArrayOutputStream changed = broken.get(name);
        byte[] code = changed == null ? built(name) : changed.toByteArray();
        return defineClass(name, code, 0, code.length);
    }

    /** Writes the classes that are not as they were built. */
    void writeTo(Path folder) throws IOException {
        for (Map.Entry<String, ByteArrayOutputStream> changed : broken.entrySet()) {
            Path file = folder.resolve(changed.getKey().replace('.', '/') + ".class");
            Files.createDirectories(file.getParent());
            Files.write(file, changed.getValue().toByteArray());
        }
    }

    private byte[] built(String name) throws ClassNotFoundException {
        try (InputStream in = getParent().getResourceAsStream(name.replace('.', '/') + ".class")) {
            if (in == null) {
                throw new ClassNotFoundException(name);
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A changed source file. */
    private static final class Source extends SimpleJavaFileObject {
        private final String text;

        Source(URI file, String text) {
            super(file, Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    /** Keeps what is compiled. */
    private static final class InMemory extends ForwardingJavaFileManager<JavaFileManager> {
        private final Map<String, ByteArrayOutputStream> classes;

        InMemory(JavaFileManager files, Map<String, ByteArrayOutputStream> classes) {
            super(files);
            this.classes = classes;
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String name, JavaFileObject.Kind kind, @Nullable FileObject sibling) {
            return new SimpleJavaFileObject(URI.create("memory:///" + name.replace('.', '/')), kind) {
                @Override
                public OutputStream openOutputStream() {
                    ByteArrayOutputStream code = new ByteArrayOutputStream();
                    classes.put(name, code);
                    return code;
                }
            };
        }
    }
}
