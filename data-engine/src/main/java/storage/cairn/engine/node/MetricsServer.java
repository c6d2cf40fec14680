package storage.cairn.engine.node;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/**
 * Metrics and health over HTTP: {@code /metrics}, {@code /healthz} (should this process be restarted?) and
 * {@code /readyz} (can clients use it?).
 */
final class MetricsServer implements AutoCloseable {
    private static final int BACKLOG = 64;
    private static final int MAX_REQUESTS = 32;
    private static final int OK = 200;
    private static final int METHOD_NOT_ALLOWED = 405;
    private static final int NOT_FOUND = 404;
    private static final int UNAVAILABLE = 503;

    private final HttpServer server;
    private final Semaphore free = new Semaphore(MAX_REQUESTS);

    /**
     * @param text the answer, plain
     */
    record Answer(boolean ok, String text) {}

    private MetricsServer(HttpServer server) {
        this.server = server;
    }

    static MetricsServer open(
            InetSocketAddress address, Supplier<String> metrics, Supplier<Answer> health, Supplier<Answer> ready)
            throws IOException {
        HttpServer http;
        try {
            http = HttpServer.create(address, BACKLOG);
        } catch (IOException e) {
            throw new IOException("metrics cannot listen on " + address + ": " + e.getMessage(), e);
        }
        MetricsServer server = new MetricsServer(http);
        http.createContext("/", exchange -> server.answer(exchange, "/", () -> new Answer(false, "")));
        http.createContext(
                "/metrics", exchange -> server.answer(exchange, "/metrics", () -> new Answer(true, metrics.get())));
        http.createContext("/healthz", exchange -> server.answer(exchange, "/healthz", health));
        http.createContext("/readyz", exchange -> server.answer(exchange, "/readyz", ready));
        http.setExecutor(Executors.newCachedThreadPool(
                Thread.ofPlatform().name("metrics-", 1).daemon().factory()));
        http.start();
        return server;
    }

    /** Port it listens on. */
    int port() {
        return server.getAddress().getPort();
    }

    private void answer(HttpExchange exchange, String path, Supplier<Answer> answer) throws IOException {
        try (exchange) {
            if (path.equals("/") || !exchange.getRequestURI().getPath().equals(path)) {
                send(exchange, NOT_FOUND, "There are /metrics, /healthz and /readyz.\n");
            } else if (!exchange.getRequestMethod().equals("GET")) {
                send(exchange, METHOD_NOT_ALLOWED, "Use GET.\n");
            } else if (!free.tryAcquire()) {
                send(exchange, UNAVAILABLE, MAX_REQUESTS + " requests are under way; try again.\n");
            } else {
                try {
                    Answer given = answer.get();
                    send(exchange, given.ok() ? OK : UNAVAILABLE, given.text());
                } finally {
                    free.release();
                }
            }
        }
    }

    private static void send(HttpExchange exchange, int code, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        exchange.sendResponseHeaders(code, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
