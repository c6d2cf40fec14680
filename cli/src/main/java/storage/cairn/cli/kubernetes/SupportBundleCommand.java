package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.api.model.Event;
import io.fabric8.kubernetes.api.model.KubernetesResourceList;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.Callable;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.Disk;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.StorageNode;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeName;
import storage.cairn.cli.base.ExitCode;

/** {@code kubectl cairn support-bundle}: what somebody needs who helps from afar. No Secret is in it. */
@Command(
        name = "support-bundle",
        description =
                "Writes all resources of Cairn, its pods, their logs and events to a zip file. No Secret is read.")
final class SupportBundleCommand implements Callable<Integer> {
    private static final int LOG_LINES = 10_000;

    private final KubernetesCairn cairn;

    @Parameters(paramLabel = "FILE", description = "The file, which must not be there yet.")
    private Path file = Path.of("cairn-support.zip");

    SupportBundleCommand(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    @Override
    public Integer call() throws IOException {
        try (OutputStream out = Files.newOutputStream(file, StandardOpenOption.CREATE_NEW);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            cairn.with(client -> {
                resources(client, zip);
                pods(client, zip);
                return 0;
            });
        }
        cairn.err().println("Written: " + file);
        return ExitCode.OK.number();
    }

    private static void resources(KubernetesClient client, ZipOutputStream zip) {
        put(zip, "version.yaml", client.getKubernetesVersion());
        list(zip, "storageclusters.yaml", client.resources(StorageCluster.class).list());
        list(zip, "storagepools.yaml", client.resources(StoragePool.class).list());
        list(zip, "storagenodes.yaml", client.resources(StorageNode.class).list());
        list(zip, "disks.yaml", client.resources(Disk.class).list());
        list(zip, "volumes.yaml", client.resources(Volume.class).list());
        list(
                zip,
                "volumememberships.yaml",
                client.resources(VolumeMembership.class).list());
        list(zip, "volumenames.yaml", client.resources(VolumeName.class).list());
        list(zip, "leases.yaml", client.leases().inNamespace(Api.NAMESPACE).list());
        KubernetesResourceList<Event> events =
                client.v1().events().inNamespace(Api.NAMESPACE).list();
        list(zip, "events.yaml", events);
        list(zip, "pods.yaml", client.pods().inNamespace(Api.NAMESPACE).list());
    }

    private static void pods(KubernetesClient client, ZipOutputStream zip) {
        for (Pod pod : client.pods().inNamespace(Api.NAMESPACE).list().getItems()) {
            pod.getSpec().getContainers().forEach(container -> {
                String log;
                try {
                    log = client.pods()
                            .inNamespace(Api.NAMESPACE)
                            .withName(Tables.name(pod))
                            .inContainer(container.getName())
                            .tailingLines(LOG_LINES)
                            .getLog();
                } catch (KubernetesClientException e) {
                    log = "no log: " + e.getMessage();
                }
                write(zip, "logs/" + Tables.name(pod) + "-" + container.getName() + ".log", log);
            });
        }
    }

    private static void list(ZipOutputStream zip, String name, KubernetesResourceList<?> resources) {
        put(zip, name, resources);
    }

    private static void put(ZipOutputStream zip, String name, Object value) {
        write(zip, name, Serialization.asYaml(value));
    }

    private static void write(ZipOutputStream zip, String name, String text) {
        try {
            zip.putNextEntry(new ZipEntry(name));
            zip.write(text.getBytes(StandardCharsets.UTF_8));
            zip.closeEntry();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
