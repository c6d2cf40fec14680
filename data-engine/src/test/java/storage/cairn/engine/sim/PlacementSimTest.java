package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.replication.HostVolume;
import storage.cairn.engine.replication.VolumeAnswer;

/** A volume goes to the disks that it is wanted on, whoever serves it, and loses nothing on the way. */
final class PlacementSimTest {
    private static final long STAMP = 1 << 16;

    private static DiskId disk(Script script, int node) {
        return script.node(node).disks().getFirst().id();
    }

    /** The disks of these nodes. */
    private static List<DiskId> disks(Script script, int... nodes) {
        List<DiskId> disks = new ArrayList<>();
        for (int node : nodes) {
            disks.add(disk(script, node));
        }
        return disks;
    }

    /** Every node hears of it, as the watch of a configuration store tells it. */
    private static void want(Script script, Configuration volume, List<DiskId> disks) {
        for (SimNode node : script.world.nodes) {
            if (node.process() != null) {
                node.process().execute(() -> node.engine().want(volume.volume(), disks));
            }
        }
    }

    private static boolean isOn(Script script, Configuration volume, List<DiskId> disks) {
        Configuration current = script.current(volume);
        return current.inSync().size() == disks.size()
                && current.inSync().containsAll(disks)
                && current.replicas().size() == disks.size();
    }

    private static Configuration recorded(Script script, List<DiskId> disks) {
        return recorded(script, 7, "recorded", disks, List.of());
    }

    private static Configuration recorded(
            Script script, long id, String name, List<DiskId> disks, List<Configuration.Stale> outOfSync) {
        Configuration first = new Configuration(
                new VolumeId(new UUID(7, id)),
                name,
                1,
                1,
                new UUID(7, 8),
                null,
                disks,
                List.of(),
                outOfSync,
                2,
                1 << 20,
                null,
                false,
                false);
        ConfigStore store = script.world.config.open(1, script.node(1).process());
        List<Written> answers = new ArrayList<>();
        script.node(1)
                .process()
                .execute(() -> store.compareAndSet(first.volume(), Versioned.NONE, first, answers::add));
        script.until(() -> !answers.isEmpty(), "the record of a volume");
        assertThat(answers.getFirst()).isInstanceOf(Written.Applied.class);
        return first;
    }

