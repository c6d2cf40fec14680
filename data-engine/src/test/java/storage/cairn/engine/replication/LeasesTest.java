package storage.cairn.engine.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.protocol.Grant;

final class LeasesTest {
    private static final long SECOND = 1_000_000_000L;
    private static final DiskId DISK = new DiskId(new UUID(1, 1));

    private final Leases leases = new Leases(6_000);
    private final Leases.MemberLease lease = new Leases.MemberLease(leases, DISK);

    private static Grant grant(boolean renewed, long grantId, String failure) {
        return new Grant(1, renewed, List.of(new Grant.Disk(DISK.uuid(), grantId, 1, 1, 1, failure)), List.of());
    }

    @Test
    void nothingIsHeldBeforeEpochSetWasAnswered() {
        leases.granted(0, 0, grant(true, 7, ""));
        assertThat(lease.heldAt(0)).isFalse();
    }

    @Test
    void aLeaseCountsFromSendingNotFromTheAnswer() {
        lease.epochSet(3, 0, 5 * SECOND, 7);
        assertThat(lease.heldAt(6 * SECOND - 1)).isTrue();
        assertThat(lease.heldAt(6 * SECOND)).isFalse();
    }

    @Test
    void aRenewalOfItsDiskProlongsIt() {
        lease.epochSet(3, 0, SECOND, 7);
        leases.granted(4 * SECOND, 4 * SECOND, grant(true, 7, ""));
        assertThat(lease.heldAt(10 * SECOND - 1)).isTrue();
        assertThat(lease.heldAt(10 * SECOND)).isFalse();
    }

    @Test
    void aRenewalSentBeforeEpochSetWasAnsweredSaysNothing() {
        leases.granted(2 * SECOND, 2 * SECOND, grant(true, 7, ""));
        lease.epochSet(3, 0, 3 * SECOND, 7);
        assertThat(lease.heldAt(6 * SECOND)).isFalse();
    }

    @Test
    void aRenewalOfAnotherStayOrOfAFailedDiskSaysNothing() {
        lease.epochSet(3, 0, SECOND, 7);
        leases.granted(4 * SECOND, 4 * SECOND, grant(true, 7, "it failed"));
        assertThat(lease.heldAt(6 * SECOND)).isFalse();
        leases.granted(4 * SECOND, 4 * SECOND, grant(false, 7, ""));
        assertThat(lease.heldAt(6 * SECOND)).isFalse();
        leases.granted(4 * SECOND, 4 * SECOND, grant(true, 8, ""));
        assertThat(lease.heldAt(6 * SECOND)).isFalse();
    }

    @Test
    void anExceptionEndsProlongingUntilTheNextEpochSet() {
        lease.epochSet(3, 0, SECOND, 7);
        leases.granted(2 * SECOND, 2 * SECOND, grant(true, 7, ""));
        lease.except(3);
        leases.granted(5 * SECOND, 5 * SECOND, grant(true, 7, ""));
        assertThat(lease.heldAt(8 * SECOND - 1)).isTrue();
        assertThat(lease.heldAt(8 * SECOND)).isFalse();
        lease.epochSet(4, 9 * SECOND, 9 * SECOND, 7);
        assertThat(lease.heldAt(14 * SECOND)).isTrue();
        leases.granted(10 * SECOND, 10 * SECOND, grant(true, 7, ""));
        assertThat(lease.heldAt(15 * SECOND)).isTrue();
    }

    /** Found by isolated nodes: another owner was let in meanwhile, and the old one answered reads again when it came back. */
    @Test
    void aLeaseThatRanOutIsNotBroughtBackByARenewalOfItsDisk() {
        lease.epochSet(3, 0, SECOND, 7);
        leases.granted(SECOND, 2 * SECOND, grant(true, 7, ""));
        leases.granted(9 * SECOND, 9 * SECOND, grant(true, 7, ""));
        assertThat(lease.heldAt(10 * SECOND)).isFalse();
        lease.epochSet(3, 10 * SECOND, 11 * SECOND, 7);
        leases.granted(12 * SECOND, 12 * SECOND, grant(true, 7, ""));
        assertThat(lease.heldAt(17 * SECOND)).isTrue();
    }

    @Test
    void anExceptionOfAnOlderEpochIsOfThePast() {
        lease.epochSet(4, 0, SECOND, 7);
        lease.except(3);
        leases.granted(4 * SECOND, 4 * SECOND, grant(true, 7, ""));
        assertThat(lease.heldAt(9 * SECOND)).isTrue();
    }

    @Test
    void timeMayWrapAround() {
        long start = Long.MAX_VALUE - SECOND;
        lease.epochSet(3, start, start, 7);
        assertThat(lease.heldAt(start + 5 * SECOND)).isTrue();
        assertThat(lease.heldAt(start + 6 * SECOND)).isFalse();
    }
}
