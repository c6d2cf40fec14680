package storage.cairn.schedulerextender;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.process.Pages;
import storage.cairn.api.resource.Api;

/** Puts the parts together: what is read, who is answered, and where. */
final class SchedulerExtender implements AutoCloseable {
    /** Annotation of a pod that kube-scheduler is to look at again; it changes each time. */
    static final String LOOK_AGAIN = Api.GROUP + "/look-again";

    private static final int NOT_FOUND = 404;
    private static final long LOOK_MILLIS = 50;
    private static final Logger LOG = LogManager.getLogger(SchedulerExtender.class);

    private final KubernetesClient client;
    private final Settings settings;
    private final Figures figures = new Figures();
    private final ExecutorService touching = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("touch").daemon().factory());
    private final Informed informed;
    private final Viewer viewer;
    private final Waker waker;
    private final Doors extender;
    private final Doors webhook;
    private final Pages pages;
    private final Registration registration;

    /**
     * @param extender where kube-scheduler asks; on loopback
     * @param webhook where the API server asks
     * @param pages where metrics and probes are
     * @param url by which the API server reaches the webhook; empty: by its Service
     * @param pod name of this pod; empty: not known
     */
    record Settings(
            InetSocketAddress extender,
            InetSocketAddress webhook,
            InetSocketAddress pages,
            Routing.Mode mode,
            String url,
            String pod) {}

    SchedulerExtender(KubernetesClient client, Settings settings) throws IOException {
        this.client = client;
        this.settings = settings;
        this.informed = new Informed(client, this::changed);
        Claims claims = new Claims(informed);
        this.waker = new Waker(claims, this::touch, touching);
        this.viewer = new Viewer(
                new Photographer(informed, claim -> informed.storageClass(Claims.className(claim)), claims),
                informed,
                this::seen);
        Extender answers = new Extender(viewer::newest, claims, waker, figures);
        Webhook admission = new Webhook(
                new Routing(new AskedOnce(informed, client)),
                settings.mode(),
                () -> informed.schedulerLeads(Routing.SCHEDULER),
                viewer::newest,
                figures);
        figures.gauge("cairn.scheduler.pods.waiting", "Pods all of whose nodes were refused", waker::size);
        figures.gauge(
                "cairn.scheduler.leads", "1: the kube-scheduler of this pod leads", () -> isNextToLeader() ? 1 : 0);
        this.extender = Doors.open(
                settings.extender(), Map.of("/filter", answers::filter, "/prioritize", answers::prioritize), figures);
        this.webhook = Doors.openWithTls(settings.webhook(), Map.of("/pods", admission::review), figures);
        this.pages = Pages.open(
                settings.pages(),
                figures::page,
                () -> "",
                () -> viewer.newest() == null ? "not everything is read yet" : "");
        this.registration = new Registration(client, settings.url(), webhook::present);
    }

    /** Blocks until everything is read; false: {@code ended} came first. */
    boolean start(CountDownLatch ended) throws InterruptedException {
        String told = "";
        while (true) {
            String missing = informed.missing();
            if (missing.isEmpty()) {
                break;
            }
            if (!missing.equals(told)) {
                told = missing;
                LOG.info("not read yet: {}", missing);
            }
            if (ended.await(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
                return false;
            }
        }
        viewer.start();
        registration.start();
        LOG.info("everything is read: kube-scheduler is answered on {}", settings.extender());
        return true;
    }

    int extenderPort() {
        return extender.port();
    }

    int pagesPort() {
        return pages.port();
    }

    int webhookPort() {
        return webhook.port();
    }

    private void changed() {
        Viewer made = viewer;
        if (made != null) {
            made.changed();
        }
    }

    private void seen(Snapshot snapshot) {
        waker.changed(snapshot);
    }

    private boolean isNextToLeader() {
        String leader = informed.leader(Routing.SCHEDULER);
        return !settings.pod().isEmpty() && leader.startsWith(settings.pod() + "_");
    }

    private void touch(PodVolumes pod) {
        try {
            client.pods()
                    .inNamespace(pod.namespace())
                    .withName(pod.name())
                    .patch(
                            PatchContext.of(PatchType.JSON_MERGE),
                            "{\"metadata\":{\"annotations\":{\"" + LOOK_AGAIN + "\":\"" + Instant.now() + "\"}}}");
        } catch (KubernetesClientException e) {
            if (e.getCode() != NOT_FOUND) {
                LOG.warn(
                        "pod {}/{} was not touched; kube-scheduler looks at it within five minutes: {}",
                        pod.namespace(),
                        pod.name(),
                        e.getMessage());
            }
        }
    }

    /** As informed, but a claim that was made just before its pod may not be known yet: then it is asked for, once. */
    private record AskedOnce(Informed informed, KubernetesClient client) implements Claims.Objects {
        @Override
        public @Nullable PersistentVolumeClaim claim(String namespace, String name) {
            PersistentVolumeClaim known = informed.claim(namespace, name);
            return known != null
                    ? known
                    : client.persistentVolumeClaims()
                            .inNamespace(namespace)
                            .withName(name)
                            .get();
        }

        @Override
        public @Nullable PersistentVolume volume(String name) {
            return informed.volume(name);
        }

        @Override
        public @Nullable StorageClass storageClass(String name) {
            return informed.storageClass(name);
        }

        @Override
        public String onlyPool() {
            return informed.onlyPool();
        }
    }

    @Override
    public void close() {
        registration.close();
        viewer.close();
        extender.close();
        webhook.close();
        pages.close();
        informed.close();
        touching.close();
    }
}
