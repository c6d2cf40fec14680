package storage.cairn.cli.base;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Records to JSON and back; unknown keys are errors, nulls are left out. */
public final class Json {
    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .defaultPropertyInclusion(
                    JsonInclude.Value.construct(JsonInclude.Include.NON_NULL, JsonInclude.Include.NON_NULL))
            .build();

    private Json() {}

    public static String text(Object value) {
        try {
            return MAPPER.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("not writable as JSON: " + value, e);
        }
    }

    /** Reads a file; a wrong one is a {@link Failure} that names it. */
    public static <T> T read(Path file, Class<T> type) {
        try {
            T value = MAPPER.readValue(Files.readAllBytes(file), type);
            if (value == null) {
                throw new Failure(ExitCode.FAILED, file + " is damaged: it holds nothing");
            }
            return value;
        } catch (ValueInstantiationException e) {
            String why =
                    e.getCause() == null ? e.getOriginalMessage() : e.getCause().getMessage();
            throw new Failure(ExitCode.FAILED, file + " is damaged: " + why, e);
        } catch (JsonProcessingException e) {
            throw new Failure(ExitCode.FAILED, file + " is damaged: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new Failure(ExitCode.FAILED, file + " cannot be read: " + e, e);
        }
    }
}
