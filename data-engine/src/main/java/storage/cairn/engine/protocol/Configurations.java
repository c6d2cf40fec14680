package storage.cairn.engine.protocol;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Configuration.Owner;
import storage.cairn.engine.port.Configuration.Stale;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.VolumeId;

/**
 * A {@link Configuration} inside a body.
 *
 * <pre>
 * volume 16, text name, u32 storeTerm, u64 epoch, changeId 16, u32 owner's node (0: none), incarnation 16,
 * u8 n inSync {disk 16}, u8 n syncing {disk 16, u64 sinceSeq}, u8 n outOfSync {disk 16, u64 sinceSeq},
 * u8 minInSync, u64 sizeBytes, u8 flags (1 attached, 2 formatted, 4 deleted), attachId 16
 * </pre>
 */
public final class Configurations {
    private Configurations() {}

    public static void write(FrameWriter out, Configuration value) {
        Owner owner = value.owner();
        UUID attachId = value.attachId();
        out.id(value.volume().uuid())
                .text(value.name())
                .u32(value.storeTerm())
                .u64(value.epoch())
                .id(value.changeId())
                .u32(owner == null ? 0 : owner.node())
                .id(owner == null ? Hello.NONE : owner.incarnation());
        out.u8(value.inSync().size());
        for (DiskId disk : value.inSync()) {
            out.id(disk.uuid());
        }
        stale(out, value.syncing());
        stale(out, value.outOfSync());
        out.u8(value.minInSync())
                .u64(value.sizeBytes())
                .u8((attachId != null ? 1 : 0) | (value.formatted() ? 2 : 0) | (value.deleted() ? 4 : 0))
                .id(attachId == null ? Hello.NONE : attachId);
    }

    public static Configuration read(FrameReader in) throws BadFrameException {
        VolumeId volume = new VolumeId(in.id());
        String name = in.text();
        if (name.getBytes(StandardCharsets.UTF_8).length > Configuration.MAX_NAME_BYTES) {
            throw new BadFrameException(
                    "a configuration with a name of more than " + Configuration.MAX_NAME_BYTES + " bytes");
        }
        int storeTerm = in.u32();
        long epoch = in.natural();
        UUID changeId = in.id();
        int ownerNode = in.u32();
        UUID incarnation = in.id();
        List<DiskId> inSync = new ArrayList<>();
        for (int left = few(in); left > 0; left--) {
            inSync.add(new DiskId(in.id()));
        }
        List<Stale> syncing = stale(in);
        List<Stale> outOfSync = stale(in);
        int minInSync = in.u8();
        long sizeBytes = in.natural();
        int flags = in.u8();
        UUID attachId = in.id();
        @Nullable Owner owner = ownerNode == 0 ? null : new Owner(ownerNode, incarnation);
        try {
            return new Configuration(
                    volume,
                    name,
                    storeTerm,
                    epoch,
                    changeId,
                    owner,
                    inSync,
                    syncing,
                    outOfSync,
                    minInSync,
                    sizeBytes,
                    (flags & 1) != 0 ? attachId : null,
                    (flags & 2) != 0,
                    (flags & 4) != 0);
        } catch (IllegalArgumentException e) {
            throw new BadFrameException("a configuration that cannot be: " + e.getMessage());
        }
    }

    private static void stale(FrameWriter out, List<Stale> replicas) {
        out.u8(replicas.size());
        for (Stale stale : replicas) {
            out.id(stale.replica().uuid()).u64(stale.sinceSeq());
        }
    }

    private static List<Stale> stale(FrameReader in) throws BadFrameException {
        List<Stale> replicas = new ArrayList<>();
        for (int left = few(in); left > 0; left--) {
            replicas.add(new Stale(new DiskId(in.id()), in.natural()));
        }
        return replicas;
    }

    private static int few(FrameReader in) throws BadFrameException {
        int count = in.u8();
        if (count > Configuration.MAX_REPLICAS) {
            throw new BadFrameException("a configuration with " + count + " replicas");
        }
        return count;
    }
}
