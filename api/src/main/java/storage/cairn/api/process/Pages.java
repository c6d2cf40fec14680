package storage.cairn.api.process;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * The pages by which a process is watched: {@code /metrics}, {@code /healthz} (200 unless only a restart mends it) and
 * {@code /readyz} (200 when it can work now).
 */
public final class Pages implements AutoCloseable {
    private static final int OK = 200;
    private static final int NOT_FOUND = 404;
    private static final int UNAVAILABLE = 503;
    private static final int BACKLOG = 16;

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool(
            Thread.ofPlatform().name("pages-", 1).daemon().factory());

    private Pages(HttpServer server) {
        this.server = server;
    }

    /**
     * @param metrics as Prometheus reads them
     * @param unhealthy what only a restart mends; empty when nothing does
     * @param unready why it cannot work now; empty when it can
     */
    public static Pages open(
            InetSocketAddress address, Supplier<String> metrics, Supplier<String> unhealthy, Supplier<String> unready)
            throws IOException {
        Pages pages = new Pages(HttpServer.create(address, BACKLOG));
        Map<String, Supplier<String>> checks = Map.of("/healthz", unhealthy, "/readyz", unready);
        pages.server.createContext("/", exchange -> {
            String path = exchange.getRequestURI().getPath();
            Supplier<String> check = checks.get(path);
            if (path.equals("/metrics")) {
                send(exchange, OK, metrics.get());
            } else if (check == null) {
                send(exchange, NOT_FOUND, "use /metrics, /healthz or /readyz\n");
            } else {
                String problem = check.get();
                send(exchange, problem.isEmpty() ? OK : UNAVAILABLE, problem.isEmpty() ? "ok\n" : problem + "\n");
            }
        });
        pages.server.setExecutor(pages.threads);
        pages.server.start();
        return pages;
    }

    /**
     * An address as options name it.
     *
     * @throws IllegalArgumentException when it is not HOST:PORT
     */
    public static InetSocketAddress address(String text) {
        int colon = text.lastIndexOf(':');
        if (colon < 1 || !text.substring(colon + 1).matches("[0-9]{1,5}")) {
            throw new IllegalArgumentException("'" + text + "': give HOST:PORT, as 0.0.0.0:8080");
        }
        return new InetSocketAddress(text.substring(0, colon), Integer.parseInt(text.substring(colon + 1)));
    }

    private static void send(HttpExchange exchange, int code, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        try (exchange) {
            exchange.getResponseHeaders().set("Content-Type", "text/plain; charset=utf-8");
            exchange.sendResponseHeaders(code, bytes.length);
            exchange.getResponseBody().write(bytes);
        }
    }

    public int port() {
        return server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.close();
    }
}