    @Test
    void aServedVolumeMovesToOtherDisksUnderItsHost() {
        Script script = new Script(1, 5);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume opened = script.opened(1, volume);
        assertThat(script.write(1, opened, 0, 7 * STAMP)).isEqualTo(Status.OK);

        List<DiskId> wanted = disks(script, 1, 4, 5);
        want(script, volume, wanted);
        long value = 8;
        while (!isOn(script, volume, wanted)) {
            assertThat(value).as("writes while it moves").isLessThan(10_000);
            assertThat(script.write(1, opened, 1, value++ * STAMP)).isEqualTo(Status.OK);
        }

        script.node(2).kill(false);
        script.node(3).kill(false);
        assertThat(script.write(1, opened, 2, 9 * STAMP)).isEqualTo(Status.OK);
        script.node(1).kill(false);
        script.done(4, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume later = script.opened(4, volume);
        assertThat(script.read(4, later, 0)).isEqualTo(7 * STAMP);
        assertThat(script.read(4, later, 1)).isEqualTo((value - 1) * STAMP);
        assertThat(script.read(4, later, 2)).isEqualTo(9 * STAMP);
    }

    @Test
    void aVolumeThatNobodyServesIsMovedAndGivenUpAgain() {
        Script script = new Script(2, 4);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        assertThat(script.write(1, script.opened(1, volume), 0, 7 * STAMP)).isEqualTo(Status.OK);
        script.done(1, (engine, receiver) -> engine.release("recorded", receiver));

        List<DiskId> wanted = disks(script, 1, 2, 4);
        want(script, volume, wanted);
        script.until(
                () -> isOn(script, volume, wanted) && script.current(volume).owner() == null, "the volume in place");

        script.node(1).kill(false);
        script.node(2).kill(true);
        script.node(2).start();
        script.run(10);
        script.done(4, (engine, receiver) -> engine.serve("recorded", receiver));
        assertThat(script.read(4, script.opened(4, volume), 0)).isEqualTo(7 * STAMP);
    }

    private static boolean isWhole(Configuration current) {
        return current.syncing().isEmpty() && current.outOfSync().isEmpty();
    }

    /** Otherwise it would stay at fewer replicas until a host comes, and lose one more meanwhile. */
    @Test
    void aReleasedVolumeIsRebuiltWhenItsLostReplicaIsBackAndGivenUpAgain() {
        Script script = new Script(9, 3);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(2, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume opened = script.opened(2, volume);
        script.node(3).kill(false);
        assertThat(script.write(2, opened, 0, 7 * STAMP)).isEqualTo(Status.OK);
        script.takenOut(volume, 3);
        script.done(2, (engine, receiver) -> engine.release("recorded", receiver));
        script.run(30);
        assertThat(script.current(volume).owner()).as("nothing can be done yet").isNull();
        assertThat(isWhole(script.current(volume))).isFalse();

        script.node(3).start();
        script.until(
                () -> isWhole(script.current(volume)) && script.current(volume).owner() == null, "the rebuild");

        script.node(1).kill(false);
        script.done(3, (engine, receiver) -> engine.serve("recorded", receiver));
        assertThat(script.read(3, script.opened(3, volume), 0)).isEqualTo(7 * STAMP);
    }

    @Test
    void aReleasedVolumeCanBeServedAndDeletedWhileItIsRebuilt() {
        for (boolean delete : new boolean[] {false, true}) {
            Script script = new Script(11, 3);
            Configuration volume = recorded(script, disks(script, 1, 2, 3));
            script.run(5);
            script.done(2, (engine, receiver) -> engine.serve("recorded", receiver));
            HostVolume opened = script.opened(2, volume);
            script.node(3).kill(false);
            assertThat(script.write(2, opened, 0, 7 * STAMP)).isEqualTo(Status.OK);
            script.takenOut(volume, 3);
            script.done(2, (engine, receiver) -> engine.release("recorded", receiver));
            script.node(3).start();
            script.until(() -> script.current(volume).owner() != null, "the rebuild to begin");

            if (delete) {
                script.done(3, (engine, receiver) -> engine.deleteVolume("recorded", false, receiver));
                assertThat(script.current(volume).deleted()).isTrue();
            } else {
                script.done(3, (engine, receiver) -> engine.serve("recorded", receiver));
                assertThat(script.read(3, script.opened(3, volume), 0)).isEqualTo(7 * STAMP);
                script.until(() -> isWhole(script.current(volume)), "the rebuild");
            }
        }
    }

    /** Hundreds may have missed a node that returns. */
    @Test
    void ofManyReleasedVolumesAFewAreRebuiltAtOnce() {
        Script script = new Script(13, 3);
        List<Configuration> volumes = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            volumes.add(recorded(
                    script,
                    100 + i,
                    "v" + i,
                    disks(script, 1, 2),
                    List.of(new Configuration.Stale(disk(script, 3), 0))));
        }
        int[] most = {0};
        script.until(
                () -> {
                    List<Configuration> now =
                            volumes.stream().map(script::current).toList();
                    most[0] = Math.max(most[0], (int)
                            now.stream().filter(each -> each.owner() != null).count());
                    return now.stream().allMatch(each -> isWhole(each) && each.owner() == null);
                },
                "all of them whole");
        assertThat(most[0]).isBetween(2, 8);
    }

    /** With one of two in-sync replicas that it needs away, an owner could only wait, and be in the way of others. */
    @Test
    void aReleasedVolumeThatLacksTheReplicasThatItNeedsIsLeftAlone() {
        Script script = new Script(10, 3);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume opened = script.opened(1, volume);
        script.node(3).kill(false);
        assertThat(script.write(1, opened, 0, 7 * STAMP)).isEqualTo(Status.OK);
        script.takenOut(volume, 3);
        script.done(1, (engine, receiver) -> engine.release("recorded", receiver));
        script.node(2).kill(false);

        script.node(3).start();
        script.run(60);
        assertThat(script.current(volume).owner()).isNull();
        assertThat(isWhole(script.current(volume))).isFalse();

        script.node(2).start();
        script.until(
                () -> isWhole(script.current(volume)) && script.current(volume).owner() == null, "the rebuild");
    }

    /** An empty disk has the place, and the identity, of the one that was in a node. */
    private static void replaceDisk(Script script, int node) {
        script.down(node);
        script.node(node).disks().getFirst().replace();
        script.node(node).start();
    }

    private static void isWholeAndHasIt(Script script, Configuration volume, int replaced, long block, long value) {
        script.until(
                () -> isWhole(script.current(volume))
                        && script.current(volume).inSync().size() == 3,
                "the rebuild");
        script.down(replaced == 1 ? 2 : 1);
        script.done(replaced, (engine, receiver) -> engine.serve("recorded", receiver));
        assertThat(script.read(replaced, script.opened(replaced, volume), block))
                .isEqualTo(value);
    }

    /** Whether the owner reaches it over the network or has it itself, and has taken it out before or not. */
    @Test
    void aReplicaThatVanishedWithItsDiskIsMadeAnewAndFilled() {
        for (int replaced : new int[] {1, 2}) {
            for (boolean missedBefore : new boolean[] {false, true}) {
                Script script = new Script(14, 3);
                Configuration volume = recorded(script, disks(script, 1, 2, 3));
                script.run(5);
                script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
                assertThat(script.write(1, script.opened(1, volume), 0, 7 * STAMP))
                        .isEqualTo(Status.OK);
                if (missedBefore && replaced == 2) {
                    script.takenOut(volume, 2);
                    assertThat(script.current(volume).outOfSync().getFirst().sinceSeq())
                            .isPositive();
                }
                replaceDisk(script, replaced);
                if (replaced == 1) {
                    script.run(10);
                    script.done(missedBefore ? 1 : 3, (engine, receiver) -> engine.serve("recorded", receiver));
                }
                script.until(() -> !script.inSync(volume, replaced), "that it is missed");
                isWholeAndHasIt(script, volume, replaced, 0, 7 * STAMP);
            }
        }
    }

    /** Otherwise the next loss would be one too many, and nobody had known of the first. */
    @Test
    void aReplicaOfAReleasedVolumeThatVanishedWithItsDiskIsMadeAnew() {
        for (int replaced : new int[] {1, 3}) {
            Script script = new Script(15, 3);
            Configuration volume = recorded(script, disks(script, 1, 2, 3));
            script.run(5);
            script.done(2, (engine, receiver) -> engine.serve("recorded", receiver));
            assertThat(script.write(2, script.opened(2, volume), 0, 7 * STAMP)).isEqualTo(Status.OK);
            script.done(2, (engine, receiver) -> engine.release("recorded", receiver));

            replaceDisk(script, replaced);
            script.until(() -> !script.inSync(volume, replaced), "that somebody notices");
            script.until(
                    () -> isWhole(script.current(volume))
                            && script.current(volume).owner() == null,
                    "the rebuild");
            isWholeAndHasIt(script, volume, replaced, 0, 7 * STAMP);
        }
    }

    /** It is not taken for a full one; and as long as it cannot be missed it stays what it is. */
    @Test
    void aVanishedReplicaThatCannotBeMissedIsNeitherTakenOutNorMadeAnew() {
        Script script = new Script(16, 3);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume opened = script.opened(1, volume);
        assertThat(script.write(1, opened, 0, 7 * STAMP)).isEqualTo(Status.OK);
        script.takenOut(volume, 3);
        replaceDisk(script, 2);
        script.run(60);
        assertThat(script.current(volume).inSync()).containsExactlyInAnyOrderElementsOf(disks(script, 1, 2));
        assertThat(Objects.requireNonNull(script.node(2).store(disk(script, 2))).replicas())
                .isEmpty();
    }

    /** Nobody begins with empty replicas where data was. */
    @Test
    void aVolumeAllOfWhoseReplicasVanishedIsNotServed() {
        Script script = new Script(17, 3);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        assertThat(script.write(1, script.opened(1, volume), 0, 7 * STAMP)).isEqualTo(Status.OK);
        script.done(1, (engine, receiver) -> engine.release("recorded", receiver));
        for (int node = 1; node <= 3; node++) {
            replaceDisk(script, node);
        }
        List<VolumeAnswer> answers = new ArrayList<>();
        SimNode first = script.node(1);
        first.process().execute(() -> first.engine().serve("recorded", answers::add));
        script.run(60);
        assertThat(answers).isEmpty();
        assertThat(script.current(volume).inSync()).containsExactlyInAnyOrderElementsOf(disks(script, 1, 2, 3));
    }

    /** The disk that is gone leaves the membership for good, though it never answers again. */
    @Test
    void aLostReplicaIsReplaced() {
        Script script = new Script(3, 4);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume opened = script.opened(1, volume);
        script.node(3).kill(false);
        assertThat(script.write(1, opened, 0, 7 * STAMP)).isEqualTo(Status.OK);

        List<DiskId> wanted = disks(script, 1, 2, 4);
        want(script, volume, wanted);
        script.until(() -> isOn(script, volume, wanted), "the replacement");
        assertThat(script.read(1, opened, 0)).isEqualTo(7 * STAMP);
    }

    /** Seed 778022 of the clusters in memory: such a volume waited for ever for a place. */
    @Test
    void aVolumeWithTheMostReplicasMovesToo() {
        Script script = new Script(5, 6);
        Configuration volume = recorded(script, disks(script, 1, 2, 3, 4, 5));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume opened = script.opened(1, volume);
        assertThat(script.write(1, opened, 0, 7 * STAMP)).isEqualTo(Status.OK);

        List<DiskId> wanted = disks(script, 1, 2, 4, 6);
        want(script, volume, wanted);
        script.until(() -> isOn(script, volume, wanted), "the volume in place");
        assertThat(script.read(1, opened, 0)).isEqualTo(7 * STAMP);
    }

    /** Nothing is taken away for a wish that cannot come true. */
    @Test
    void aWishForADiskThatIsNotThereTakesNothingAway() {
        Script script = new Script(4, 3);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        List<DiskId> wanted = List.of(disk(script, 1), disk(script, 2), new DiskId(new UUID(9, 9)));
        want(script, volume, wanted);
        script.run(30);
        assertThat(script.current(volume).inSync()).hasSize(3);
    }

    @Test
    void aWishForFewerDisksThanMustBeInSyncTakesAwayOnlyWhatMayBeMissed() {
        Script script = new Script(12, 3);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        want(script, volume, disks(script, 3));
        script.run(30);
        assertThat(script.current(volume).inSync()).hasSize(2).contains(disk(script, 3));
        assertThat(script.write(1, script.opened(1, volume), 0, 7 * STAMP)).isEqualTo(Status.OK);
    }

    private static VolumeAnswer.Problem refused(
            Script script, int node, String name, DiskId lost, @Nullable DiskId fresh) {
        VolumeAnswer answer = script.ask(node, (engine, receiver) -> engine.replaceDisk(name, lost, fresh, receiver));
        assertThat(answer).isInstanceOf(VolumeAnswer.Failed.class);
        return ((VolumeAnswer.Failed) answer).problem();
    }

    @Test
    void aLostDiskIsReplacedUnderTheHost() {
        Script script = new Script(6, 4);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume opened = script.opened(1, volume);
        assertThat(script.write(1, opened, 0, 7 * STAMP)).isEqualTo(Status.OK);
        assertThat(refused(script, 1, "recorded", disk(script, 3), null))
                .as("while it is served")
                .isEqualTo(VolumeAnswer.Problem.PRECONDITION);
        script.node(3).kill(false);

        Configuration replaced =
                script.done(1, (engine, receiver) -> engine.replaceDisk("recorded", disk(script, 3), null, receiver));
        assertThat(replaced.inSync()).as("in sync before it was rebuilt").doesNotContain(disk(script, 4));
        assertThat(replaced.replicas()).containsExactlyInAnyOrderElementsOf(disks(script, 1, 2, 4));
        assertThat(script.write(1, opened, 1, 8 * STAMP)).isEqualTo(Status.OK);
        script.until(() -> isOn(script, volume, disks(script, 1, 2, 4)), "the rebuild");

        script.node(3).start();
        script.node(2).kill(false);
        assertThat(script.write(1, opened, 2, 9 * STAMP)).isEqualTo(Status.OK);
        script.node(1).kill(false);
        script.node(2).start();
        script.done(4, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume later = script.opened(4, volume);
        for (int block = 0; block < 3; block++) {
            assertThat(script.read(4, later, block)).isEqualTo((7 + block) * STAMP);
        }
    }

    @Test
    void aLostDiskOfAVolumeThatNobodyServesIsReplacedAndRebuilt() {
        Script script = new Script(7, 4);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        assertThat(script.write(1, script.opened(1, volume), 0, 7 * STAMP)).isEqualTo(Status.OK);
        script.done(1, (engine, receiver) -> engine.release("recorded", receiver));
        script.node(3).kill(false);

        script.done(
                2, (engine, receiver) -> engine.replaceDisk("recorded", disk(script, 3), disk(script, 4), receiver));
        script.until(
                () -> isOn(script, volume, disks(script, 1, 2, 4))
                        && script.current(volume).owner() == null,
                "the rebuild");
        // Asked once more, it holds already.
        script.done(
                1, (engine, receiver) -> engine.replaceDisk("recorded", disk(script, 3), disk(script, 4), receiver));

        script.node(1).kill(false);
        script.done(4, (engine, receiver) -> engine.serve("recorded", receiver));
        assertThat(script.read(4, script.opened(4, volume), 0)).isEqualTo(7 * STAMP);
    }

    /** The last replicas but one cannot be missed, be one of them lost or not. */
    @Test
    void aDiskThatTheVolumeCannotMissIsNotReplaced() {
        Script script = new Script(8, 4);
        Configuration volume = recorded(script, disks(script, 1, 2, 3));
        script.run(5);
        script.done(1, (engine, receiver) -> engine.serve("recorded", receiver));
        HostVolume opened = script.opened(1, volume);
        assertThat(script.write(1, opened, 0, 7 * STAMP)).isEqualTo(Status.OK);
        script.takenOut(volume, 3);
        script.node(2).kill(false);

        assertThat(refused(script, 1, "recorded", disk(script, 2), disk(script, 4)))
                .isEqualTo(VolumeAnswer.Problem.PRECONDITION);
        assertThat(refused(script, 1, "recorded", disk(script, 4), null)).isEqualTo(VolumeAnswer.Problem.PRECONDITION);
        assertThat(refused(script, 1, "recorded", disk(script, 3), disk(script, 1)))
                .isEqualTo(VolumeAnswer.Problem.INVALID);
        assertThat(refused(script, 1, "recorded", disk(script, 3), new DiskId(new UUID(9, 9))))
                .isEqualTo(VolumeAnswer.Problem.PRECONDITION);
        assertThat(script.current(volume).inSync()).containsExactlyInAnyOrderElementsOf(disks(script, 1, 2));
    }
}
