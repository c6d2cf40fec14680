package storage.cairn.engine.kube;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import storage.cairn.engine.embedded.ConfigStoreContract;
import storage.cairn.engine.port.ConfigStore;

/** The store on a real API server does what every configuration store must do. */
final class KubernetesConfigStoreIT extends ConfigStoreContract {
    @TempDir
    static Path folder;

    private static KubernetesCluster cluster;
    private final List<ConfigStore> engines = new ArrayList<>();

    @BeforeAll
    static void start() throws IOException {
        cluster = new KubernetesCluster(folder);
    }

    @AfterAll
    static void stop() throws IOException {
        if (cluster != null) {
            cluster.close();
        }
    }

    @BeforeEach
    void open() throws IOException {
        for (int i = 0; i < 2; i++) {
            engines.add(cluster.open());
        }
    }

    @AfterEach
    void close() throws IOException {
        cluster.closeEngines();
        cluster.removeVolumes();
    }

    @Override
    protected ConfigStore engine(int number) {
        return engines.get(number - 1);
    }

    @Override
    protected <T> T ask(Consumer<ConfigStore.Answer<T>> question) {
        return cluster.loop.ask(Duration.ofMinutes(3), answer -> question.accept(answer::accept));
    }
}
