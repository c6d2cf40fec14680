package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import io.fabric8.kubernetes.client.jdkhttp.JdkHttpClientFactory;
import java.io.IOException;
import java.net.http.HttpTimeoutException;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import storage.cairn.api.register.NoReplyException;
import storage.cairn.api.register.Reply;
import storage.cairn.api.register.Requests;

/**
 * Requests to the API server: each once, each with an end. After one without an answer the next go over new
 * connections, since the old ones may lead nowhere.
 */
final class ApiClient implements Requests, AutoCloseable {
    private static final String JSON_TYPE = "application/json";
    private static final String METADATA_ONLY =
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1, " + JSON_TYPE;
    private static final String METADATA_LIST =
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1, " + JSON_TYPE;
    private static final int THREADS = 2;

    static final JsonMapper JSON = new JsonMapper();

    private final Config config;
    private final long timeoutMillis;
    private final ExecutorService threads;
    private volatile Told told = (inTime, nanos) -> {};
    private KubernetesClient client;
    private boolean closed;

    /** Hears of each request how the server did. */
    interface Told {
        /**
         * @param inTime false when it did not answer until the timeout, or could not cope
         * @param nanos how long that took
         */
        void answered(boolean inTime, long nanos);
    }

    /**
     * @param kubeconfig how to reach the API server; empty: as a pod does, by its service account
     * @param timeoutMillis longest wait for one answer
     */
    ApiClient(String kubeconfig, long timeoutMillis) throws IOException {
        this.config = configuration(kubeconfig);
        this.timeoutMillis = timeoutMillis;
        // Repeating a request is for those to decide who know what it means.
        config.setRequestRetryBackoffLimit(0);
        config.setConnectionTimeout((int) timeoutMillis);
        // One request to a connection: one that hangs holds up no other.
        config.setHttp2Disable(true);
        this.threads = Executors.newFixedThreadPool(
                THREADS, Thread.ofPlatform().daemon().name("kubernetes-", 0).factory());
        this.client = open();
    }

    private static Config configuration(String kubeconfig) throws IOException {
        try {
            return kubeconfig.isEmpty()
                    ? Config.autoConfigure(null)
                    : Config.fromKubeconfig(Path.of(kubeconfig).toFile());
        } catch (RuntimeException e) {
            throw new IOException("kubeconfig " + kubeconfig + " cannot be used: " + e.getMessage(), e);
        }
    }

    private KubernetesClient open() {
        return new KubernetesClientBuilder()
                .withConfig(config)
                .withHttpClientFactory(new JdkHttpClientFactory() {
                    @Override
                    protected void additionalConfig(java.net.http.HttpClient.Builder builder) {
                        builder.executor(threads);
                    }
                })
                .build();
    }

    void whenAnswered(Told listener) {
        told = listener;
    }

    @Override
    public Reply get(String path) throws NoReplyException {
        return send(request(path).header("Accept", JSON_TYPE));
    }

    /** A list of which each object has its metadata alone. */
    Reply listMetadata(String path) throws NoReplyException {
        return send(request(path).header("Accept", METADATA_LIST));
    }

    @Override
    public Reply create(String path, JsonNode object) throws NoReplyException {
        return send(request(path).post(JSON_TYPE, object.toString()));
    }

    @Override
    public Reply patch(String path, JsonNode operations) throws NoReplyException {
        return send(request(path).method("PATCH", "application/json-patch+json", operations.toString()));
    }

    /** Puts fields into an object, as RFC 7386 says; lists are replaced. */
    Reply merge(String path, JsonNode fields) throws NoReplyException {
        return send(request(path).method("PATCH", "application/merge-patch+json", fields.toString()));
    }

    private HttpRequest.Builder request(String path) {
        return present().newHttpRequestBuilder().uri(config.getMasterUrl() + path.substring(1));
    }

    private synchronized HttpClient present() {
        return client.getHttpClient();
    }

    private Reply send(HttpRequest.Builder request) throws NoReplyException {
        HttpClient used = present();
        long begun = System.nanoTime();
        HttpResponse<byte[]> response = await(
                used,
                used.sendAsync(
                        request.timeout(timeoutMillis, TimeUnit.MILLISECONDS).build(), byte[].class));
        Reply reply = new Reply(response.code(), parse(response.body()));
        told.answered(!reply.overloaded(), System.nanoTime() - begun);
        return reply;
    }

    private <T> T await(HttpClient used, CompletableFuture<T> answer) throws NoReplyException {
        try {
            return answer.get(timeoutMillis, TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (root(e) instanceof HttpTimeoutException) {
                timedOut();
            }
            renew(used);
            throw new NoReplyException("no answer from " + config.getMasterUrl() + ": " + root(e));
        } catch (TimeoutException e) {
            answer.cancel(true);
            timedOut();
            renew(used);
            throw new NoReplyException("no answer from " + config.getMasterUrl() + " for " + timeoutMillis + " ms");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new NoReplyException("interrupted");
        }
    }

    private void timedOut() {
        told.answered(false, TimeUnit.MILLISECONDS.toNanos(timeoutMillis));
    }

    private static Throwable root(Throwable e) {
        Throwable deepest = e;
        while (deepest.getCause() != null) {
            deepest = deepest.getCause();
        }
        return deepest;
    }

    static JsonNode parse(byte[] body) {
        try {
            return JSON.readTree(body);
        } catch (IOException notJson) {
            // Of an array in memory this is never an error of reading: it is no JSON, or not even text.
            return MissingNode.getInstance();
        }
    }

    /** A watch; each line is one event. */
    EventStream watch(String path, ObjectWatch.Content content) throws NoReplyException {
        HttpClient used = present();
        EventStream stream = new EventStream();
        String accept = content == ObjectWatch.Content.METADATA ? METADATA_ONLY : JSON_TYPE;
        HttpRequest request =
                request(path).header("Accept", accept).forStreaming().build();
        stream.opened(await(used, used.consumeBytes(request, stream)));
        return stream;
    }

    /** Goes over new connections from now on. */
    void renew() {
        renew(present());
    }

    private synchronized void renew(HttpClient used) {
        if (!closed && client.getHttpClient().equals(used)) {
            KubernetesClient old = client;
            client = open();
            old.close();
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        client.close();
        threads.shutdownNow();
    }
}
