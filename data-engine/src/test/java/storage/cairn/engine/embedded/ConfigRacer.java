package storage.cairn.engine.embedded;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.ThreadClock;
import storage.cairn.engine.port.VolumeId;

/** A process that raises one volume's epoch as fast as it can, and prints each change that it was told it made. */
final class ConfigRacer {
    private static final Duration ANSWER = Duration.ofMinutes(2);

    private ConfigRacer() {}

    /** Arguments: directory, cluster, volume, changes wanted. */
    public static void main(String[] args) throws IOException {
        VolumeId volume = VolumeId.of(args[2]);
        int wanted = Integer.parseInt(args[3]);
        try (ThreadClock loop = new ThreadClock();
                DirectoryConfigStore store = DirectoryConfigStore.open(
                        Path.of(args[0]), UUID.fromString(args[1]), loop, System.err::println)) {
            int made = 0;
            while (made < wanted) {
                Read read = loop.ask(ANSWER, answer -> store.get(volume, answer::accept));
                Versioned current = ((Read.Found) read).current();
                Configuration next = ConfigStoreContract.next(current.value(), false);
                Written written = loop.ask(
                        ANSWER, answer -> store.compareAndSet(volume, current.version(), next, answer::accept));
                switch (written) {
                    case Written.Applied applied -> {
                        made++;
                        System.out.println("applied " + next.epoch() + " " + next.changeId());
                    }
                    case Written.Conflict conflict -> {}
                    case Written.Unknown unknown -> System.out.println("unknown " + next.epoch());
                    case Written.Refused refused -> throw new IllegalStateException(refused.reason());
                }
            }
        }
    }
}
