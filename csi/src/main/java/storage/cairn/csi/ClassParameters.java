package storage.cairn.csi;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.VolumeSpec;

/**
 * What a StorageClass says of its volumes.
 *
 * @param pool StoragePool that holds them
 * @param replicas copies, null: as the pool says
 * @param minInSync fewest copies that a write must reach, null: as the pool says
 * @param spread what no two copies share, null: as the pool says
 * @param restoreWindowSeconds how long a deleted volume can be restored, null: as the replica manager says
 */
record ClassParameters(
        String pool,
        @Nullable Integer replicas,
        @Nullable Integer minInSync,
        VolumeSpec.Locality locality,
        @Nullable Spread spread,
        @Nullable Integer restoreWindowSeconds) {
    static final String DEFAULT_POOL = "default";
    static final int MAX_REPLICAS = 5;
    private static final int YEAR_SECONDS = 31_536_000;

    private static final List<String> KNOWN =
            List.of("pool", "replicas", "minInSync", "locality", "spread", "restoreWindowSeconds");
    /** Keys of the provisioner and of the PVC, which are told along with ours. */
    private static final String KUBERNETES = "csi.storage.k8s.io/";

    /** @throws CsiException INVALID_ARGUMENT that names every wrong key */
    static ClassParameters parse(Map<String, String> given) {
        Map<String, String> own = new TreeMap<>();
        List<String> problems = new ArrayList<>();
        given.forEach((key, value) -> {
            if (KNOWN.contains(key)) {
                own.put(key, value);
            } else if (!key.startsWith(KUBERNETES)) {
                problems.add("there is no parameter '" + key + "'" + meant(key));
            }
        });
        String pool = own.getOrDefault("pool", DEFAULT_POOL);
        if (!pool.matches("[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")) {
            problems.add("pool '" + pool + "' is not the name of a StoragePool");
        }
        Integer replicas = number(own, "replicas", 1, MAX_REPLICAS, problems);
        Integer minInSync = number(own, "minInSync", 1, MAX_REPLICAS, problems);
        Integer restoreWindow = number(own, "restoreWindowSeconds", 0, YEAR_SECONDS, problems);
        if (replicas != null && minInSync != null && minInSync > replicas) {
            problems.add("minInSync " + minInSync + " is more than replicas " + replicas
                    + ": such a volume could never be written");
        }
        VolumeSpec.Locality locality =
                choice(own, "locality", VolumeSpec.Locality.class, VolumeSpec.Locality.PREFERRED, problems);
        Spread spread = choice(own, "spread", Spread.class, null, problems);
        if (!problems.isEmpty() || locality == null) {
            throw CsiException.invalid("the StorageClass has parameters that cannot be met: "
                    + String.join("; ", problems) + ". Known are " + String.join(", ", KNOWN)
                    + "; a StorageClass cannot be changed: make another one");
        }
        return new ClassParameters(pool, replicas, minInSync, locality, spread, restoreWindow);
    }

    private static String meant(String key) {
        for (String known : KNOWN) {
            if (known.equalsIgnoreCase(key)) {
                return " (is '" + known + "' meant?)";
            }
        }
        return "";
    }

    private static @Nullable Integer number(
            Map<String, String> own, String key, int least, int most, List<String> problems) {
        String text = own.get(key);
        if (text == null) {
            return null;
        }
        int value = text.matches("[0-9]{1,9}") ? Integer.parseInt(text) : -1;
        if (value < least || value > most) {
            problems.add(key + " '" + text + "' is not a number from " + least + " to " + most);
            return null;
        }
        return value;
    }

    private static <E extends Enum<E>> @Nullable E choice(
            Map<String, String> own, String key, Class<E> type, @Nullable E usual, List<String> problems) {
        String text = own.get(key);
        if (text == null) {
            return usual;
        }
        List<String> names = new ArrayList<>();
        for (E each : type.getEnumConstants()) {
            String name = each.name().toLowerCase(Locale.ROOT);
            if (name.equals(text)) {
                return each;
            }
            names.add(name);
        }
        problems.add(key + " '" + text + "' is none of " + String.join(", ", names));
        return usual;
    }
}
