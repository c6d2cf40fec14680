package storage.cairn.schedulerextender;

import static org.assertj.core.api.Assertions.assertThat;

import io.fabric8.kubernetes.api.model.PersistentVolume;
import io.fabric8.kubernetes.api.model.PersistentVolumeBuilder;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaim;
import io.fabric8.kubernetes.api.model.PersistentVolumeClaimBuilder;
import io.fabric8.kubernetes.api.model.storage.StorageClass;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.Api;
import storage.cairn.api.resource.VolumeSpec.Locality;

/** Pods that were refused everywhere are touched when a node would do, once. */
final class WakerTest {
    private static final byte[] ASKED = """
            {"Pod": {"metadata": {"name": "p", "namespace": "shop", "uid": "u"}, "spec": {"volumes":
              [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}}, "NodeNames": ["a", "b"]}
            """.getBytes(StandardCharsets.UTF_8);
    private static final Snapshot NOWHERE = world("c1");
    private static final Snapshot ON_A = world("a1");

    private final List<String> touched = new ArrayList<>();
    private final Claims claims = new Claims(new OneClaim());
    private final Waker waker = new Waker(claims, pod -> touched.add(pod.name()), Runnable::run);

    private static Snapshot world(String inSync) {
        World world = new World("a", "b", "c");
        return world.volume("v", World.GIB, Locality.REQUIRED, inSync, "", "").snapshot();
    }

    private void filter(Snapshot... snapshots) throws Exception {
        ArrayDeque<Snapshot> newest = new ArrayDeque<>(List.of(snapshots));
        new Extender(() -> newest.size() > 1 ? newest.poll() : newest.peek(), claims, waker, new Figures())
                .filter(ASKED);
    }

    @Test
    void aRefusedPodIsTouchedOnceWhenANodeWouldDo() throws Exception {
        filter(NOWHERE);
        waker.changed(NOWHERE);
        assertThat(touched).isEmpty();
        waker.changed(ON_A);
        waker.changed(ON_A);
        assertThat(touched).containsExactly("p");
    }

    @Test
    void whatChangedWhileThePodWasBeingRefusedIsSeenToo() throws Exception {
        filter(NOWHERE, ON_A);
        assertThat(touched).containsExactly("p");
    }

    @Test
    void aPodThatHasANodeIsLeftAlone() throws Exception {
        filter(ON_A);
        waker.changed(ON_A);
        assertThat(touched).isEmpty();
    }

    private static final class OneClaim implements Claims.Objects {
        @Override
        public PersistentVolumeClaim claim(String namespace, String name) {
            return new PersistentVolumeClaimBuilder()
                    .withNewMetadata()
                    .withName(name)
                    .withNamespace(namespace)
                    .endMetadata()
                    .withNewSpec()
                    .withVolumeName("pv")
                    .endSpec()
                    .build();
        }

        @Override
        public PersistentVolume volume(String name) {
            return new PersistentVolumeBuilder()
                    .withNewMetadata()
                    .withName(name)
                    .endMetadata()
                    .withNewSpec()
                    .withNewCsi()
                    .withDriver(Api.DRIVER)
                    .withVolumeHandle("v")
                    .endCsi()
                    .endSpec()
                    .build();
        }

        @Override
        public @Nullable StorageClass storageClass(String name) {
            return null;
        }

        @Override
        public String onlyPool() {
            return "";
        }
    }
}
