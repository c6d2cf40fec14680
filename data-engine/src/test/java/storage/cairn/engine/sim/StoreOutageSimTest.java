package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.UUID;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.replication.HostVolume;

/** Hosts that come while the configuration store is out of reach: who serves a volume knows whom it serves. */
final class StoreOutageSimTest {
    private static final long LONG_NANOS = 600 * Script.SECOND_NANOS;

    private static void outage(Script script) {
        for (SimNode node : script.world.nodes) {
            script.world.config.cutOff(node.number(), LONG_NANOS);
        }
    }

    @Test
    void theOwnerServesAHostThatConnectsWhileTheStoreIsAway() {
        Script script = new Script(1, 3);
        Configuration volume = script.served(1, 1);
        script.wrote(1, script.opened(1, volume), 0, 7 << 16);

        outage(script);
        script.run(20);

        HostVolume late = script.opened(1, volume);
        assertThat(script.read(1, late, 0)).isEqualTo(7 << 16);
        assertThat(script.write(1, late, 0, 8 << 16)).isEqualTo(Status.OK);
        assertThat(script.open(2, volume)).as("a node that is not the owner").isNull();
    }

    @Test
    void anExportThatTheOwnerItselfSupersededIsRefusedAlsoWhileTheStoreIsAway() {
        Script script = new Script(2, 3);
        Configuration volume = script.served(1, 1);
        String old = "v/" + script.current(volume).attachId();
        script.done(1, (engine, receiver) -> engine.serve("v", receiver));

        outage(script);

        assertThat(script.open(1, old)).isNull();
        assertThat(script.open(1, "v/" + new UUID(1, 2)))
                .as("one that nobody made")
                .isNull();
        assertThat(script.open(1, "w/" + new UUID(1, 2))).as("another volume").isNull();
        assertThat(script.open(1, volume)).isNotNull();
    }

    /** The store goes away while it is to record a newer export: nobody knows which of the two it has. */
    @Test
    void noExportIsOpenedWhileANewerOneMayHaveBeenRecorded() {
        Script script = new Script(3, 3);
        Configuration volume = script.served(1, 1);
        String old = "v/" + script.current(volume).attachId();

        script.node(1).process().execute(() -> {
            script.node(1).engine().serve("v", answer -> {});
        });
        script.until(() -> script.world.logged("Changing") > 0, "the newer export");
        outage(script);
        script.run(10);

        assertThat(script.open(1, old)).isNull();
    }

    /** An owner that reaches neither the store nor the replicas may have been followed by another one. */
    @Test
    void anOwnerWithoutItsLeasesOpensNothingWhileTheStoreIsAway() {
        Script script = new Script(4, 3);
        Configuration volume = script.served(1, 1);
        script.wrote(1, script.opened(1, volume), 0, 7 << 16);
        String old = "v/" + script.current(volume).attachId();

        script.isolate(1, 600);
        script.done(2, (engine, receiver) -> engine.serve("v", receiver));

        assertThat(script.open(1, old)).isNull();
        assertThat(script.read(2, script.opened(2, volume), 0)).isEqualTo(7 << 16);
    }
}
