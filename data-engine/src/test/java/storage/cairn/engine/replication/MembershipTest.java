package storage.cairn.engine.replication;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.sim.SimBuffers;
import storage.cairn.engine.sim.SimClock;

final class MembershipTest {
    private static final DiskId ONE = new DiskId(new UUID(1, 1));
    private static final DiskId TWO = new DiskId(new UUID(2, 2));

    private final SimClock clock = new SimClock();
    private final Scripted store = new Scripted();
    private final SplittableRandom random = new SplittableRandom(1);
    private final NodeContext context = new NodeContext(
            new NodeIdentity(1, new UUID(7, 7), new byte[32], List.of(1, 2)),
            NodeSettings.DEFAULTS,
            clock,
            random,
            new NoNetwork(),
            store,
            new NodeBuffers(new SimBuffers(1), new SimBuffers(1), new SimBuffers(1)),
            Log.SILENT);
    private final Configuration first = new Configuration(
            new VolumeId(new UUID(3, 3)),
            "v",
            1,
            4,
            new UUID(4, 4),
            new Configuration.Owner(1, new UUID(5, 5)),
            List.of(ONE, TWO),
            List.of(),
            List.of(),
            1,
            1 << 20,
            null,
            false,
            false);
    private final List<String> heard = new ArrayList<>();
    private final Membership membership = new Membership(
            context, new ConfigStore.Versioned(9, first), (newer, reason) -> heard.add("fenced " + reason));

    /** A store that answers what the test tells it to, one answer for each call. */
    private final class Scripted implements ConfigStore {
        final ArrayDeque<Object> script = new ArrayDeque<>();
        final List<String> calls = new ArrayList<>();

        @Override
        public void get(VolumeId volume, Answer<Read> answer) {
            calls.add("get");
            Object next = script.remove();
            clock.execute(() -> answer.accept((Read) next));
        }

        @Override
        public void compareAndSet(VolumeId volume, long expected, Configuration value, Answer<Written> answer) {
            calls.add("set " + expected + " " + value.epoch());
            Object next = script.remove();
            clock.execute(() -> answer.accept((Written) next));
        }

        @Override
        public void list(Answer<Listed> answer) {
            throw new AssertionError("nobody lists here");
        }

        @Override
        public Watch watch(Changed changed) {
            throw new AssertionError("nobody watches here");
        }
    }

    private static final class NoNetwork implements Network {
        @Override
        public Stream connect(int node, Listener listener) {
            throw new AssertionError("nobody connects here");
        }

        @Override
        public void accept(Acceptor acceptor) {}
    }

    private final Configuration next = new Change(first).outOfSync(TWO, 17).build(new UUID(8, 8));

    private void propose(Object... script) {
        store.script.addAll(List.of(script));
        membership.propose(next, new Membership.Settled() {
            @Override
            public void applied(Configuration configuration) {
                heard.add("applied " + configuration.epoch());
            }

            @Override
            public void refused(String reason) {
                heard.add("refused " + reason);
            }
        });
    }

    private void run() {
        clock.runUntil(clock.nanos() + 60_000_000_000L);
        assertThat(store.script).isEmpty();
    }

    private static ConfigStore.Read found(long version, Configuration value) {
        return new ConfigStore.Read.Found(new ConfigStore.Versioned(version, value));
    }

    @Test
    void bothConfigurationsMayBeCurrentUntilTheChangeIsSettled() {
        propose(new ConfigStore.Written.Applied(10));
        assertThat(membership.possible()).containsExactly(first, next);
        run();
        assertThat(membership.possible()).containsExactly(next);
        assertThat(heard).containsExactly("applied 5");
    }

    @Test
    void readingTheOldValueSettlesNothingAndTheSameChangeIsTriedAgain() {
        propose(
                new ConfigStore.Written.Unknown("lost"),
                found(9, first),
                new ConfigStore.Written.Unknown("lost"),
                found(9, first),
                new ConfigStore.Written.Applied(10));
        run();
        assertThat(store.calls).containsExactly("set 9 5", "get", "set 9 5", "get", "set 9 5");
        assertThat(heard).containsExactly("applied 5");
    }

    @Test
    void whatWasAppliedLateIsRecognisedByItsChangeId() {
        propose(new ConfigStore.Written.Unknown("lost"), found(10, next));
        run();
        assertThat(heard).containsExactly("applied 5");
    }

    @Test
    void aConflictWithItsOwnEarlierAttemptIsASuccess() {
        propose(
                new ConfigStore.Written.Unknown("lost"),
                found(9, first),
                new ConfigStore.Written.Conflict(),
                found(10, next));
        run();
        assertThat(heard).containsExactly("applied 5");
    }

    @Test
    void aConflictAloneFencesNobody() {
        propose(new ConfigStore.Written.Conflict(), found(11, first), new ConfigStore.Written.Applied(12));
        run();
        assertThat(store.calls).containsExactly("set 9 5", "get", "set 11 5");
        assertThat(heard).containsExactly("applied 5");
    }

    @Test
    void aHigherEpochOfSomebodyElseFences() {
        Configuration theirs = new Change(first)
                .owner(new Configuration.Owner(2, new UUID(6, 6)))
                .build(new UUID(6, 7));
        propose(new ConfigStore.Written.Conflict(), found(11, theirs));
        run();
        assertThat(heard).hasSize(1).first().asString().startsWith("fenced epoch 5");
        assertThat(membership.current()).isEqualTo(first);
    }

    @Test
    void anOlderValueMeansThatTheStoreWasRolledBack() {
        Configuration older = new Configuration(
                first.volume(),
                "v",
                1,
                3,
                new UUID(1, 9),
                first.owner(),
                first.inSync(),
                List.of(),
                List.of(),
                1,
                1 << 20,
                null,
                false,
                false);
        propose(new ConfigStore.Written.Conflict(), found(11, older));
        run();
        assertThat(heard).hasSize(1).first().asString().contains("StoreRolledBack");
    }

    @Test
    void aStoreThatDoesNotAnswerKeepsTheChangeOpen() {
        propose(
                new ConfigStore.Written.Unknown("down"),
                new ConfigStore.Read.Unavailable("down"),
                new ConfigStore.Read.Unavailable("down"),
                found(9, first),
                new ConfigStore.Written.Applied(10));
        clock.runUntil(400_000_000L);
        assertThat(membership.busy()).isTrue();
        assertThat(membership.trouble()).contains("does not answer");
        run();
        assertThat(heard).containsExactly("applied 5");
    }

    @Test
    void aRefusalEndsTheChangeOnlyWhenNoAttemptMayHaveBeenApplied() {
        propose(new ConfigStore.Written.Refused("no connection"));
        run();
        assertThat(heard).containsExactly("refused no connection");
        assertThat(membership.possible()).containsExactly(first);
    }

    @Test
    void aRefusalAfterAnUnknownOutcomeSettlesNothing() {
        propose(
                new ConfigStore.Written.Unknown("lost"),
                found(9, first),
                new ConfigStore.Written.Refused("no connection"),
                new ConfigStore.Written.Applied(10));
        run();
        assertThat(heard).containsExactly("applied 5");
    }

    @Test
    void twoChangesAtOnceAreAProgrammersError() {
        propose(new ConfigStore.Written.Applied(10));
        assertThatThrownBy(() -> membership.propose(next, new Membership.Settled() {
                    @Override
                    public void applied(Configuration configuration) {}

                    @Override
                    public void refused(String reason) {}
                }))
                .isInstanceOf(IllegalStateException.class);
    }
}
