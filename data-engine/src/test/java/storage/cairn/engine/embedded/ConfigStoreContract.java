package storage.cairn.engine.embedded;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.ConfigStore.Listed;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/** What every configuration store must do; each implementation extends this. */
public abstract class ConfigStoreContract {
    private static final int MANY_CHANGES = 100;

    /** A view of the one store of this test, as another engine would have it. */
    protected abstract ConfigStore engine(int number);

    /** Asks on the store's loop and waits for the answer. */
    protected abstract <T> T ask(Consumer<ConfigStore.Answer<T>> question);

    /** Lets what is due happen, where time does not pass by itself. */
    protected void turn() {}

    /** A configuration of epoch 1. */
    public static Configuration configuration(String name) {
        return new Configuration(
                new VolumeId(UUID.randomUUID()),
                name,
                1,
                1,
                UUID.randomUUID(),
                null,
                List.of(new DiskId(UUID.randomUUID()), new DiskId(UUID.randomUUID())),
                List.of(new Configuration.Stale(new DiskId(UUID.randomUUID()), 17)),
                List.of(),
                1,
                1L << 30,
                null,
                false,
                false);
    }

    /** The successor of a configuration. */
    public static Configuration next(Configuration before, boolean deleted) {
        return new Configuration(
                before.volume(),
                before.name(),
                before.storeTerm(),
                before.epoch() + 1,
                UUID.randomUUID(),
                new Configuration.Owner(2, UUID.randomUUID()),
                before.inSync(),
                before.syncing(),
                before.outOfSync(),
                before.minInSync(),
                before.sizeBytes(),
                UUID.randomUUID(),
                true,
                deleted);
    }

    private Read get(int engine, VolumeId volume) {
        return ask(answer -> engine(engine).get(volume, answer));
    }

    private Written set(int engine, long expected, Configuration value) {
        return ask(answer -> engine(engine).compareAndSet(value.volume(), expected, value, answer));
    }

    private long applied(Written written) {
        assertThat(written).isInstanceOf(Written.Applied.class);
        return ((Written.Applied) written).version();
    }

    @Test
    void whatOneEngineWritesTheOtherReads() {
        Configuration first = configuration("a");
        assertThat(get(2, first.volume())).isEqualTo(new Read.Absent());
        long version = applied(set(1, Versioned.NONE, first));
        assertThat(get(2, first.volume())).isEqualTo(new Read.Found(new Versioned(version, first)));

        Configuration second = next(first, false);
        long newer = applied(set(2, version, second));
        assertThat(newer).isNotEqualTo(version);
        assertThat(get(1, first.volume())).isEqualTo(new Read.Found(new Versioned(newer, second)));
    }

    @Test
    void aStaleVersionConflictsAndChangesNothing() {
        Configuration first = configuration("a");
        long version = applied(set(1, Versioned.NONE, first));
        Configuration second = next(first, false);
        long newer = applied(set(1, version, second));
        assertThat(set(2, version, next(first, false))).isEqualTo(new Written.Conflict());
        assertThat(set(2, Versioned.NONE, next(first, false))).isEqualTo(new Written.Conflict());
        assertThat(get(2, first.volume())).isEqualTo(new Read.Found(new Versioned(newer, second)));
    }

    @Test
    void aVolumeThatIsNotThereCannotBeChanged() {
        Configuration value = configuration("a");
        assertThat(set(1, 5, value)).isEqualTo(new Written.Conflict());
        assertThat(get(1, value.volume())).isEqualTo(new Read.Absent());
    }

    @Test
    void twoVolumesNeverHaveTheSameName() {
        Configuration first = configuration("same");
        applied(set(1, Versioned.NONE, first));
        Configuration other = configuration("same");
        assertThat(set(2, Versioned.NONE, other)).isEqualTo(new Written.Conflict());
        assertThat(get(1, other.volume())).isEqualTo(new Read.Absent());
    }

    @Test
    void theNameOfADeletedVolumeIsFreeAndItsTombstoneStays() {
        Configuration first = configuration("again");
        long version = applied(set(1, Versioned.NONE, first));
        Configuration tombstone = next(first, true);
        long buried = applied(set(1, version, tombstone));
        Configuration second = configuration("again");
        long reborn = applied(set(2, Versioned.NONE, second));
        assertThat(all(1)).containsExactlyInAnyOrder(new Versioned(buried, tombstone), new Versioned(reborn, second));
    }

    @Test
    void theListHoldsEveryVolume() {
        List<Versioned> expected = new ArrayList<>();
        for (int i = 0; i < 10; i++) {
            Configuration value = configuration("v" + i);
            expected.add(new Versioned(applied(set(1 + i % 2, Versioned.NONE, value)), value));
        }
        assertThat(all(2)).containsExactlyInAnyOrderElementsOf(expected);
    }

    private List<Versioned> all(int engine) {
        Listed listed = ask(answer -> engine(engine).list(answer));
        assertThat(listed).isInstanceOf(Listed.All.class);
        return ((Listed.All) listed).volumes();
    }

    @Test
    void manyChangesKeepTheLatest() {
        Configuration value = configuration("busy");
        long version = applied(set(1, Versioned.NONE, value));
        for (int i = 0; i < MANY_CHANGES; i++) {
            value = next(value, false);
            version = applied(set(1 + i % 2, version, value));
        }
        assertThat(get(1, value.volume())).isEqualTo(new Read.Found(new Versioned(version, value)));
        assertThat(get(2, value.volume())).isEqualTo(new Read.Found(new Versioned(version, value)));
    }

    @Test
    void aWatchHearsOfChangesOfOthersUntilItIsStopped() {
        List<VolumeId> heard = new CopyOnWriteArrayList<>();
        ConfigStore.Watch watch = engine(2).watch(heard::add);
        Configuration value = configuration("watched");
        applied(set(1, Versioned.NONE, value));
        Awaitility.await().atMost(Duration.ofMinutes(2)).untilAsserted(() -> {
            turn();
            assertThat(heard).contains(value.volume());
        });
        watch.stop();
    }
}
