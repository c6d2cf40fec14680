package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.List;
import net.openhft.chronicle.bytes.Bytes;
import storage.cairn.engine.port.Configuration;

/**
 * The volumes of a disk as a checkpoint holds them: codec of one stream of bytes, cut into pages.
 *
 * <pre>
 * page:   0 u32 magic  4 u32 version  8 u64 number  16 u64 checkpointId  24 zeroes  64 4,032 bytes of the stream
 * stream: u32 volumes  u32 nextVolume, then for each volume by rising number:
 *         u32 vol  u32 flags (1 damaged)  u64 blocks  u64 rootSlot  u32 rootCrc  u32 curGen  u64 commitSeq
 *         u64 highestWseq  u32 snapshots (0)  u16 bytes, the configuration: see {@link ConfigurationCodec}
 *         u32 entries, then for each entry above commitSeq: u64 wseq  u32 epoch  u32 kind  u64 block  u32 count
 * </pre>
 */
final class Catalog {
    static final int MAGIC = 0x4c54_4143;
    static final int VERSION = 1;
    static final int HEADER = 64;
    static final int PAYLOAD = Mem.PAGE - HEADER;

    /** Bytes of a volume beside its configuration and its entries. */
    static final int VOLUME_BYTES = 62;

    static final int ENTRY_BYTES = 28;

    private static final int DAMAGED = 1;
    private static final Replica.Kind[] KINDS = Replica.Kind.values();

    /** One volume as the catalog tells it. */
    record Volume(
            int number,
            boolean damaged,
            long blocks,
            long rootSlot,
            int rootCrc,
            long commitSeq,
            long highestWseq,
            Configuration configuration,
            List<Replica.TailEntry> tail) {}

    record Content(int nextNumber, List<Volume> volumes) {}

    private Catalog() {}

    /** What the catalog of a checkpoint with this cut says. */
    static byte[] encode(Replicas replicas, long cut) {
        Bytes<byte[]> out = Bytes.allocateElasticOnHeap(4 * Mem.PAGE);
        List<StoredReplica> held = new ArrayList<>();
        for (StoredReplica replica : replicas.all()) {
            if (replica.inCheckpoint(cut)) {
                held.add(replica);
            }
        }
        out.writeInt(held.size());
        out.writeInt(replicas.nextNumber());
        for (StoredReplica replica : held) {
            encode(out, replica, cut);
        }
        return out.toByteArray();
    }

    private static void encode(Bytes<?> out, StoredReplica replica, long cut) {
        byte[] configuration = ConfigurationCodec.encode(replica.cutConfiguration());
        out.writeInt(replica.number());
        out.writeInt(replica.damaged() ? DAMAGED : 0);
        out.writeLong(replica.cutBlocks());
        out.writeLong(replica.newRootSlot());
        out.writeInt(replica.newRootCrc());
        out.writeInt(replica.generation());
        out.writeLong(replica.commitSeq());
        out.writeLong(replica.highestWseq());
        out.writeInt(0);
        out.writeUnsignedShort(configuration.length);
        out.write(configuration);
        Tail tail = replica.tailEntries();
        int entries = 0;
        for (int i = 0; i < tail.size(); i++) {
            entries += tail.blockSeq(i) <= cut ? 1 : 0;
        }
        out.writeInt(entries);
        for (int i = 0; i < tail.size(); i++) {
            if (tail.blockSeq(i) <= cut) {
                out.writeLong(tail.wseq(i));
                out.writeInt((int) tail.epoch(i));
                out.writeInt(tail.kind(i).ordinal());
                out.writeLong(tail.block(i));
                out.writeInt(tail.count(i));
            }
        }
    }

