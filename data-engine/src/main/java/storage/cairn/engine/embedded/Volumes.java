package storage.cairn.engine.embedded;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.embedded.ConfigurationJson.NameClaim;
import storage.cairn.engine.embedded.Register.NotAppliedException;
import storage.cairn.engine.embedded.Register.SyncFailedException;
import storage.cairn.engine.port.ConfigStore.Listed;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.VolumeId;

/**
 * The content of the store's directory: a register for each volume and one for each name.
 *
 * <pre>
 * DIR/cluster/NUMBER.json       whose directory it is
 * DIR/volumes/UUID/NUMBER.json  the versions of a volume's configuration
 * DIR/names/NAME/NUMBER.json    which volume has a name
 * DIR/changes/UUID              its time is set after each change: the hint that wakes the other engines
 * DIR/temporary/                files without a place yet
 * </pre>
 *
 * <p>A volume is made in two steps: its name's register is set to it, then version 1 of its own is linked. A name whose
 * volume is deleted is free. A name whose volume is not there belongs to somebody who died in between, or is about to
 * go on: whoever wants the name puts a void in that volume's version 1, which the same link race decides, and takes
 * the name only if the void is there. So a living volume always has its name, and no two have the same.
 *
 * <p>Blocking; one thread.
 */
final class Volumes {
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
    private static final int MAX_CLAIM_ATTEMPTS = 16;

    private final Path volumes;
    private final Path names;
    private final Path changes;
    private final Temporaries temporaries;
    private final Consumer<String> problems;
    private final Map<VolumeId, Register> registers = new HashMap<>();

    /**
     * @param problems told of each volume that {@link #list} had to leave out
     */
    Volumes(Path directory, Temporaries temporaries, Consumer<String> problems) {
        this.volumes = directory.resolve("volumes");
        this.names = directory.resolve("names");
        this.changes = directory.resolve("changes");
        this.temporaries = temporaries;
        this.problems = problems;
    }

    Read get(VolumeId volume) throws IOException {
        Versioned current = current(volume);
        return current == null ? new Read.Absent() : new Read.Found(current);
    }

    /** Volumes whose configuration is damaged are left out here, and each is reported; {@link #get} refuses them. */
    Listed list() throws IOException {
        List<Versioned> all = new ArrayList<>();
        for (VolumeId volume : ids()) {
            try {
                Versioned current = current(volume);
                if (current != null) {
                    all.add(current);
                }
            } catch (CorruptFileException e) {
                problems.accept("volume=" + volume + " left out: " + e.getMessage());
            }
        }
        return new Listed.All(all);
    }

    Written compareAndSet(VolumeId volume, long expected, Configuration value) throws IOException {
        if (!value.volume().equals(volume)) {
            return new Written.Refused("the configuration is of volume " + value.volume() + ", not of " + volume);
        }
        if (!NAME.matcher(value.name()).matches()) {
            return new Written.Refused("volume name '" + value.name()
                    + "': use 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit");
        }
        try {
            Written refused =
                    expected == Versioned.NONE ? mayCreate(volume, value) : mayChange(volume, expected, value);
            if (refused != null) {
                return refused;
            }
            return switch (register(volume).replace(expected, ConfigurationJson.volume(value))) {
                case APPLIED -> {
                    notice(volume);
                    yield new Written.Applied(expected + 1);
                }
                case CONFLICT -> new Written.Conflict();
                case UNKNOWN ->
                    new Written.Unknown(
                            "volume " + value.name() + ": many newer versions were written meanwhile; read it");
            };
        } catch (NotAppliedException e) {
            return new Written.Refused("volume " + value.name() + " could not be written: " + e.getMessage());
        }
    }

    /** Why the volume cannot be made, or null: then it has its name. */
    private @Nullable Written mayCreate(VolumeId volume, Configuration value)
            throws SyncFailedException, NotAppliedException {
        try {
            return current(volume) == null && claimName(value.name(), volume) ? null : new Written.Conflict();
        } catch (SyncFailedException e) {
            throw e;
        } catch (IOException e) {
            throw new NotAppliedException(e);
        }
    }

