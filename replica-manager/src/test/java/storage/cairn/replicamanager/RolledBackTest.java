package storage.cairn.replicamanager;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.api.resource.VolumeMembershipSpec;
import storage.cairn.api.resource.VolumeMembershipSpec.Stale;
import storage.cairn.replicamanager.Cluster.DiskState;
import storage.cairn.replicamanager.Cluster.NodeState;
import storage.cairn.replicamanager.RolledBack.Outcome;

/** A store that was restored from a backup, found out by what replicas hold. */
final class RolledBackTest {
    private static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    private static final String ONE = "6f1c2b1e-8a35-4c8e-9a63-5b0b2f6d7c11";
    private static final String OTHER = "6f1c2b1e-8a35-4c8e-9a63-5b0b2f6d7c12";

    private static VolumeMembershipSpec at(int term, long epoch, String changeId, String... inSync) {
        return new VolumeMembershipSpec(
                "v",
                term,
                epoch,
                changeId,
                new VolumeMembershipSpec.Owner(1, ONE),
                List.of(inSync),
                List.of(),
                List.of(new Stale("d3", 77)),
                2,
                4096,
                ONE,
                true,
                false,
                false);
    }

    /** d1 and d2 on nodes of which the second may be away. */
    private static Health health(@Nullable Instant secondHeardOf) {
        Map<String, NodeState> nodes = new TreeMap<>();
        Map<String, DiskState> disks = new TreeMap<>();
        for (int number = 1; number <= 2; number++) {
            Instant heardOf = number == 1 ? NOW : secondHeardOf;
            nodes.put("n" + number, new NodeState("n" + number, number, "", "", heardOf, true, false, null));
            disks.put("d" + number, new DiskState("d" + number, "p", "n" + number, 1 << 20, 0, null, "", false));
        }
        return new Health(new Cluster(NOW, Map.of(), disks, nodes, Map.of()), Rules.DEFAULTS);
    }

    @Test
    void whatReplicasHoldBesideAStoreThatWentOnProvesNothing() {
        VolumeMembershipSpec stored = at(1, 9, ONE, "d1", "d2");
        assertThat(RolledBack.newest(stored, Map.of("d1", at(1, 8, OTHER, "d1", "d2"))))
                .isNull();
        assertThat(RolledBack.newest(stored, Map.of("d1", stored))).isNull();
        assertThat(RolledBack.newest(at(2, 1, ONE, "d1", "d2"), Map.of("d1", at(1, 9, OTHER, "d1"))))
                .isNull();
    }

    @Test
    void aLaterOrAnotherConfigurationOfThisEpochIsProof() {
        VolumeMembershipSpec stored = at(1, 7, ONE, "d1", "d2");
        VolumeMembershipSpec newest = at(1, 9, ONE, "d1", "d2");
        assertThat(RolledBack.newest(stored, Map.of("d1", at(1, 8, ONE, "d1", "d2"), "d2", newest)))
                .isEqualTo(newest);
        VolumeMembershipSpec fork = at(1, 7, OTHER, "d1", "d2");
        assertThat(RolledBack.newest(stored, Map.of("d1", fork))).isEqualTo(fork);
    }

    @Test
    void recoveryGoesOnFromTheNewestInANewTerm() {
        Outcome outcome =
                RolledBack.recover(at(1, 7, ONE, "d1", "d2", "d3"), at(1, 9, ONE, "d1", "d2"), health(NOW), false);
        VolumeMembershipSpec next = ((Outcome.Recovered) outcome).next();
        assertThat(next.storeTerm()).isEqualTo(2);
        assertThat(next.epoch()).isEqualTo(10);
        assertThat(next.owner()).isNull();
        assertThat(next.inSync()).containsExactly("d1", "d2");
        assertThat(next.outOfSync()).containsExactly(new Stale("d3", 77));
        assertThat(next.changeId()).isNotEqualTo(ONE);
    }

    @Test
    void aMissingMemberIsLeftOutOnlyWhenItsLossIsAccepted() {
        VolumeMembershipSpec stored = at(1, 7, ONE, "d1", "d2");
        VolumeMembershipSpec newest = at(1, 9, ONE, "d1", "d2");
        Health away = health(NOW.minusSeconds(100));
        assertThat(((Outcome.Refused) RolledBack.recover(stored, newest, away, false)).reason())
                .contains("d2 on n2")
                .contains("--accept-loss");
        VolumeMembershipSpec next = ((Outcome.Recovered) RolledBack.recover(stored, newest, away, true)).next();
        assertThat(next.inSync()).containsExactly("d1");
        assertThat(next.minInSync()).isEqualTo(1);
        assertThat(next.outOfSync()).contains(new Stale("d2", 0));
    }
}
