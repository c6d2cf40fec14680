package storage.cairn.client.attach;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import storage.cairn.engine.fuzz.FuzzTarget;

/** The record of an attached volume: it is used, found not to be there, or refused by its name. */
public final class AttachmentFuzz implements FuzzTarget {
    private static final String VOLUME = "v";

    private final Path folder;
    private final Path record;
    private final Attachments attachments;

    public AttachmentFuzz() {
        try {
            folder = Files.createTempDirectory("cairn-fuzz");
            record = Files.createDirectory(folder.resolve("attachments")).resolve(VOLUME + ".json");
            attachments = new Attachments(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void run(byte[] input) throws IOException {
        Files.write(record, input);
        try {
            Optional<Attachment> found = attachments.find(VOLUME);
            if (found.isPresent()) {
                throw new AssertionError("a device that is not there: " + found.get());
            }
            if (!attachments.anythingOf(VOLUME) || !attachments.all().isEmpty()) {
                throw new AssertionError("a record that is not seen");
            }
        } catch (AttachException refused) {
            if (!refused.getMessage().contains(record.toString())) {
                throw new AssertionError("a refusal that does not name the file: " + refused.getMessage());
            }
        }
    }

    @Override
    public List<byte[]> seeds() {
        return List.of(
                seed(new Attachment(VOLUME, Attachment.Kind.nbd, "/dev/nbd0", "17", "v/1", Helper.boot(), 1)),
                seed(new Attachment(VOLUME, Attachment.Kind.fuse, "/dev/loop0", "/x/y", "v/1", Helper.boot(), 0)),
                seed(new Attachment(VOLUME, Attachment.Kind.fuse, "", "", "v/1", "another", 0)));
    }

    private static byte[] seed(Attachment attachment) {
        return AttachmentFile.bytes(attachment);
    }

    @Override
    public void close() {
        try {
            Files.deleteIfExists(record);
            Files.delete(folder.resolve("attachments"));
            Files.delete(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public long allowedBytes(int inputBytes) {
        return (1 << 20) + 256L * inputBytes;
    }
}
