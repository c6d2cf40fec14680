package storage.cairn.engine.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.protocol.Grant;
import storage.cairn.engine.sim.SimClock;

final class ReplicaGrantTest {
    private static final UUID OWNER = new UUID(5, 5);
    private static final Grant.Exception EXCEPTION = new Grant.Exception(new UUID(3, 3), new UUID(1, 1), 4);

    private final SimClock clock = new SimClock();
    private final GrantSession session = new GrantSession(2, new UUID(2, 2));
    private final ReplicaGrant grant = new ReplicaGrant(new Nobody().context(clock));

    private void pass(long millis) {
        boolean[] over = {false};
        clock.after(NodeContext.nanos(millis), () -> over[0] = true);
        while (!over[0]) {
            clock.step();
        }
    }

    @Test
    void aGrantIsHonouredForSevenSecondsAfterItsLastRenewal() {
        grant.give(session, OWNER);
        pass(6_000);
        session.renew(clock.nanos(), 0, List.of());
        pass(6_999);
        assertThat(grant.leftNanos()).isPositive();
        pass(1);
        assertThat(grant.leftNanos()).isNotPositive();
    }

    @Test
    void aRevokedGrantIsNotRenewed() {
        grant.give(session, OWNER);
        assertThat(grant.revoke(EXCEPTION)).isSameAs(session);
        pass(3_000);
        assertThat(session.renew(clock.nanos(), 0, List.of()).exceptions()).containsExactly(EXCEPTION);
        pass(4_000);
        assertThat(grant.leftNanos()).isNotPositive();
        assertThat(grant.revoke(EXCEPTION)).isNull();
    }

    /** An owner that had stood still once renewed its session, and so the lease on a replica that another had taken. */
    @Test
    void aGrantThatRanOutIsNotBroughtBackByTheNextRenewalOnceAnotherOwnerCame() {
        grant.give(session, OWNER);
        pass(8_000);
        assertThat(grant.revoke(EXCEPTION)).isSameAs(session);
        assertThat(session.renew(clock.nanos(), 0, List.of()).exceptions()).containsExactly(EXCEPTION);
        assertThat(grant.leftNanos()).isNotPositive();
    }
}
