package storage.cairn.engine.fuzz;

/** Where Jazzer enters: hands each input to the target that {@code cairn.fuzz.target} names. */
public final class FuzzEntry {
    private static final FuzzTarget TARGET = FuzzTargets.named(System.getProperty("cairn.fuzz.target", ""));

    private FuzzEntry() {}

    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        BoundedRun.run(TARGET, input);
    }
}
