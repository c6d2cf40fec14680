package storage.cairn.client.nbd;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;

/**
 * Where an export is: {@code nbd://host:port/export} or {@code nbd+unix:///export?socket=path}.
 *
 * @param text as it was given
 * @param export name of the export, decoded
 */
public record NbdUri(String text, String export) {
    private static final int DEFAULT_PORT = 10809;

    /** @throws IllegalArgumentException when it is neither form; says what is wrong */
    public static NbdUri parse(String text) {
        URI uri = uri(text);
        String path = uri.getPath();
        String export = path == null || path.isEmpty() ? "" : path.substring(1);
        NbdUri parsed = new NbdUri(text, export);
        var unused = parsed.address();
        return parsed;
    }

    private static URI uri(String text) {
        try {
            return new URI(text);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("'" + text + "' is no URI: " + e.getMessage(), e);
        }
    }

    /** The socket to connect to; a host name is looked up anew each time. */
    public SocketAddress address() {
        URI uri = uri(text);
        String scheme = String.valueOf(uri.getScheme());
        return switch (scheme) {
            case "nbd" -> {
                if (uri.getHost() == null) {
                    throw new IllegalArgumentException("'" + text + "' names no host: nbd://HOST:PORT/EXPORT");
                }
                yield new InetSocketAddress(uri.getHost(), uri.getPort() < 0 ? DEFAULT_PORT : uri.getPort());
            }
            case "nbd+unix" -> UnixDomainSocketAddress.of(socket(uri));
            default ->
                throw new IllegalArgumentException(
                        "'" + text + "' is neither nbd://HOST:PORT/EXPORT nor" + " nbd+unix:///EXPORT?socket=PATH");
        };
    }

    private String socket(URI uri) {
        String query = uri.getRawQuery();
        if (query != null) {
            for (String part : query.split("&", -1)) {
                if (part.startsWith("socket=")) {
                    return URLDecoder.decode(part.substring("socket=".length()), StandardCharsets.UTF_8);
                }
            }
        }
        throw new IllegalArgumentException("'" + text + "' names no socket: nbd+unix:///EXPORT?socket=PATH");
    }

    @Override
    public String toString() {
        return text;
    }
}
