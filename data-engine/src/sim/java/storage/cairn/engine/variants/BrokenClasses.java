package storage.cairn.engine.variants;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;

/** The classes of a variant as files, for engines that run as processes of their own. */
public final class BrokenClasses {
    private BrokenClasses() {}

    /** Every variant there is. */
    public static List<String> names() {
        try {
            return Variant.all(Search.variants()).stream().map(Variant::name).toList();
        } catch (IOException e) {
            throw new UncheckedIOException("the variants cannot be read: run this in a checkout", e);
        }
    }

    /** Writes what a variant changes into a folder, which goes before everything else on a class path. */
    public static void write(String name, Path folder) throws IOException {
        for (Variant variant : Variant.all(Search.variants())) {
            if (variant.name().equals(name)) {
                VariantClasses.compile(variant, Search.sources()).writeTo(folder);
                return;
            }
        }
        throw new IllegalArgumentException("no variant is named " + name);
    }
}
