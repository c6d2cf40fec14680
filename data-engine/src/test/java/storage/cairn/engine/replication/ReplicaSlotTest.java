package storage.cairn.engine.replication;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.Hello;
import storage.cairn.engine.sim.SimClock;
import storage.cairn.engine.store.Replica;

final class ReplicaSlotTest {
    private static final DiskId DISK = new DiskId(new UUID(1, 1));
    private static final DiskId OTHER = new DiskId(new UUID(2, 2));
    private static final UUID OWNER = new UUID(5, 5);
    private static final UUID NEXT_OWNER = new UUID(6, 6);

    private final SimClock clock = new SimClock();
    private final NodeContext context = new Nobody().context(clock);
    private final ReplicaServer server = new ReplicaServer(context);
    private final ScriptedReplica replica = new ScriptedReplica(DISK, configuration(1, null, List.of(DISK, OTHER)));
    private final ScriptedReplica.Client client = new ScriptedReplica.Client();
    private final List<ReplicaSlot.Claimed> claimed = new ArrayList<>();

    private static Configuration configuration(long epoch, @Nullable UUID owner, List<DiskId> inSync) {
        return new Configuration(
                new VolumeId(new UUID(3, 3)),
                "v",
                1,
                epoch,
                new UUID(4, epoch),
                owner == null ? null : new Configuration.Owner(2, owner),
                inSync,
                List.of(),
                inSync.contains(DISK) ? List.of() : List.of(new Configuration.Stale(DISK, 17)),
                1,
                1 << 20,
                null,
                false,
                false);
    }

    private ReplicaSlot slot() {
        if (server.disk(DISK) == null) {
            server.add(replica);
        }
        return Objects.requireNonNull(server.slot(DISK, replica.volume()));
    }

    private static Hello hello(Hello.Role role, long epoch, UUID owner) {
        return new Hello(2, new UUID(8, 8), new byte[32], role, new UUID(3, 3), DISK.uuid(), 1, epoch, owner);
    }

    private void pass(long millis) {
        clock.runUntil(clock.nanos() + NodeContext.nanos(millis));
    }

    private void setEpoch(ScriptedReplica.Client of, long epoch, UUID owner, List<DiskId> inSync) {
        ReplicaOp op = slot().operation(of, ReplicaOp.Kind.EPOCH_SET, 0);
        op.configuration = configuration(epoch, owner, inSync);
        slot().accept(op);
        pass(1);
    }

    /** A client that came and whose epoch is set. */
    private void serve() {
        slot().claim(client, hello(Hello.Role.REPLICA, 2, OWNER), claimed::add);
        setEpoch(client, 2, OWNER, List.of(DISK, OTHER));
        replica.answer(Status.OK);
        client.heard.clear();
    }

    private void write(long tag, long block) {
        ReplicaOp op = slot().operation(client, ReplicaOp.Kind.ZERO, tag);
        op.epoch = 2;
        op.wseq = tag;
        op.block = block;
        op.count = 1;
        slot().accept(op);
    }

    @Test
    void whatTheReplicaHadNoRoomForIsHandedToItAgain() {
        serve();
        write(1, 1);
        write(2, 2);
        replica.answer(Status.BUSY);
        assertThat(replica.asked()).containsExactly("zero 2");
        assertThat(client.heard).isEmpty();
        pass(2);
        assertThat(replica.asked()).containsExactly("zero 2", "zero 1");
        replica.answer(Status.OK);
        replica.answer(Status.OK);
        assertThat(client.heard).containsExactly("2 OK", "1 OK");
    }

    @Test
    void whatWaitsForRoomKeepsItsRange() {
        serve();
        write(1, 1);
        replica.answer(Status.BUSY);
        write(2, 1);
        pass(2);
        assertThat(replica.asked()).containsExactly("zero 1");
        replica.answer(Status.OK);
        assertThat(replica.asked()).containsExactly("zero 2");
    }

