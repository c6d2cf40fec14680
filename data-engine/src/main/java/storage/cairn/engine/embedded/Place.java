package storage.cairn.engine.embedded;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.embedded.ConfigurationJson.ClusterMark;
import storage.cairn.engine.embedded.Register.NotAppliedException;

/**
 * The store's directory as a thing that may go away: when its filesystem is not mounted, an empty folder is in its
 * place, which must never be taken for a store that knows no volume.
 *
 * <p>Blocking; one thread.
 */
final class Place {
    private final Path root;
    private final Path mark;
    private final Register register;
    private final UUID cluster;
    private @Nullable Object key;

    Place(Path root, Temporaries temporaries, UUID cluster) {
        this.root = root;
        this.mark = root.resolve("cluster");
        this.register = new Register(mark, temporaries);
        this.cluster = cluster;
    }

    /** Marks a store that has no mark, and checks whose it is. */
    void open() throws IOException {
        try {
            // Whoever is first decides; everybody then reads what was decided.
            if (register.read() == null) {
                Register.Outcome _ = register.replace(0, ConfigurationJson.cluster(new ClusterMark(cluster)));
            }
        } catch (NotAppliedException e) {
            throw new IOException("configuration store " + root + " cannot be written: " + e.getMessage(), e);
        }
        check();
    }

    /** Throws unless the cluster's own store is at its place. One look at a folder's attributes as a rule. */
    void check() throws IOException {
        Object found;
        try {
            found = Files.readAttributes(mark, BasicFileAttributes.class).fileKey();
        } catch (NoSuchFileException gone) {
            throw new IOException("configuration store " + root + " is not there: is its filesystem mounted?", gone);
        }
        if (found != null && found.equals(key)) {
            return;
        }
        Register.Entry entry = register.read();
        if (entry == null) {
            throw new IOException("configuration store " + root + " is empty: is its filesystem mounted?");
        }
        UUID owner = ConfigurationJson.cluster(mark, entry.envelope()).cluster();
        if (!cluster.equals(owner)) {
            throw new IOException("configuration store " + root + " belongs to cluster " + owner + ", not to " + cluster
                    + "; give this engine the store of its own cluster");
        }
        key = found;
    }
}
