package storage.cairn.engine.embedded;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import storage.cairn.engine.port.Crc32c;

/**
 * The checked wrapping of every file of the store: one line of text before the JSON says how long it is and what it
 * must add up to.
 *
 * <pre>
 * cairn-config FORMAT KIND bytes=LENGTH crc32c=HEX\n
 * {JSON of exactly LENGTH bytes}
 * </pre>
 *
 * FORMAT is 1. KIND is {@code cluster}, {@code volume}, {@code name} or {@code void}. HEX is the CRC32C of the JSON in
 * eight hexadecimal digits. A file that is cut short, longer, flipped or of another format is refused by name.
 *
 * @param kind what the JSON is
 * @param json its bytes
 */
record Envelope(String kind, byte[] json) {
    static final int FORMAT = 1;

    /** A configuration of five replicas takes about 1 KiB. */
    static final int MAX_BYTES = 1 << 20;

    private static final int MAX_HEADER_BYTES = 128;
    private static final Pattern HEADER =
            Pattern.compile("cairn-config (\\d{1,9}) ([a-z]{1,16}) bytes=(\\d{1,8}) crc32c=([0-9a-f]{8})");

    byte[] encode() {
        String header = "cairn-config %d %s bytes=%d crc32c=%08x\n".formatted(FORMAT, kind, json.length, crc(json));
        byte[] head = header.getBytes(StandardCharsets.US_ASCII);
        byte[] all = new byte[head.length + json.length];
        System.arraycopy(head, 0, all, 0, head.length);
        System.arraycopy(json, 0, all, head.length, json.length);
        return all;
    }

    /**
     * Reads and checks a file.
     *
     * @throws java.nio.file.NoSuchFileException if it is not there
     * @throws CorruptFileException if it is not whole
     */
    static Envelope read(Path file) throws IOException {
        byte[] all;
        try (var in = Files.newInputStream(file)) {
            all = in.readNBytes(MAX_BYTES + 1);
        }
        return decode(file, all);
    }

    static Envelope decode(Path file, byte[] all) throws CorruptFileException {
        if (all.length > MAX_BYTES) {
            throw new CorruptFileException(file, "longer than " + MAX_BYTES + " bytes");
        }
        int end = 0;
        while (end < all.length && end < MAX_HEADER_BYTES && all[end] != '\n') {
            end++;
        }
        Matcher header = HEADER.matcher(new String(all, 0, end, StandardCharsets.ISO_8859_1));
        if (end == all.length || !header.matches()) {
            throw new CorruptFileException(file, "it does not begin with a cairn-config line");
        }
        if (Integer.parseInt(header.group(1)) != FORMAT) {
            throw new CorruptFileException(
                    file, "format " + header.group(1) + ", this engine knows only format " + FORMAT);
        }
        int length = Integer.parseInt(header.group(3));
        if (all.length - end - 1 != length) {
            throw new CorruptFileException(
                    file, "it holds " + (all.length - end - 1) + " bytes of content instead of " + length);
        }
        byte[] json = new byte[length];
        System.arraycopy(all, end + 1, json, 0, length);
        if (crc(json) != Integer.parseUnsignedInt(header.group(4), 16)) {
            throw new CorruptFileException(file, "its content does not match its checksum");
        }
        return new Envelope(header.group(2), json);
    }

    private static int crc(byte[] bytes) {
        return Crc32c.of(ByteBuffer.wrap(bytes), 0, bytes.length);
    }
}