    @Test
    void noMoreThanItsShareIsUnderWayAndTheRestFollowsInOrder() {
        serve();
        for (int i = 1; i <= 1_030; i++) {
            write(i, i);
        }
        assertThat(replica.asked()).hasSize(1_024);
        for (int i = 1; i <= 1_030; i++) {
            replica.answer(Status.OK);
        }
        assertThat(client.heard).hasSize(1_030).startsWith("1 OK").endsWith("1030 OK");
    }

    @Test
    void creditsAreForTheClientWhoseEpochIsSet() {
        slot().claim(client, hello(Hello.Role.REPLICA, 2, OWNER), claimed::add);
        assertThat(slot().credits(client, 2, 10)).isZero();
        setEpoch(client, 2, OWNER, List.of(DISK, OTHER));
        replica.answer(Status.OK);
        assertThat(slot().credits(client, 2, 10)).isEqualTo(10);
        setEpoch(client, 3, OWNER, List.of(DISK, OTHER));
        assertThat(slot().credits(client, 2, 10)).as("of the epoch before").isZero();
        assertThat(slot().credits(client, 3, 10)).isEqualTo(10);
        assertThat(slot().credits(new ScriptedReplica.Client(), 3, 10)).isZero();
    }

    private void rollForward(long wseq) {
        ReplicaOp op = slot().operation(client, ReplicaOp.Kind.ROLL_FORWARD, wseq);
        op.epoch = 2;
        op.entry = new Replica.TailEntry(1, wseq, Replica.Kind.ZERO, wseq, 1);
        op.block = wseq;
        op.count = 1;
        slot().accept(op);
    }

    @Test
    void whatIsKeptForTheAdmittedIsFreeOnceThoseThatWereSentBeforeTheWordAreThere() {
        serve();
        rollForward(1);
        rollForward(2);
        slot().credits(client, 2, 0);
        replica.answer(Status.OK);
        assertThat(replica.settled).as("one of them is under way").isZero();
        replica.answer(Status.OK);
        assertThat(replica.settled).isEqualTo(1);
        rollForward(3);
        replica.answer(Status.OK);
        assertThat(replica.settled).as("no word since").isEqualTo(1);
    }

    @Test
    void theWordOfAWayThatEndedFreesNothingThatIsKept() {
        serve();
        rollForward(1);
        slot().credits(client, 2, 0);
        slot().claim(new ScriptedReplica.Client(), hello(Hello.Role.REPLICA, 2, OWNER), claimed::add);
        assertThat(slot().credits(client, 2, 0)).isZero();
        replica.answer(Status.OK);
        assertThat(claimed.getLast()).isInstanceOf(ReplicaSlot.Claimed.Welcome.class);
        assertThat(replica.settled).isZero();
    }

    @Test
    void anotherOwnerWaitsForTheGrantAndOneThatDoesWithoutTheReplicaDoesNot() {
        serve();
        ScriptedReplica.Client next = new ScriptedReplica.Client();
        slot().claim(next, hello(Hello.Role.REPLICA, 3, NEXT_OWNER), claimed::add);
        assertThat(claimed.getLast()).isInstanceOf(ReplicaSlot.Claimed.Wait.class);
        slot().claim(next, hello(Hello.Role.JOINING_REPLICA, 4, NEXT_OWNER), claimed::add);
        assertThat(claimed.getLast()).isInstanceOf(ReplicaSlot.Claimed.Welcome.class);
        assertThat(client.heard).containsExactly("superseded");
        setEpoch(next, 4, NEXT_OWNER, List.of(DISK, OTHER));
        assertThat(next.heard).as("in sync by its own word").containsExactly("0 CONFLICT");
        setEpoch(next, 4, NEXT_OWNER, List.of(OTHER));
        assertThat(replica.asked()).containsExactly("configure 4");
    }

    @Test
    void aDiskThatTurnsUpIsSilentForOwnersThatNeedItOnly() {
        replica.clean = false;
        slot().claim(client, hello(Hello.Role.REPLICA, 2, OWNER), claimed::add);
        assertThat(claimed.getLast()).isEqualTo(new ReplicaSlot.Claimed.Wait(7_000));
        slot().claim(client, hello(Hello.Role.JOINING_REPLICA, 2, OWNER), claimed::add);
        assertThat(claimed.getLast()).isInstanceOf(ReplicaSlot.Claimed.Welcome.class);
    }

