package storage.cairn.engine.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.protocol.Grant;

final class GrantSessionTest {
    private final GrantSession session = new GrantSession(2, new UUID(1, 1));

    private static Grant.Exception exception(long number) {
        return new Grant.Exception(new UUID(0, number), new UUID(9, 9), 4);
    }

    @Test
    void anExceptionIsToldUntilItWasSeen() {
        session.except(exception(1));
        Grant first = session.renew(10, 0, List.of());
        assertThat(first.exceptions()).containsExactly(exception(1));
        Grant again = session.renew(20, 0, List.of());
        assertThat(again.exceptions()).containsExactly(exception(1));
        assertThat(session.renew(30, again.sequence(), List.of()).exceptions()).isEmpty();
    }

    @Test
    void anExceptionMadeAfterAGrantWasSentIsNotTakenForSeen() {
        Grant before = session.renew(10, 0, List.of());
        session.except(exception(1));
        assertThat(session.renew(20, before.sequence(), List.of()).exceptions()).containsExactly(exception(1));
    }

    @Test
    void moreExceptionsThanFitRenewNothing() {
        session.renew(10, 0, List.of());
        for (int i = 0; i <= Grant.MAX_EXCEPTIONS; i++) {
            session.except(exception(i));
        }
        Grant partial = session.renew(20, 0, List.of());
        assertThat(partial.renewed()).isFalse();
        assertThat(session.lastRenewNanos()).isEqualTo(10);
        Grant rest = session.renew(30, partial.sequence(), List.of());
        assertThat(rest.renewed()).isTrue();
        assertThat(rest.exceptions()).hasSize(1);
        assertThat(session.lastRenewNanos()).isEqualTo(30);
    }

    @Test
    void whoSaidGoodbyeIsNotRenewed() {
        session.end();
        assertThat(session.renew(10, 0, List.of()).renewed()).isFalse();
        assertThat(session.everRenewed()).isFalse();
    }
}
