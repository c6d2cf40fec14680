package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.ServiceBuilder;
import io.fabric8.kubernetes.api.model.flowcontrol.v1.FlowSchema;
import io.fabric8.kubernetes.api.model.flowcontrol.v1.FlowSchemaBuilder;
import io.fabric8.kubernetes.api.model.flowcontrol.v1.PriorityLevelConfiguration;
import io.fabric8.kubernetes.api.model.flowcontrol.v1.PriorityLevelConfigurationBuilder;
import io.fabric8.kubernetes.api.model.scheduling.v1.PriorityClass;
import io.fabric8.kubernetes.api.model.scheduling.v1.PriorityClassBuilder;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import io.fabric8.kubernetes.api.model.storage.StorageClassBuilder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import storage.cairn.api.resource.StorageClusterSpec;
import storage.cairn.api.resource.StorageClusterSpec.ServiceMonitor;

/** What engines and their volumes need of Kubernetes beside pods: priorities, classes, ways to their metrics. */
final class Surroundings {
    static final String ENGINE_PRIORITY = "cairn-engine";
    static final String CONTROL_PRIORITY = "cairn-control";
    static final String MEMBERSHIPS = "cairn-memberships";
    static final String MONITORING = "monitoring.coreos.com/v1";
    static final String SERVICE_MONITOR = "ServiceMonitor";
    private static final String DRIVER = "csi.cairn.storage";
    private static final int ENGINE_VALUE = 1_000_000_000;
    private static final int CONTROL_VALUE = 900_000_000;

    private final StorageClusterSpec spec;
    private final Settings settings;

    Surroundings(StorageClusterSpec spec, Settings settings) {
        this.spec = spec;
        this.settings = settings;
    }

    /**
     * @param pools names of the pools
     * @param serviceMonitors whether ServiceMonitor is defined
     */
    List<HasMetadata> all(List<String> pools, boolean serviceMonitors) {
        List<HasMetadata> all = new ArrayList<>();
        all.add(priority(
                ENGINE_PRIORITY, ENGINE_VALUE, "Engines of Cairn: without one its node's volumes stand still."));
        all.add(priority(CONTROL_PRIORITY, CONTROL_VALUE, "Cairn's control plane."));
        all.add(priorityLevel());
        all.add(flowSchema());
        all.add(metrics());
        for (String pool : pools) {
            all.add(storageClass(pool));
        }
        StorageClusterSpec.Monitoring monitoring = spec.monitoring();
        ServiceMonitor wanted = monitoring == null ? ServiceMonitor.AUTO : monitoring.serviceMonitor();
        if (serviceMonitors && wanted != ServiceMonitor.NEVER) {
            all.add(serviceMonitor());
        }
        return all;
    }

    private static PriorityClass priority(String name, int value, String description) {
        return new PriorityClassBuilder()
                .withNewMetadata()
                .withName(name)
                .withLabels(Names.labels(name))
                .endMetadata()
                .withValue(value)
                .withDescription(description)
                .build();
    }

    /** Changes of memberships stand between a dead node and the volumes' next write: no other traffic crowds them out. */
    private static PriorityLevelConfiguration priorityLevel() {
        return new PriorityLevelConfigurationBuilder()
                .withNewMetadata()
                .withName(MEMBERSHIPS)
                .withLabels(Names.labels(MEMBERSHIPS))
                .endMetadata()
                .withNewSpec()
                .withType("Limited")
                .withNewLimited()
                .withNominalConcurrencyShares(20)
                .withLendablePercent(90)
                .withNewLimitResponse()
                .withType("Queue")
                .withNewQueuing()
                .withQueues(64)
                .withHandSize(6)
                .withQueueLengthLimit(200)
                .endQueuing()
                .endLimitResponse()
                .endLimited()
                .endSpec()
                .build();
    }

    private FlowSchema flowSchema() {
        return new FlowSchemaBuilder()
                .withNewMetadata()
                .withName(MEMBERSHIPS)
                .withLabels(Names.labels(MEMBERSHIPS))
                .endMetadata()
                .withNewSpec()
                .withNewPriorityLevelConfiguration(MEMBERSHIPS)
                .withMatchingPrecedence(800)
                .withNewDistinguisherMethod("ByUser")
                .addNewRule()
                .addNewSubject()
                .withKind("ServiceAccount")
                .withNewServiceAccount(Names.ENGINE, settings.namespace())
                .endSubject()
                .addNewSubject()
                .withKind("ServiceAccount")
                .withNewServiceAccount(Names.REPLICA_MANAGER, settings.namespace())
                .endSubject()
                .addNewSubject()
                .withKind("ServiceAccount")
                .withNewServiceAccount(Names.FAILOVER, settings.namespace())
                .endSubject()
                .addNewResourceRule()
                .withVerbs("*")
                .withApiGroups("cairn.storage")
                .withResources("*")
                .withClusterScope(true)
                .endResourceRule()
                .endRule()
                .endSpec()
                .build();
    }

    private Service metrics() {
        return new ServiceBuilder()
                .withNewMetadata()
                .withName(Names.ENGINE)
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(Names.ENGINE))
                .endMetadata()
                .withNewSpec()
                .withClusterIP("None")
                .withSelector(Names.selector(Names.ENGINE))
                .addNewPort()
                .withName("metrics")
                .withPort(EngineFiles.metricsPort(spec))
                .withTargetPort(new IntOrString("metrics"))
                .withProtocol("TCP")
                .endPort()
                .endSpec()
                .build();
    }

    private static StorageClass storageClass(String pool) {
        String name = Names.STORAGE_CLASS + pool;
        return new StorageClassBuilder()
                .withNewMetadata()
                .withName(name)
                .withLabels(Names.labels("cairn"))
                .endMetadata()
                .withProvisioner(DRIVER)
                .withParameters(Map.of("pool", pool))
                .withAllowVolumeExpansion(true)
                .withReclaimPolicy("Delete")
                .withVolumeBindingMode("WaitForFirstConsumer")
                .build();
    }

    private HasMetadata serviceMonitor() {
        GenericKubernetesResource monitor = new GenericKubernetesResource();
        monitor.setApiVersion(MONITORING);
        monitor.setKind(SERVICE_MONITOR);
        monitor.setMetadata(new ObjectMetaBuilder()
                .withName(Names.ENGINE)
                .withNamespace(settings.namespace())
                .withLabels(Names.labels(Names.ENGINE))
                .build());
        monitor.setAdditionalProperty(
                "spec",
                Map.of(
                        "selector", Map.of("matchLabels", Names.selector(Names.ENGINE)),
                        "endpoints", List.of(Map.of("port", "metrics"))));
        return monitor;
    }
}
