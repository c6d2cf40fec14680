package storage.cairn.engine.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.sim.SimClock;

final class DeletionsTest {
    private static final DiskId DISK = new DiskId(new UUID(1, 1));

    private final SimClock clock = new SimClock();
    private final OneVolume store = new OneVolume();
    private final NodeContext context = new Nobody(store).context(clock);
    private final ReplicaServer server = new ReplicaServer(context);

    /** A store with one volume, or none. */
    private final class OneVolume implements ConfigStore {
        @Nullable
        Configuration value;

        @Override
        public void get(VolumeId volume, Answer<Read> answer) {
            Configuration now = value;
            clock.execute(() -> answer.accept(now == null ? new Read.Absent() : new Read.Found(new Versioned(1, now))));
        }

        @Override
        public void compareAndSet(VolumeId volume, long expected, Configuration next, Answer<Written> answer) {
            boolean applies = value == null && expected == Versioned.NONE;
            if (applies) {
                value = next;
            }
            clock.execute(() -> answer.accept(applies ? new Written.Applied(1) : new Written.Conflict()));
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

    private ScriptedReplica replica(long epoch) {
        Configuration.Owner owner = epoch == 1 ? null : new Configuration.Owner(2, new UUID(5, 5));
        ScriptedReplica replica = new ScriptedReplica(
                DISK,
                new Configuration(
                        new VolumeId(new UUID(3, 3)),
                        "v",
                        1,
                        epoch,
                        new UUID(4, 4),
                        owner,
                        List.of(DISK),
                        List.of(),
                        List.of(),
                        1,
                        1 << 20,
                        null,
                        false,
                        false));
        server.add(replica);
        return replica;
    }

    private void minutes(int minutes) {
        clock.runUntil(clock.nanos() + NodeContext.nanos(minutes * 60_000L) + 1);
    }

    @Test
    void aBlankReplicaOfAVolumeThatWasNeverRecordedIsErasedInTheEnd() {
        ScriptedReplica replica = replica(1);
        new Deletions(context, server, volume -> false).check(DISK);
        minutes(1);
        assertThat(replica.asked()).as("its creation may be under way").isEmpty();
        minutes(1);
        assertThat(replica.asked()).containsExactly("delete");
        assertThat(store.value).isNotNull().extracting(Configuration::deleted).isEqualTo(true);
    }

    @Test
    void aReplicaThatEverHadAnOwnerIsKeptWhateverTheStoreHas() {
        ScriptedReplica replica = replica(2);
        new Deletions(context, server, volume -> false).check(DISK);
        minutes(5);
        assertThat(replica.asked()).isEmpty();
        assertThat(store.value).isNull();
    }

    @Test
    void aVolumeThatIsRecordedBetweenTheLooksIsKept() {
        ScriptedReplica replica = replica(1);
        new Deletions(context, server, volume -> false).check(DISK);
        minutes(1);
        store.value = replica.configuration();
        minutes(3);
        assertThat(replica.asked()).isEmpty();
        assertThat(store.value.deleted()).isFalse();
    }

    @Test
    void aVolumeThatIsKnownIsNotAskedFor() {
        ScriptedReplica replica = replica(1);
        new Deletions(context, server, volume -> true).check(DISK);
        minutes(5);
        assertThat(replica.asked()).isEmpty();
        assertThat(store.value).isNull();
    }
}
