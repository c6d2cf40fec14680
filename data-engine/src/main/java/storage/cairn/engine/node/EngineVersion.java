package storage.cairn.engine.node;

/** The version of this engine, from its jar. */
final class EngineVersion {
    private EngineVersion() {}

    static String current() {
        String version = EngineVersion.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
