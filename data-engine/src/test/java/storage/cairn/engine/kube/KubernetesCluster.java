package storage.cairn.engine.kube;

import io.fabric8.kubernetes.client.KubernetesClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeName;
import storage.cairn.engine.port.ThreadClock;
import storage.cairn.testing.ApiServer;

/** An API server with our definitions, and the stores of some engines on it. */
final class KubernetesCluster implements AutoCloseable {
    private static final Path DEFINITIONS = Path.of("..", "charts", "cairn", "templates", "crds");

    private static final long PATIENT_MILLIS = 60_000;

    final ApiServer server;
    final KubernetesClient admin;
    final ThreadClock loop = new ThreadClock();
    final List<String> problems = new CopyOnWriteArrayList<>();
    private final Path folder;
    private final List<KubernetesConfigStore> engines = new ArrayList<>();

    KubernetesCluster(Path folder) throws IOException {
        this.folder = folder;
        this.server = ApiServer.start();
        this.admin = server.client();
        server.define(DEFINITIONS);
    }

    /** The store of an engine that has the patience that a busy test machine asks for. */
    KubernetesConfigStore open() throws IOException {
        return open(server.port(), PATIENT_MILLIS);
    }

    /** The store of an engine that reaches the API server at {@code port}. */
    KubernetesConfigStore open(int port, long timeoutMillis) throws IOException {
        Path kubeconfig = folder.resolve("kubeconfig-" + port);
        Files.writeString(kubeconfig, server.kubeconfig(port));
        KubernetesConfigStore engine =
                KubernetesConfigStore.open(kubeconfig.toString(), timeoutMillis, loop, problems::add);
        engines.add(engine);
        return engine;
    }

    void closeEngines() throws IOException {
        for (KubernetesConfigStore engine : engines) {
            engine.close();
        }
        engines.clear();
        problems.clear();
    }

    void removeVolumes() {
        admin.resources(VolumeMembership.class).delete();
        admin.resources(VolumeName.class).delete();
    }

    @Override
    public void close() throws IOException {
        closeEngines();
        loop.close();
        admin.close();
        server.close();
    }
}
