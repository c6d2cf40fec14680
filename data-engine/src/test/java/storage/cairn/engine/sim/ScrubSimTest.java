package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.HostVolume;
import storage.cairn.engine.replication.NodeView.Phase;
import storage.cairn.engine.replication.NodeView.VolumeView;
import storage.cairn.engine.store.Replica;

/** What rots is found and mended by the scrub; what the scrub cannot look at it does not pass over in silence. */
final class ScrubSimTest {
    private static final int ROTTEN_ON = 2;
    /** The first round begins within a minute. */
    private static final long FIRST_ROUND_SECONDS = 70;

    private static final long SHORTEST_PAUSE_MILLIS = 1_000;
    /** A scrub of so many takes two seconds. */
    private static final int EXTENTS = 16;

    private static Configuration rotten(Script script) {
        Configuration volume = script.served(1, 1);
        script.wrote(1, script.opened(1, volume), 0, 7 << 16);
        script.node(ROTTEN_ON).disks().getFirst().rot(volume.volume(), 0);
        return volume;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 5})
    void aBlockThatRottedIsRepairedInTheFirstRoundAlsoWhenItCannotBeVerifiedAtFirst(int refusals) {
        Script script = new Script(1, 3);
        Configuration volume = rotten(script);
        script.gate(ROTTEN_ON).refuseToVerify(refusals);

        script.run(FIRST_ROUND_SECONDS);

        assertThat(script.world.logged("Repaired")).isEqualTo(1);
        assertThat(script.world.logged("ScrubIncomplete")).isZero();
        script.holdsEverywhere(volume, 0, 7 << 16, "I23");
    }

    @Test
    void anExtentThatCannotBeVerifiedIsNamedAndLookedAtAgain() {
        Script script = new Script(2, 3);
        Configuration volume = rotten(script);
        script.gate(ROTTEN_ON).refuseToVerify(1_000_000);

        script.until(() -> script.world.logged("ScrubIncomplete") > 0, "a round that did not get through");

        assertThat(script.world.logged("ScrubIncomplete")).isPositive();
        assertThat(script.world.logged("Repaired")).isZero();

        script.gate(ROTTEN_ON).refuseToVerify(0);
        script.run(FIRST_ROUND_SECONDS);

        assertThat(script.world.logged("Repaired")).isEqualTo(1);
        script.holdsEverywhere(volume, 0, 7 << 16, "I23");
    }

    @Test
    void aRottenBlockOfTheOnlyReplicaIsNamedAndNotReadOverAndOver() {
        Script script = new Script(3, 1);
        Configuration volume = script.served(1, 1);
        script.wrote(1, script.opened(1, volume), 0, 7 << 16);
        script.node(1).disks().getFirst().rot(volume.volume(), 0);

        script.run(FIRST_ROUND_SECONDS);

        assertThat(script.world.logged("NotRepaired")).isPositive();
        assertThat(script.world.logged("ScrubIncomplete")).isPositive().isEqualTo(script.world.logged("NotRepaired"));
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void blocksWithoutAGoodCopyAreToldUntilTheyAreWrittenAnew(boolean byScrub) {
        Script script = new Script(4, 3);
        Configuration volume = script.served(1, 1);
        HostVolume opened = script.opened(1, volume);
        for (int block = 0; block < 8; block++) {
            script.wrote(1, opened, block, 7 << 16);
        }
        volume.inSync().forEach(disk -> script.rot(volume, disk, 5));

        if (byScrub) {
            script.until(() -> script.world.logged("Unreadable") > 0, "a round of the scrub");
        } else {
            Script.Asked asked = script.reading(1, opened, 0, 8);
            script.until(asked::answered, "the answer to a read");
            assertThat(asked.status()).isEqualTo(Status.CORRUPT);
        }

        VolumeView told = view(script);
        assertThat(told.phase()).isEqualTo(Phase.DEGRADED);
        assertThat(told.reason()).contains("1 block of 4 KiB has no good copy", "at byte 20480;", "EIO");
        assertThat(script.world.logged("Unreadable")).isEqualTo(1);

        script.wrote(1, opened, 5, 8 << 16);

        assertThat(view(script).phase()).isEqualTo(Phase.READY);
        assertThat(view(script).reason()).isEmpty();
    }

    private static VolumeView view(Script script) {
        return script.node(1).engine().view().volumes().getFirst();
    }

    /** No replica can give all of it, but for each block there is one that can. */
    @Test
    void aReadOfBlocksThatRottedOnDifferentReplicasIsAnsweredAndAllOfThemAreRepaired() {
        Script script = new Script(5, 3);
        Configuration volume = script.served(1, 1);
        HostVolume opened = script.opened(1, volume);
        for (int block = 0; block < 3; block++) {
            script.wrote(1, opened, block, 7 << 16);
            script.rot(volume, volume.inSync().get(block), block);
        }

        Script.Asked asked = script.reading(1, opened, 0, 3);
        script.until(asked::answered, "the answer to a read");

        assertThat(asked.status()).isEqualTo(Status.OK);
        script.until(() -> script.world.logged("Repaired") == 3, "three repairs");
        assertThat(script.world.logged("Unreadable")).isZero();
    }

    /**
     * A round over one volume lasts longer than the pause until its next: the other one is scrubbed all the same. Once it
     * never was, for the first that was due began, and not the one that had been due for longest.
     */
    @ParameterizedTest
    @ValueSource(strings = {"one", "other"})
    void aVolumeThatIsAlwaysDueKeepsNoOtherOneWaiting(String rotten) {
        Script script = new Script(seedWithShortestPause(), 2);
        for (String name : List.of("one", "other")) {
            Configuration volume = script.create(name, 2, 1, EXTENTS);
            script.done(1, (engine, receiver) -> engine.serve(name, receiver));
            for (int extent = 0; extent < EXTENTS; extent++) {
                script.wrote(1, script.opened(1, volume), (long) extent * Replica.EXTENT_BLOCKS, 7 << 16);
            }
            if (name.equals(rotten)) {
                script.node(ROTTEN_ON).disks().getFirst().rot(volume.volume(), 0);
            }
        }

        script.run(FIRST_ROUND_SECONDS);

        assertThat(script.world.logged("Repaired")).isEqualTo(1);
    }

    private static long seedWithShortestPause() {
        long seed = 1;
        while (new Script(seed, 2).world.settings.background().scrubPauseMillis() > SHORTEST_PAUSE_MILLIS) {
            seed++;
        }
        return seed;
    }
}