    /** Why the volume cannot be changed, or null. */
    private @Nullable Written mayChange(VolumeId volume, long expected, Configuration value)
            throws SyncFailedException, NotAppliedException {
        try {
            Versioned current = current(volume);
            if (current == null || current.version() != expected) {
                return new Written.Conflict();
            }
            return current.value().name().equals(value.name())
                    ? null
                    : new Written.Refused("volume " + current.value().name() + " cannot be renamed");
        } catch (SyncFailedException e) {
            throw e;
        } catch (IOException e) {
            throw new NotAppliedException(e);
        }
    }

    /** The directory of a volume's versions, for error messages and the watch. */
    Path directory(VolumeId volume) {
        return volumes.resolve(volume.toString());
    }

    private boolean claimName(String name, VolumeId volume) throws IOException, NotAppliedException {
        Path directory = names.resolve(name);
        Register register = new Register(directory, temporaries);
        for (int attempt = 0; attempt < MAX_CLAIM_ATTEMPTS; attempt++) {
            Register.Entry entry = register.read();
            if (entry != null) {
                VolumeId holder =
                        ConfigurationJson.name(directory, entry.envelope()).volume();
                if (holder.equals(volume)) {
                    return true;
                }
                if (!isFree(holder)) {
                    return false;
                }
            }
            Envelope claim = ConfigurationJson.name(new NameClaim(name, volume));
            if (register.replace(entry == null ? 0 : entry.version(), claim) == Register.Outcome.APPLIED) {
                return true;
            }
        }
        throw new NotAppliedException(new IOException("many others want the name at the same moment; try again"));
    }

    /** Whether the holder of a name is deleted or, from now on, can never come to be. */
    private boolean isFree(VolumeId holder) throws IOException, NotAppliedException {
        Register register = register(holder);
        Register.Entry entry = register.read();
        if (entry == null) {
            Register.Outcome _ = register.replace(0, ConfigurationJson.voided());
            entry = register.read();
        }
        return entry != null
                && (ConfigurationJson.isVoid(entry.envelope())
                        || ConfigurationJson.volume(directory(holder), entry.envelope())
                                .deleted());
    }

    private @Nullable Versioned current(VolumeId volume) throws IOException {
        Register.Entry entry = register(volume).read();
        if (entry == null || ConfigurationJson.isVoid(entry.envelope())) {
            return null;
        }
        Path directory = directory(volume);
        Configuration value = ConfigurationJson.volume(directory, entry.envelope());
        if (!value.volume().equals(volume)) {
            throw new CorruptFileException(directory, "it holds volume " + value.volume());
        }
        return new Versioned(entry.version(), value);
    }

    private Register register(VolumeId volume) {
        return registers.computeIfAbsent(volume, id -> new Register(directory(id), temporaries));
    }

    /** Ids of all volumes, by rising id. */
    List<VolumeId> ids() throws IOException {
        List<VolumeId> ids = new ArrayList<>();
        try (DirectoryStream<Path> directories = Files.newDirectoryStream(volumes)) {
            for (Path directory : directories) {
                String name = directory.getFileName().toString();
                try {
                    UUID id = UUID.fromString(name);
                    if (id.toString().equals(name)) {
                        ids.add(new VolumeId(id));
                    }
                } catch (IllegalArgumentException notAVolume) {
                    problems.accept("unexpected entry " + directory + " ignored");
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        ids.sort(null);
        return ids;
    }

    /** The change is made already: if the hint fails, the others find it at their next look. */
    private void notice(VolumeId volume) {
        Path hint = changes.resolve(volume.toString());
        try {
            Files.write(hint, new byte[0]);
        } catch (IOException e) {
            problems.accept("volume=" + volume + " change hint not written, others notice later: " + e);
        }
    }
}
