package storage.cairn.api.resource;

/** Names that all components and the API server agree on. */
public final class Api {
    public static final String GROUP = "cairn.storage";
    public static final String VERSION = "v1alpha1";

    /** Text of a UUID as this project writes it. */
    static final String UUID_PATTERN = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

    static final String NAME_IS_UUID = "self.metadata.name.matches('" + UUID_PATTERN + "')";

    /** Name of a volume, shorter than Kubernetes allows: it is also the name of an export. */
    static final String VOLUME_NAME_PATTERN = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

    private Api() {}
}