    static Content decode(byte[] stream, Layout layout) throws StoreException {
        Bytes<?> in = Bytes.wrapForRead(stream);
        need(in, 8);
        int volumes = in.readInt();
        int nextNumber = in.readInt();
        if (volumes < 0 || volumes > stream.length / VOLUME_BYTES || nextNumber < 1) {
            throw new StoreException("a catalog of " + volumes + " volumes in " + stream.length + " bytes");
        }
        List<Volume> decoded = new ArrayList<>(volumes);
        int before = 0;
        for (int i = 0; i < volumes; i++) {
            Volume volume = decode(in, layout);
            if (volume.number() <= before || volume.number() >= nextNumber || volume.number() > Replicas.MAX_NUMBER) {
                throw new StoreException("a catalog with a volume of number " + volume.number() + " after " + before);
            }
            before = volume.number();
            decoded.add(volume);
        }
        if (in.readRemaining() != 0) {
            throw new StoreException("a catalog with " + in.readRemaining() + " bytes too many");
        }
        return new Content(nextNumber, decoded);
    }

    private static Volume decode(Bytes<?> in, Layout layout) throws StoreException {
        need(in, VOLUME_BYTES - 4);
        int number = in.readInt();
        int flags = in.readInt();
        long blocks = in.readLong();
        long rootSlot = in.readLong();
        int rootCrc = in.readInt();
        in.readInt();
        long commitSeq = in.readLong();
        long highestWseq = in.readLong();
        int snapshots = in.readInt();
        int length = in.readUnsignedShort();
        if (snapshots != 0 || (rootSlot != 0 && !layout.isSlot(rootSlot))) {
            throw new StoreException("volume " + number + " of the catalog has " + snapshots
                    + " snapshots, which this build does not know, or a root at block " + rootSlot);
        }
        if (blocks < 1
                || blocks > IndexPage.MAX_EXTENTS * Replica.EXTENT_BLOCKS
                || length > ConfigurationCodec.MAX_BYTES) {
            throw new StoreException("volume " + number + " of the catalog has " + blocks + " blocks");
        }
        need(in, length + 4L);
        byte[] encoded = new byte[length];
        in.read(encoded);
        Configuration configuration = ConfigurationCodec.decode(encoded);
        int entries = in.readInt();
        if (entries < 0 || entries > 2 * Replica.MAX_TAIL) {
            throw new StoreException("volume " + number + " of the catalog has a tail of " + entries);
        }
        need(in, (long) entries * ENTRY_BYTES);
        List<Replica.TailEntry> tail = new ArrayList<>(entries);
        for (int i = 0; i < entries; i++) {
            long wseq = in.readLong();
            long epoch = in.readInt() & 0xffff_ffffL;
            int kind = in.readInt();
            if (kind < 0 || kind >= KINDS.length) {
                throw new StoreException("volume " + number + " of the catalog has an entry of kind " + kind);
            }
            long block = in.readLong();
            tail.add(new Replica.TailEntry(epoch, wseq, KINDS[kind], block, in.readInt()));
        }
        boolean damaged = (flags & DAMAGED) != 0;
        return new Volume(
                number, damaged, blocks, rootSlot, rootCrc, commitSeq, highestWseq, configuration, List.copyOf(tail));
    }

    private static void need(Bytes<?> in, long bytes) throws StoreException {
        if (in.readRemaining() < bytes) {
            throw new StoreException("a catalog that ends too early");
        }
    }

    static int pages(int streamBytes) {
        return (streamBytes + PAYLOAD - 1) / PAYLOAD;
    }

    static void encodePage(byte[] stream, int number, Mem mem, int page, long checkpointId) {
        mem.clear(page);
        int at = Mem.at(page);
        mem.i32(at, MAGIC);
        mem.i32(at + 4, VERSION);
        mem.i64(at + 8, number);
        mem.i64(at + 16, checkpointId);
        int from = number * PAYLOAD;
        mem.bytes(at + HEADER, stream, from, Math.min(PAYLOAD, stream.length - from));
    }

    static void decodePage(byte[] stream, int number, Mem mem, int page) throws StoreException {
        int at = Mem.at(page);
        if (mem.i32(at) != MAGIC || mem.i32(at + 4) != VERSION || mem.i64(at + 8) != number) {
            throw new StoreException("catalog page " + number + " is not what its place says");
        }
        int from = number * PAYLOAD;
        int length = Math.min(PAYLOAD, stream.length - from);
        mem.buffer().bytes().get(at + HEADER, stream, from, length);
    }
}
