package storage.cairn.schedulerextender;

import static org.assertj.core.api.Assertions.assertThat;
import static storage.cairn.schedulerextender.World.GIB;
import static storage.cairn.schedulerextender.World.bound;
import static storage.cairn.schedulerextender.World.unbound;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.api.resource.Spread;
import storage.cairn.api.resource.VolumeSpec.Locality;
import storage.cairn.schedulerextender.Snapshot.Data;
import storage.cairn.schedulerextender.Snapshot.Pool;

final class DecisionTest {
    /** Volume v; node a is in zone x with b, c and d are in zone y. Scores of a to d. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            value = {
                "in sync on one node              | a1      | ''    | '' | 10 3 0 0",
                "in sync on two nodes             | a1 c1   | ''    | '' | 10 3 10 3",
                "one is syncing                   | a1      | d1    | '' | 10 3 0 5",
                "served elsewhere: the other less | a1 c1   | ''    | a  | 10 3 8 3",
                "served where no data is          | a1      | ''    | d  | 8 3 0 0",
                "on a disk that is not there      | z9      | ''    | '' | 0 0 0 0",
            })
    void aBoundVolumeDrawsItsPodToItsData(String rule, String inSync, String syncing, String owner, String expected) {
        World world = new World("a", "b", "c", "d");
        world.node("a", "x", true, true, false).node("b", "x", true, true, false);
        world.node("c", "y", true, true, false).node("d", "y", true, true, false);
        world.volume("v", GIB, Locality.PREFERRED, inSync, syncing, owner);
        assertThat(world.scores(bound("v"))).as(rule).isEqualTo(numbers(expected));
        assertThat(world.refusals(bound("v"))).isEmpty();
    }

    private static List<Integer> numbers(String text) {
        List<Integer> all = new ArrayList<>();
        for (String each : text.trim().split(" ")) {
            all.add(Integer.valueOf(each));
        }
        return all;
    }

    @Test
    void theLargerOfTwoVolumesCountsMore() {
        World world = new World("a", "b", "c").preferred("small", "a1");
        world.volume("large", 9 * GIB, Locality.PREFERRED, "b1", "", "");
        assertThat(world.scores(bound("small"), bound("large"))).containsExactly(1, 9, 0);
    }

    @Test
    void theBusierOfTwoVolumesCountsMore() {
        World world = new World("a", "b", "c").preferred("busy", "a1").preferred("quiet", "b1");
        world.used("busy", 9 << 20).used("quiet", 1 << 20);
        assertThat(world.scores(bound("busy"), bound("quiet"))).containsExactly(7, 3, 0);
    }

    @Test
    void aLargeVolumeThatNobodyUsesWeighsAsMuchAsASmallOneThatDoesAllTheWork() {
        World world = new World("a", "b", "c").preferred("log", "a1").used("log", 64 << 20);
        world.volume("archive", 999 * GIB, Locality.PREFERRED, "b1", "", "");
        assertThat(world.scores(bound("log"), bound("archive"))).containsExactly(5, 5, 0);
    }

    @Test
    void whereTwoVolumesMeetIsBest() {
        World world = new World("a", "b", "c").preferred("v", "a1 b1").preferred("w", "b1 c1");
        assertThat(world.scores(bound("v"), bound("w"))).containsExactly(5, 10, 5);
    }

    @Test
    void localityNoneDrawsNowhere() {
        World world = new World("a", "b").volume("v", GIB, Locality.NONE, "a1", "", "");
        assertThat(world.scores(bound("v"))).containsExactly(0, 0);
        assertThat(world.refusals(bound("v"))).isEmpty();
    }

    @Test
    void requiredLocalityRefusesNodesWithoutTheDataAndSaysWhereItIs() {
        World world = new World("a", "b", "c").volume("v", GIB, Locality.REQUIRED, "a1 b1", "c1", "");
        assertThat(world.refusals(bound("v")))
                .containsOnlyKeys("c")
                .containsEntry(
                        "c", "claim claim-v wants its pod beside its data (locality required), which is on a, b");
    }

    @Test
    void requiredLocalityWithoutAReachableReplicaSaysSo() {
        World world = new World("a", "b").volume("v", GIB, Locality.REQUIRED, "a1", "", "");
        world.node("a", "", false, true, false);
        assertThat(world.refusals(bound("v")))
                .containsEntry("a", "the node's Cairn engine is not heard of")
                .containsEntry(
                        "b",
                        "claim claim-v wants its pod beside its data (locality required), which is on a (it does not"
                                + " serve it now)");
    }

    @Test
    void nodesThatCannotHostAVolumeAreRefusedWithTheReason() {
        World world = new World("dead", "leaving", "well").preferred("v", "dead1 leaving1 well1");
        world.node("dead", "", false, true, false).node("leaving", "", true, true, true);
        Decision decision = world.decide(bound("v"));
        assertThat(decision.refusals(List.of("dead", "leaving", "none", "well")))
                .isEqualTo(Map.of(
                        "dead", "the node's Cairn engine is not heard of",
                        "leaving", "the node is being evacuated of Cairn's volumes",
                        "none", "no Cairn engine runs on the node"));
        assertThat(decision.score("dead")).isZero();
        assertThat(decision.score("leaving")).isZero();
        assertThat(decision.score("none")).isZero();
    }

    @Test
    void aDiskThatFailedOrIsBeingEmptiedDrawsLess() {
        World world = new World("a", "b", "c").preferred("v", "a1 b1 c1");
        world.disk("a1", "a", 100 * GIB, 0, false, false).disk("b1", "b", 100 * GIB, 0, true, true);
        assertThat(world.scores(bound("v"))).containsExactly(0, 6, 10);
    }

    @Test
    void aVolumeThatNobodyKnowsIsNamed() {
        assertThat(new World("a").refusals(bound("v"))).containsEntry("a", "claim claim-v: Cairn knows no volume v");
    }

    @Test
    void aPodWithoutClaimsOfOursMayGoAnywhere() {
        assertThat(new World("a").decide().refusals(List.of("a", "stranger"))).isEmpty();
    }

    @Test
    void aNewVolumeIsDrawnToRoomAndNotKeptFromOthersByIt() {
        World world = new World("empty", "full", "half");
        world.disk("full1", "full", 100 * GIB, 95 * GIB, true, false);
        world.disk("half1", "half", 100 * GIB, 50 * GIB, true, false);
        assertThat(world.scores(unbound("c", 10, Locality.PREFERRED))).containsExactly(10, 0, 8);
        assertThat(world.refusals(unbound("c", 10, Locality.PREFERRED))).isEmpty();
    }

    @Test
    void requiredLocalityOfANewVolumeWantsRoomForAllClaimsTogether() {
        World world = new World("one", "two");
        world.disk("two1", "two", 60 * GIB, 0, true, false).disk("two2", "two", 60 * GIB, 0, true, false);
        Claim x = unbound("x", 55, Locality.REQUIRED);
        Claim y = unbound("y", 55, Locality.REQUIRED);
        assertThat(world.refusals(x)).isEmpty();
        assertThat(world.refusals(x, y))
                .containsOnlyKeys("one")
                .containsEntry(
                        "one",
                        "claim x and y wants its data beside its pod (locality required), and the node's disks have no"
                                + " room for 118111600640 bytes");
    }

    @Test
    void claimsOnTheirWayToANodeHaveTakenTheirRoomThere() {
        World world = new World("a", "b", "c");
        Claim mine = unbound("c", 60, Locality.REQUIRED);
        world.reserved.put("a", Map.of("fast", 50 * GIB));
        assertThat(world.refusals(mine)).containsOnlyKeys("a");
        // Unless it is this very claim that the room is kept for.
        Claim again = new Claim.Unbound("c", 60 * GIB, "fast", 2, Locality.REQUIRED, null, "a");
        world.reserved.put("a", Map.of("fast", 60 * GIB));
        assertThat(world.refusals(again)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"NODE, nodes, 1", "ZONE, zones, 1"})
    void aPoolWithoutRoomForAllReplicasRefusesEveryNodeAndSaysHowManyItHas(Spread spread, String word, int found) {
        World world = new World("a", "b");
        world.pools.put("fast", new Pool(2, spread, 100, 85));
        if (spread == Spread.NODE) {
            world.disk("b1", "b", 100 * GIB, 95 * GIB, true, false);
        }
        assertThat(world.refusals(unbound("c", 10, Locality.PREFERRED)))
                .hasSize(2)
                .containsEntry(
                        "a",
                        "claim c: pool 'fast' has room for 10737418240 bytes in " + found + " " + word
                                + ", its replicas need 2");
    }

    @ParameterizedTest
    @CsvSource({
        "'', 'claim c: its StorageClass names no pool, and there is not just one'",
        "slow, 'claim c: there is no StoragePool ''slow'''"
    })
    void aPoolThatIsNotThereIsNamed(String pool, String reason) {
        Claim claim = new Claim.Unbound("c", GIB, pool, 2, Locality.PREFERRED, null, "");
        assertThat(new World("a").refusals(claim)).containsEntry("a", reason);
    }

    @Test
    void roomIsNotOnDisksThatTakeNoNewReplicas() {
        World world = new World("away", "closed", "emptied", "filled", "x", "y");
        world.node("away", "", false, true, false).node("closed", "", true, false, false);
        world.disk("emptied1", "emptied", 100 * GIB, 0, true, true);
        world.disks.put(
                "filled1", new Snapshot.Storage("filled1", "fast", "filled", 100 * GIB, 90 * GIB, 0, true, false));
        Claim claim = unbound("c", 1, Locality.REQUIRED);
        assertThat(world.refusals(claim)).containsOnlyKeys("away", "closed", "emptied", "filled");
    }

    private static World random(Random random) {
        World world = new World();
        int nodes = 1 + random.nextInt(6);
        for (int node = 0; node < nodes; node++) {
            String name = "n" + node;
            world.node(
                    name,
                    random.nextBoolean() ? "" : "z" + random.nextInt(2),
                    random.nextInt(5) > 0,
                    random.nextInt(6) > 0,
                    random.nextInt(8) == 0);
            for (int disk = 0; disk < random.nextInt(3); disk++) {
                world.disk(
                        name + disk,
                        name,
                        100 * GIB,
                        random.nextInt(110) * GIB,
                        random.nextInt(6) > 0,
                        random.nextInt(6) == 0);
            }
            if (random.nextInt(4) == 0) {
                world.reserved.put(name, Map.of("fast", random.nextInt(100) * GIB));
            }
        }
        return world;
    }

    private static List<String> some(Random random, World world) {
        return world.disks.keySet().stream()
                .sorted()
                .filter(each -> random.nextInt(3) == 0)
                .limit(3)
                .toList();
    }

    private static Locality locality(Random random) {
        return Locality.values()[random.nextInt(3)];
    }

    private static List<Claim> claims(Random random, World world) {
        List<Claim> claims = new ArrayList<>();
        for (int count = random.nextInt(4); count >= 0; count--) {
            if (random.nextBoolean()) {
                String id = "v" + count;
                claims.add(bound(id));
                if (random.nextInt(10) > 0) {
                    world.volumes.put(
                            id,
                            new Data(
                                    GIB << random.nextInt(8),
                                    locality(random),
                                    some(random, world),
                                    List.of(),
                                    random.nextInt(4),
                                    random.nextInt(3) * 4096L));
                }
            } else {
                claims.add(unbound("c" + count, 1 + random.nextInt(80), locality(random)));
            }
        }
        return claims;
    }

    @Test
    void scoresStayInRangeEveryRefusalHasAReasonAndTheSameQuestionHasTheSameAnswer() {
        for (int seed = 0; seed < 3_000; seed++) {
            Random random = new Random(seed);
            World world = random(random);
            List<Claim> claims = claims(random, world);
            Decision decision = new Decision(world.snapshot(), claims);
            Decision again = new Decision(world.snapshot(), claims);
            Map<String, String> refusals = decision.refusals(world.nodes());
            assertThat(refusals).as("seed %d", seed).isEqualTo(again.refusals(world.nodes()));
            assertThat(refusals.values()).as("seed %d", seed).allMatch(reason -> !reason.isBlank());
            for (String node : world.nodes()) {
                assertThat(decision.score(node))
                        .as("seed %d", seed)
                        .isBetween(0, Decision.MOST)
                        .isEqualTo(again.score(node));
            }
        }
    }

    @Test
    void anotherReplicaNeverLowersAScoreNorRefusesANode() {
        for (int seed = 0; seed < 3_000; seed++) {
            Random random = new Random(seed);
            World world = random(random);
            List<Claim> claims = claims(random, world);
            Decision before = new Decision(world.snapshot(), claims);
            for (String id : List.copyOf(world.volumes.keySet())) {
                Data data = Objects.requireNonNull(world.volumes.get(id));
                List<String> more = new ArrayList<>(data.inSync());
                some(random, world).stream()
                        .filter(each -> !more.contains(each))
                        .forEach(more::add);
                world.volumes.put(
                        id,
                        new Data(data.bytes(), data.locality(), more, List.of(), data.owner(), data.bytesPerSecond()));
            }
            Decision after = new Decision(world.snapshot(), claims);
            for (String node : world.nodes()) {
                assertThat(after.score(node))
                        .as("seed %d node %s", seed, node)
                        .isGreaterThanOrEqualTo(before.score(node));
            }
            assertThat(before.refusals(world.nodes()).keySet())
                    .as("seed %d", seed)
                    .containsAll(after.refusals(world.nodes()).keySet());
        }
    }
}
