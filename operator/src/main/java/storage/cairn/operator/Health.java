package storage.cairn.operator;

import com.sun.net.httpserver.HttpServer;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/** Serves /healthz, /readyz and /metrics by HTTP. */
final class Health implements AutoCloseable {
    private static final int OK = 200;
    private static final int UNAVAILABLE = 503;

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool(
            Thread.ofPlatform().name("health-", 1).daemon().factory());

    private Health(HttpServer server) {
        this.server = server;
    }

    /**
     * @param healthy what is wrong and only a restart mends; empty when nothing is
     * @param ready why it cannot work now, empty when it can
     */
    static Health open(int port, Supplier<String> healthy, Supplier<String> ready, PrometheusMeterRegistry metrics)
            throws IOException {
        Health health = new Health(HttpServer.create(new InetSocketAddress(port), 0));
        health.answer("/healthz", healthy);
        health.answer("/readyz", ready);
        health.server.createContext("/metrics", exchange -> {
            byte[] page = metrics.scrape().getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", "text/plain; version=0.0.4");
            exchange.sendResponseHeaders(OK, page.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(page);
            }
        });
        health.server.setExecutor(health.threads);
        health.server.start();
        return health;
    }

    private void answer(String path, Supplier<String> problem) {
        server.createContext(path, exchange -> {
            String found = problem.get();
            byte[] text = (found.isEmpty() ? "ok\n" : found + "\n").getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(found.isEmpty() ? OK : UNAVAILABLE, text.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(text);
            }
        });
    }

    int port() {
        return server.getAddress().getPort();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
