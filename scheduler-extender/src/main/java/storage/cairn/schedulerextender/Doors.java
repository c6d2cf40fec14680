package storage.cairn.schedulerextender;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import javax.net.ssl.SSLContext;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.schedulerextender.Wire.BadRequest;

/** HTTP servers: bodies are bounded in size and number, and what is wrong with a request is said in the answer. */
final class Doors implements AutoCloseable {
    private static final int OK = 200;
    private static final int BAD_REQUEST = 400;
    private static final int NOT_FOUND = 404;
    private static final int NOT_ALLOWED = 405;
    private static final int TOO_LARGE = 413;
    private static final int UNAVAILABLE = 503;
    private static final int FAILED = 500;
    private static final int BACKLOG = 64;
    private static final int MOST_AT_ONCE = 32;
    private static final Logger LOG = LogManager.getLogger(Doors.class);

    private final ExecutorService threads = Executors.newCachedThreadPool(
            Thread.ofPlatform().name("http-", 1).daemon().factory());
    private final Semaphore free = new Semaphore(MOST_AT_ONCE);
    private final Figures figures;
    private final HttpServer server;

    /** Answers a body. */
    interface Answer {
        byte[] to(byte[] body) throws BadRequest;
    }

    private Doors(HttpServer server, Figures figures) {
        this.server = server;
        this.figures = figures;
        server.setExecutor(threads);
    }

    /**
     * @param posts by path: who answers POST there
     */
    static Doors open(InetSocketAddress address, Map<String, Answer> posts, Figures figures) throws IOException {
        Doors doors = new Doors(HttpServer.create(address, BACKLOG), figures);
        doors.server.createContext("/", exchange -> doors.post(exchange, posts));
        doors.server.start();
        return doors;
    }

    /** With TLS; presents what {@link #present} said last, and nothing before. */
    static Doors openWithTls(InetSocketAddress address, Map<String, Answer> posts, Figures figures) throws IOException {
        HttpsServer https = HttpsServer.create(address, BACKLOG);
        Doors doors = new Doors(https, figures);
        https.createContext("/", exchange -> {
            // The API server would keep the connection, and after the death of this node send the next pod into it.
            exchange.getResponseHeaders().set("Connection", "close");
            doors.post(exchange, posts);
        });
        return doors;
    }

    /** For connections from now on. */
    void present(SSLContext context) {
        if (!(server instanceof HttpsServer https)) {
            throw new IllegalStateException("a server without TLS presents nothing");
        }
        boolean first = https.getHttpsConfigurator() == null;
        https.setHttpsConfigurator(new HttpsConfigurator(context));
        if (first) {
            https.start();
        }
    }

    int port() {
        return server.getAddress().getPort();
    }

    private void post(HttpExchange exchange, Map<String, Answer> posts) throws IOException {
        Answer answer = posts.get(exchange.getRequestURI().getPath());
        if (answer == null) {
            send(exchange, NOT_FOUND, "POST to one of " + posts.keySet() + "\n");
        } else if (!exchange.getRequestMethod().equals("POST")) {
            send(exchange, NOT_ALLOWED, "use POST\n");
        } else if (!free.tryAcquire()) {
            send(exchange, UNAVAILABLE, "more than " + MOST_AT_ONCE + " requests at once\n");
        } else {
            try {
                answer(exchange, answer);
            } finally {
                free.release();
            }
        }
    }

    private void answer(HttpExchange exchange, Answer answer) throws IOException {
        byte[] body;
        try (InputStream in = exchange.getRequestBody()) {
            body = in.readNBytes(Wire.MAX_BYTES + 1);
            if (body.length > Wire.MAX_BYTES) {
                figures.badRequest();
                send(exchange, TOO_LARGE, "a body has at most " + Wire.MAX_BYTES + " bytes\n");
                return;
            }
        }
        try {
            send(exchange, OK, answer.to(body), "application/json");
        } catch (BadRequest e) {
            figures.badRequest();
            LOG.warn("{}: {}", exchange.getRequestURI().getPath(), e.getMessage());
            send(exchange, BAD_REQUEST, e.getMessage() + "\n");
        } catch (RuntimeException e) {
            LOG.error("{} was not answered", exchange.getRequestURI().getPath(), e);
            send(exchange, FAILED, "not answered: " + e + "; the log has more\n");
        }
    }

    private static void send(HttpExchange exchange, int code, String text) throws IOException {
        send(exchange, code, text.getBytes(StandardCharsets.UTF_8), "text/plain; charset=utf-8");
    }

    private static void send(HttpExchange exchange, int code, byte[] bytes, String type) throws IOException {
        try (exchange) {
            exchange.getResponseHeaders().set("Content-Type", type);
            exchange.sendResponseHeaders(code, bytes.length == 0 ? -1 : bytes.length);
            if (bytes.length > 0) {
                exchange.getResponseBody().write(bytes);
            }
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.close();
    }
}
