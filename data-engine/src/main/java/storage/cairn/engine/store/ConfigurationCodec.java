package storage.cairn.engine.store;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import net.openhft.chronicle.bytes.Bytes;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;

/**
 * A volume's configuration as a replica persists it.
 *
 * <pre>
 * u8 version (1)  u8 flags (1 owner, 2 attachId, 4 formatted, 8 deleted)  u8 name length  u8 inSync  u8 syncing
 * u8 outOfSync    u16 minInSync  u32 storeTerm  u64 epoch  u64 sizeBytes  uuid volume  uuid changeId
 * [u32 owner node  uuid incarnation]  [uuid attachId]  inSync x uuid  (syncing + outOfSync) x {uuid, u64 sinceSeq}
 * name in UTF-8
 * </pre>
 *
 * A uuid is its low half, then its high half.
 */
final class ConfigurationCodec {
    /** Longest encoding: every part at its bound. */
    static final int MAX_BYTES = 512;

    private static final int VERSION = 1;
    private static final int OWNER = 1;
    private static final int ATTACHED = 2;
    private static final int FORMATTED = 4;
    private static final int DELETED = 8;
    private static final int MAX_NAME = Configuration.MAX_NAME_BYTES;

    private ConfigurationCodec() {}

    static byte[] encode(Configuration c) {
        byte[] name = c.name().getBytes(StandardCharsets.UTF_8);
        int replicas = c.inSync().size() + c.syncing().size() + c.outOfSync().size();
        if (name.length > MAX_NAME || replicas > Configuration.MAX_REPLICAS) {
            throw new IllegalArgumentException("volume " + c.name() + " has a name of " + name.length + " bytes and "
                    + replicas + " replicas: too many");
        }
        Bytes<byte[]> out = Bytes.allocateElasticOnHeap(MAX_BYTES);
        out.writeUnsignedByte(VERSION);
        out.writeUnsignedByte((c.owner() != null ? OWNER : 0)
                | (c.attachId() != null ? ATTACHED : 0)
                | (c.formatted() ? FORMATTED : 0)
                | (c.deleted() ? DELETED : 0));
        out.writeUnsignedByte(name.length);
        out.writeUnsignedByte(c.inSync().size());
        out.writeUnsignedByte(c.syncing().size());
        out.writeUnsignedByte(c.outOfSync().size());
        out.writeUnsignedShort(c.minInSync());
        out.writeInt(c.storeTerm());
        out.writeLong(c.epoch());
        out.writeLong(c.sizeBytes());
        write(out, c.volume().uuid());
        write(out, c.changeId());
        if (c.owner() != null) {
            out.writeInt(c.owner().node());
            write(out, c.owner().incarnation());
        }
        if (c.attachId() != null) {
            write(out, c.attachId());
        }
        for (DiskId disk : c.inSync()) {
            write(out, disk.uuid());
        }
        writeStale(out, c.syncing());
        writeStale(out, c.outOfSync());
        out.write(name);
        return out.toByteArray();
    }

    static Configuration decode(byte[] encoded) throws StoreException {
        if (encoded.length > MAX_BYTES) {
            throw new StoreException("a configuration of " + encoded.length + " bytes");
        }
        Bytes<?> in = Bytes.wrapForRead(encoded);
        try {
            return decode(in, encoded.length);
        } catch (java.nio.BufferUnderflowException | IllegalArgumentException bad) {
            throw new StoreException("a configuration that makes no sense: " + bad.getMessage());
        }
    }

    private static Configuration decode(Bytes<?> in, int length) throws StoreException {
        need(in, 44 + 16);
        int version = in.readUnsignedByte();
        if (version != VERSION) {
            throw new StoreException("a configuration of version " + version);
        }
        int flags = in.readUnsignedByte();
        int nameLength = in.readUnsignedByte();
        int inSync = in.readUnsignedByte();
        int syncing = in.readUnsignedByte();
        int outOfSync = in.readUnsignedByte();
        int minInSync = in.readUnsignedShort();
        int storeTerm = in.readInt();
        long epoch = in.readLong();
        long sizeBytes = in.readLong();
        if (inSync + syncing + outOfSync > Configuration.MAX_REPLICAS || nameLength > MAX_NAME) {
            throw new StoreException("a configuration with " + (inSync + syncing + outOfSync)
                    + " replicas and a name of " + nameLength + " bytes");
        }
        VolumeId volume = new VolumeId(uuid(in));
        UUID changeId = uuid(in);
        Configuration.Owner owner = null;
        if ((flags & OWNER) != 0) {
            need(in, 20);
            int node = in.readInt();
            owner = new Configuration.Owner(node, uuid(in));
        }
        UUID attachId = (flags & ATTACHED) != 0 ? uuid(in) : null;
        List<DiskId> members = new ArrayList<>();
        for (int i = 0; i < inSync; i++) {
            members.add(new DiskId(uuid(in)));
        }
        List<Configuration.Stale> behind = readStale(in, syncing);
        List<Configuration.Stale> out = readStale(in, outOfSync);
        need(in, nameLength);
        byte[] name = new byte[nameLength];
        in.read(name);
        if (in.readPosition() != length) {
            throw new StoreException("a configuration with " + (length - in.readPosition()) + " bytes too many");
        }
        if (sizeBytes / BlockDevice.BLOCK_BYTES > IndexPage.MAX_EXTENTS * Replica.EXTENT_BLOCKS) {
            throw new StoreException("a configuration of a volume of " + sizeBytes + " bytes");
        }
        return make(
                volume,
                new String(name, StandardCharsets.UTF_8),
                storeTerm,
                epoch,
                changeId,
                owner,
                members,
                behind,
                out,
                minInSync,
                sizeBytes,
                attachId,
                flags);
    }

    private static Configuration make(
            VolumeId volume,
            String name,
            int storeTerm,
            long epoch,
            UUID changeId,
            Configuration.@Nullable Owner owner,
            List<DiskId> inSync,
            List<Configuration.Stale> syncing,
            List<Configuration.Stale> outOfSync,
            int minInSync,
            long sizeBytes,
            @Nullable UUID attachId,
            int flags) {
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
                attachId,
                (flags & FORMATTED) != 0,
                (flags & DELETED) != 0);
    }

    private static void write(Bytes<?> out, UUID uuid) {
        out.writeLong(uuid.getLeastSignificantBits());
        out.writeLong(uuid.getMostSignificantBits());
    }

    private static void writeStale(Bytes<?> out, List<Configuration.Stale> replicas) {
        for (Configuration.Stale stale : replicas) {
            write(out, stale.replica().uuid());
            out.writeLong(stale.sinceSeq());
        }
    }

    private static List<Configuration.Stale> readStale(Bytes<?> in, int count) throws StoreException {
        List<Configuration.Stale> replicas = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            need(in, 24);
            DiskId disk = new DiskId(uuid(in));
            replicas.add(new Configuration.Stale(disk, in.readLong()));
        }
        return replicas;
    }

    private static UUID uuid(Bytes<?> in) throws StoreException {
        need(in, 16);
        long low = in.readLong();
        return new UUID(in.readLong(), low);
    }

    private static void need(Bytes<?> in, int bytes) throws StoreException {
        if (in.readRemaining() < bytes) {
            throw new StoreException("a configuration that ends too early");
        }
    }
}
