package storage.cairn.engine.variants;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.sim.Hunt;

/** Runs the world of one variant, seed after seed, until a checker notices. */
final class Search {
    private final Variant variant;
    private final LongFunction<String> hunt;
    /** The same world on the code as it is: what is noticed there too proves nothing. */
    private final LongFunction<String> control;

    /**
     * What came of it.
     *
     * @param by what noticed, and how it put it; null: nothing did
     * @param failures seeds that failed with the code as it is, too: bugs of the code or of the simulator
     */
    record Outcome(@Nullable String by, long seeds, double seconds, List<Long> failures) {
        boolean caught() {
            return by != null;
        }
    }

    /** Patches and compiles a variant. */
    Search(Variant variant) throws IOException, ReflectiveOperationException {
        this.variant = variant;
        this.hunt = hunt(VariantClasses.compile(variant, sources()));
        this.control = new Hunt(variant.world(), variant.faults(), variant.operations());
    }

    /** The module's sources, which lie beside what was built from them. */
    static Path sources() {
        try {
            Path built = Path.of(Search.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            return built.resolveSibling("../src").normalize();
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static Path variants() {
        return sources().resolve("sim/variants");
    }

    @SuppressWarnings("unchecked")
    private LongFunction<String> hunt(ClassLoader classes) throws ReflectiveOperationException {
        return (LongFunction<String>) classes.loadClass(Hunt.class.getName())
                .getConstructor(String.class, String.class, int.class)
                .newInstance(variant.world(), variant.faults(), variant.operations());
    }

    /** Goes on until the variant is caught, or so many seeds or seconds have passed. */
    Outcome run(long mostSeeds, double mostSeconds) {
        List<Long> failures = new ArrayList<>();
        long begun = System.nanoTime();
        double seconds = 0;
        long seed = 0;
        while (seed < mostSeeds && seconds < mostSeconds) {
            seed++;
            String noticed = hunt.apply(seed);
            seconds = (System.nanoTime() - begun) / 1e9;
            if (!noticed.isEmpty() && control.apply(seed).isEmpty()) {
                return new Outcome(noticed, seed, seconds, failures);
            } else if (!noticed.isEmpty()) {
                failures.add(seed);
            }
        }
        return new Outcome(null, seed, seconds, failures);
    }
}
