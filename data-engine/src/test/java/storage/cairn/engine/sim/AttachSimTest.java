package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.replication.VolumeAnswer;

/** What a control plane asks of engines about one volume: a size, an export that is taken from nobody, its end. */
final class AttachSimTest {
    private static final long LARGER = 4 << 20;

    private static UUID attachId(Configuration volume) {
        return Objects.requireNonNull(volume.attachId());
    }

    private static void wantLarger(Script script, Configuration volume) {
        for (SimNode node : script.world.nodes) {
            if (node.process() != null) {
                node.process().execute(() -> node.engine().wantSize(volume.volume(), LARGER));
            }
        }
    }

    private static void refused(VolumeAnswer answer) {
        assertThat(answer)
                .isInstanceOfSatisfying(
                        VolumeAnswer.Failed.class,
                        failed -> assertThat(failed.problem()).isEqualTo(VolumeAnswer.Problem.PRECONDITION));
    }

    @Test
    void aServedVolumeGrowsToTheSizeThatIsWanted() {
        Script script = new Script(11, 3);
        Configuration volume = script.served(1, 1);
        wantLarger(script, volume);
        script.until(() -> script.current(volume).sizeBytes() == LARGER, "the larger size");
        assertThat(script.owner(volume)).isEqualTo(1);
    }

    @Test
    void aVolumeThatNobodyServesGrowsAndIsGivenUpAgain() {
        Script script = new Script(12, 3);
        Configuration volume = script.served(1, 1);
        script.done(1, (engine, receiver) -> engine.release("v", receiver));
        script.down(1);
        wantLarger(script, volume);
        script.until(
                () -> script.current(volume).sizeBytes() == LARGER && script.owner(volume) == 0, "the larger size");
    }

    @Test
    void anExportIsTakenFromNoLivingOwnerAndFromADeadOne() {
        Script script = new Script(13, 3);
        Configuration volume = script.served(1, 1);
        refused(script.ask(2, (engine, receiver) -> engine.serveIfFree("v", null, receiver)));
        refused(script.ask(2, (engine, receiver) -> engine.serveIfFree("v", new UUID(1, 1), receiver)));
        refused(script.ask(1, (engine, receiver) -> engine.serveIfFree("v", null, receiver)));
        assertThat(script.current(volume).attachId()).isEqualTo(volume.attachId());

        Configuration renewed =
                script.done(1, (engine, receiver) -> engine.serveIfFree("v", attachId(volume), receiver));
        assertThat(renewed.attachId()).isNotEqualTo(volume.attachId());
        script.down(1);
        script.run(30);
        Configuration moved = script.done(2, (engine, receiver) -> engine.serveIfFree("v", null, receiver));
        assertThat(moved.attachId()).isNotEqualTo(renewed.attachId());
        assertThat(script.owner(volume)).isEqualTo(2);
    }

    @Test
    void whoeverEndsAnExportThatWasSupersededEndsNothing() {
        Script script = new Script(14, 3);
        Configuration volume = script.served(1, 1);
        Configuration later = script.done(2, (engine, receiver) -> engine.serve("v", receiver));
        script.done(1, (engine, receiver) -> engine.release("v", attachId(volume), receiver));
        assertThat(script.current(volume).attachId()).isEqualTo(later.attachId());
        script.done(1, (engine, receiver) -> engine.release("v", attachId(later), receiver));
        assertThat(script.current(volume).attachId()).isNull();
    }

    @Test
    void onlyThePresentExportRecordsAFilesystem() {
        Script script = new Script(15, 3);
        Configuration volume = script.served(1, 1);
        refused(script.ask(1, (engine, receiver) -> engine.markFormatted("v", new UUID(1, 1), receiver)));
        refused(script.ask(2, (engine, receiver) -> engine.markFormatted("v", attachId(volume), receiver)));
        assertThat(script.current(volume).formatted()).isFalse();
        assertThat(script.done(1, (engine, receiver) -> engine.markFormatted("v", attachId(volume), receiver))
                        .formatted())
                .isTrue();
        script.done(1, (engine, receiver) -> engine.release("v", receiver));
        assertThat(script.done(2, (engine, receiver) -> engine.serve("v", receiver))
                        .formatted())
                .isTrue();
    }
}