    @Test
    void whatCameBehindAnEpochThatIsRefusedIsRefusedToo() {
        serve();
        write(1, 1);
        setEpoch(client, 3, OWNER, List.of(DISK, OTHER));
        write(2, 2);
        slot().claim(new ScriptedReplica.Client(), hello(Hello.Role.REPLICA, 4, NEXT_OWNER), claimed::add);
        replica.answer(Status.OK);
        pass(1);
        assertThat(client.heard).containsExactly("1 OK", "0 STALE_EPOCH", "2 STALE_EPOCH");
        assertThat(replica.asked()).isEmpty();
    }

    @Test
    void whoGaveTheGrantBackOfADiskThatTurnedUpLeavesNoSilenceBehind() {
        replica.clean = false;
        slot().claim(client, hello(Hello.Role.JOINING_REPLICA, 2, OWNER), claimed::add);
        setEpoch(client, 2, OWNER, List.of(OTHER));
        replica.answer(Status.OK);
        slot().release(client, OWNER);
        slot().claim(new ScriptedReplica.Client(), hello(Hello.Role.REPLICA, 3, NEXT_OWNER), claimed::add);
        assertThat(claimed.getLast()).isInstanceOf(ReplicaSlot.Claimed.Welcome.class);
    }

    @Test
    void anEpochThatWaitedWhenTheGrantWasGivenBackBringsNoneBack() {
        serve();
        write(1, 1);
        setEpoch(client, 3, OWNER, List.of(OTHER));
        slot().release(client, OWNER);
        replica.answer(Status.OK);
        assertThat(replica.asked()).containsExactly("configure 3");
        replica.answer(Status.OK);
        assertThat(server.grantsOutstanding()).isFalse();
        client.heard.clear();
        setEpoch(client, 4, OWNER, List.of(DISK, OTHER));
        assertThat(client.heard).as("after it has let the replica go").containsExactly("0 UNAVAILABLE");
    }

    @Test
    void whoeverCountsOnAReplicaWhoseNodeLeavesIsToldAndNobodyBeginsToRebuildIt() {
        serve();
        boolean[] left = {false};
        server.leave(Set.of(), () -> left[0] = true);
        assertThat(client.heard).containsExactly("leaving");
        pass(100);
        assertThat(left[0]).as("its owner has not taken it out yet").isFalse();
        slot().claim(new ScriptedReplica.Client(), hello(Hello.Role.JOINING_REPLICA, 3, OWNER), claimed::add);
        assertThat(claimed.getLast()).isInstanceOf(ReplicaSlot.Claimed.Refused.class);
        slot().leave(client);
        pass(10);
        assertThat(left[0]).isTrue();
    }

    @Test
    void anOwnerThatDoesNotLetTheReplicaGoKeepsItsNodeForTwoSecondsAtMost() {
        serve();
        boolean[] left = {false};
        server.leave(Set.of(), () -> left[0] = true);
        pass(1_900);
        assertThat(left[0]).isFalse();
        pass(110);
        assertThat(left[0]).isTrue();
    }

    @Test
    void aNodeThatHandedAVolumeOverStaysUntilTheNewOwnerHasComeAndLetTheReplicaGo() {
        boolean[] left = {false};
        server.leave(Set.of(slot().volume()), () -> left[0] = true);
        pass(500);
        assertThat(left[0]).as("the new owner has not come yet").isFalse();
        slot().claim(client, hello(Hello.Role.REPLICA, 2, OWNER), claimed::add);
        assertThat(client.heard).containsExactly("leaving");
        pass(100);
        assertThat(left[0]).as("it has not let the replica go").isFalse();
        slot().leave(client);
        pass(10);
        assertThat(left[0]).isTrue();
    }

    @Test
    void aNewOwnerThatDoesNotComeIsNotWaitedForForEver() {
        boolean[] left = {false};
        server.leave(Set.of(slot().volume()), () -> left[0] = true);
        pass(2_010);
        assertThat(left[0]).isTrue();
    }
}
