package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.Exports;
import storage.cairn.engine.replication.VolumeAnswer;

/** A volume ends where it is moved to, wherever its host looks for it meanwhile. */
final class MoveSimTest {
    private static final int OWNER = 2;
    private static final int TARGET = 1;
    private static final int THIRD = 3;

    private static void openAt(Script script, int node, String export, List<Exports.Opened> answers) {
        SimNode at = script.node(node);
        at.process().execute(() -> at.engine().open(export, (status, reason) -> {}, answers::add));
    }

    private static void ask(Script script, int node, Script.Request request, List<VolumeAnswer> answers) {
        SimNode at = script.node(node);
        at.process().execute(() -> request.to(at.engine(), answers::add));
    }

    /** The host comes to the third node so many microseconds after the move was asked for. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void itMovesAlthoughItsHostComesToAnotherNodeFirst(int asked) {
        int lostRaces = 0;
        for (int millis = 0; millis <= 20; millis++) {
            Script script = new Script(1, 3);
            Configuration volume = script.served(OWNER, 1);
            assertThat(script.write(OWNER, script.opened(OWNER, volume), 0, 7 << 16))
                    .isEqualTo(Status.OK);
            String export = "v/" + script.current(volume).attachId();
            long takeovers = script.world.logged("TookOver");
            List<VolumeAnswer> moved = new ArrayList<>();
            List<Exports.Opened> opened = new ArrayList<>();

            ask(script, asked, (engine, receiver) -> engine.move("v", TARGET, receiver), moved);
            script.runMillis(millis);
            openAt(script, THIRD, export, opened);
            script.until(() -> !moved.isEmpty() && !opened.isEmpty(), "the move and the host's answer");

            assertThat(moved.getFirst()).as("after %d ms", millis).isInstanceOf(VolumeAnswer.Done.class);
            assertThat(script.owner(volume)).as("after %d ms", millis).isEqualTo(TARGET);
            assertThat(script.read(TARGET, script.openedSoon(TARGET, volume), 0))
                    .isEqualTo(7 << 16);
            lostRaces += script.world.logged("TookOver") - takeovers > 1 ? 1 : 0;
        }
        assertThat(lostRaces).as("moves that the host was faster than").isPositive();
    }

    /** A newer export was made elsewhere: the older request must not take the volume from it. */
    @ParameterizedTest
    @ValueSource(ints = {0, 2, 4, 6, 8, 12, 16})
    void itIsNotPulledAwayFromANewerExport(int millis) {
        Script script = new Script(1, 3);
        Configuration volume = script.served(OWNER, 1);
        UUID before = script.current(volume).attachId();
        List<VolumeAnswer> moved = new ArrayList<>();
        List<VolumeAnswer> served = new ArrayList<>();

        ask(script, OWNER, (engine, receiver) -> engine.move("v", TARGET, receiver), moved);
        script.runMillis(millis);
        ask(script, THIRD, (engine, receiver) -> engine.serve("v", receiver), served);
        script.until(() -> !moved.isEmpty() && !served.isEmpty(), "both answers");

        boolean newer = !Objects.equals(before, script.current(volume).attachId());
        assertThat(served.getFirst() instanceof VolumeAnswer.Done).isEqualTo(newer);
        assertThat(script.owner(volume)).isEqualTo(newer ? THIRD : TARGET);
    }
}
