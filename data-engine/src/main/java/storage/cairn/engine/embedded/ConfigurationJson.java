package storage.cairn.engine.embedded;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.deser.std.FromStringDeserializer;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;
import java.util.function.Function;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/** The values of the store as JSON: nothing missing, nothing unknown, identities as plain text. */
final class ConfigurationJson {
    private static final String VOLUME = "volume";
    private static final String NAME = "name";
    private static final String VOID = "void";
    private static final String CLUSTER = "cluster";

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES,
                    DeserializationFeature.FAIL_ON_TRAILING_TOKENS,
                    DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .withCoercionConfig(
                    LogicalType.Integer, config -> config.setCoercion(CoercionInputShape.Float, CoercionAction.Fail))
            .addModule(new SimpleModule()
                    .addSerializer(DiskId.class, ToStringSerializer.instance)
                    .addSerializer(VolumeId.class, ToStringSerializer.instance)
                    .addDeserializer(DiskId.class, new FromText<>(DiskId.class, DiskId::of))
                    .addDeserializer(VolumeId.class, new FromText<>(VolumeId.class, VolumeId::of)))
            .build();

    private ConfigurationJson() {}

    /** Who has a name. */
    record NameClaim(String name, VolumeId volume) {}

    /** Whose directory it is. */
    record ClusterMark(UUID cluster) {}

    static Envelope volume(Configuration configuration) {
        return envelope(VOLUME, configuration);
    }

    static Envelope name(NameClaim claim) {
        return envelope(NAME, claim);
    }

    static Envelope cluster(ClusterMark mark) {
        return envelope(CLUSTER, mark);
    }

    /** Stands in the place of a volume that was announced, never made, and now never can be. */
    static Envelope voided() {
        return new Envelope(VOID, new byte[0]);
    }

    static boolean isVoid(Envelope envelope) {
        return envelope.kind().equals(VOID);
    }

    static Configuration volume(Path where, Envelope envelope) throws CorruptFileException {
        return decode(where, envelope, VOLUME, Configuration.class);
    }

    static NameClaim name(Path where, Envelope envelope) throws CorruptFileException {
        return decode(where, envelope, NAME, NameClaim.class);
    }

    static ClusterMark cluster(Path where, Envelope envelope) throws CorruptFileException {
        return decode(where, envelope, CLUSTER, ClusterMark.class);
    }

    private static Envelope envelope(String kind, Object value) {
        try {
            return new Envelope(kind, JSON.writeValueAsBytes(value));
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("cannot be written as JSON: " + value, e);
        }
    }

    private static <T> T decode(Path where, Envelope envelope, String kind, Class<T> type) throws CorruptFileException {
        if (!envelope.kind().equals(kind)) {
            throw new CorruptFileException(where, "it holds a " + envelope.kind() + " instead of a " + kind);
        }
        try {
            T value = JSON.readValue(envelope.json(), type);
            if (value == null) {
                throw new CorruptFileException(where, "it holds nothing");
            }
            return value;
        } catch (CorruptFileException e) {
            throw e;
        } catch (IOException e) {
            throw new CorruptFileException(where, String.valueOf(e.getMessage()));
        }
    }

    private static final class FromText<T> extends FromStringDeserializer<T> {
        private final transient Function<String, T> parse;

        FromText(Class<T> type, Function<String, T> parse) {
            super(type);
            this.parse = parse;
        }

        @Override
        protected T _deserialize(String text, DeserializationContext context) throws IOException {
            try {
                return parse.apply(text);
            } catch (IllegalArgumentException e) {
                throw context.weirdStringException(text, handledType(), "not an identity");
            }
        }
    }
}
