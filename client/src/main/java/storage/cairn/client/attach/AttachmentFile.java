package storage.cairn.client.attach;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/** The JSON file that records one {@link Attachment}; it is replaced as a whole. Unknown keys are errors. */
final class AttachmentFile {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private AttachmentFile() {}

    static byte[] bytes(Attachment attachment) {
        try {
            return (JSON.writeValueAsString(attachment) + "\n").getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("not writable as JSON: " + attachment, e);
        }
    }

    static void write(Path file, Attachment attachment) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.write(fresh, bytes(attachment));
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** @throws AttachException naming the file, when it is damaged */
    static Attachment read(Path file) {
        try {
            Attachment attachment = JSON.readValue(Files.readAllBytes(file), Attachment.class);
            if (attachment == null) {
                throw damaged(file, "it holds nothing", null);
            }
            return attachment;
        } catch (ValueInstantiationException e) {
            Throwable cause = e.getCause();
            throw damaged(file, cause == null ? e.getOriginalMessage() : String.valueOf(cause.getMessage()), e);
        } catch (JsonProcessingException e) {
            throw damaged(file, e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new AttachException(AttachException.Reason.FAILED, file + " cannot be read: " + e, e);
        }
    }

    private static AttachException damaged(Path file, String why, @Nullable Throwable cause) {
        return new AttachException(AttachException.Reason.FAILED, file + " is damaged: " + why, cause);
    }
}
