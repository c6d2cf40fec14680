package storage.cairn.operator;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.DiskStatus;
import storage.cairn.api.resource.StorageCluster;
import storage.cairn.api.resource.StorageClusterStatus;

final class RecognitionTest {
    private static final String ID = Fixtures.IDENTITY.clusterId();
    private static final String OTHER = "6f1c1f0e-0000-4000-8000-000000000002";

    private static Recognition of(StorageCluster cluster, @Nullable Identity stored, Fixtures there) {
        return Recognition.of(cluster, stored, there.observed(), Fixtures.SETTINGS);
    }

    private static StorageCluster told(String clusterId) {
        StorageCluster cluster = Fixtures.cluster("{}");
        cluster.setStatus(new StorageClusterStatus(null, clusterId, null, null, null, null, null, null, null));
        return cluster;
    }

    private static Fixtures pooled() {
        return new Fixtures().disk("a", "node1", DiskStatus.State.READY, "p");
    }

    private static String why(Recognition recognition) {
        assertThat(recognition).isInstanceOf(Recognition.Lost.class);
        return ((Recognition.Lost) recognition).why();
    }

    @Test
    void whereNothingIsYetAnIdentityIsMade() {
        Fixtures found = new Fixtures().disk("a", "node1", DiskStatus.State.DISCOVERED, null);
        assertThat(of(Fixtures.cluster("{}"), null, found)).isEqualTo(new Recognition.Fresh(null));
        assertThat(of(Fixtures.cluster("{clusterId: " + ID + "}"), null, found)).isEqualTo(new Recognition.Fresh(ID));
        assertThat(of(told(ID), null, found)).isEqualTo(new Recognition.Fresh(ID));
    }

    @Test
    void whatIsStoredCounts() {
        assertThat(of(Fixtures.cluster("{}"), Fixtures.IDENTITY, pooled()))
                .isEqualTo(new Recognition.Known(Fixtures.IDENTITY));
        assertThat(of(told(ID), Fixtures.IDENTITY, pooled())).isEqualTo(new Recognition.Known(Fixtures.IDENTITY));
    }

    @Test
    void anIdentityThatDisksCarryIsNotMadeUpAgain() {
        assertThat(why(of(told(ID), null, pooled())))
                .contains("cairn-identity in namespace cairn-system is gone", "1 disks", "Put the secret back")
                .contains(Names.NEW_SECRET + "=" + ID);
    }

    @Test
    void norOneOfWhichThereIsAVolume() {
        Fixtures there = new Fixtures().volume("data", 1, List.of("a"), List.of());
        assertThat(why(of(told(ID), null, there))).contains("1 volumes");
    }

    @Test
    void aNewStorageClusterOverOldDisksAsksForTheirId() {
        assertThat(why(of(Fixtures.cluster("{}"), null, pooled()))).contains("name the id", "spec.clusterId");
        assertThat(why(of(Fixtures.cluster("{clusterId: " + ID + "}"), null, pooled())))
                .contains(Names.NEW_SECRET + "=" + ID);
    }

    @Test
    void aNewSecretIsMadeWhenSomebodyNamesTheVeryCluster() {
        StorageCluster cluster = told(ID);
        cluster.getMetadata().setAnnotations(Map.of(Names.NEW_SECRET, OTHER));
        why(of(cluster, null, pooled()));
        cluster.getMetadata().setAnnotations(Map.of(Names.NEW_SECRET, ID));
        assertThat(of(cluster, null, pooled())).isEqualTo(new Recognition.Fresh(ID));
        assertThat(Plan.of(cluster, Fixtures.IDENTITY, pooled().observed(), Fixtures.SETTINGS)
                        .problems())
                .singleElement()
                .asString()
                .contains(Names.NEW_SECRET + "-");
    }

    @Test
    void theSecretOfAnotherClusterIsRefused() {
        assertThat(why(of(told(OTHER), Fixtures.IDENTITY, pooled()))).contains(ID, OTHER);
    }

    @Test
    void whatIsLeftIsToldWithWhatFindsItAgain() {
        assertThat(Farewell.message(6, 2, Fixtures.SETTINGS))
                .contains("6 disks", "2 volumes", "Nothing is erased", "cairn-identity", "docs/kubernetes.md");
    }
}
