package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.fuzz.FuzzTarget;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Crc32c;
import storage.cairn.engine.sim.SimBuffers;
import storage.cairn.engine.sim.SimClock;

/**
 * A whole disk that was written to behind the store's back: opening it ends, with a store or with a reason, and a store
 * answers whatever it is asked.
 *
 * <p>An input is a list of changes, each {@code u8 how, u16 block, u16 offset, u8 length, bytes}. The block is one of
 * those that hold something; how: 1 makes the checksums of a superblock or of the journal right afterwards.
 */
public final class DiskFuzz implements FuzzTarget {
    private static final int SEAL = 1;
    private static final int MANY_STEPS = 400_000;
    private static final long POOL_BYTES = 256L << 20;

    private final TreeMap<Long, byte[]> image = Image.make();
    private final List<Long> places = List.copyOf(image.keySet());
    private final SimBuffers buffers = new SimBuffers(POOL_BYTES);

    @Override
    public void run(byte[] input) {
        TreeMap<Long, byte[]> blocks = new TreeMap<>(image);
        boolean journal = false;
        ByteBuffer changes = ByteBuffer.wrap(input).order(ByteOrder.LITTLE_ENDIAN);
        for (int left = 16; left > 0 && changes.remaining() >= 6; left--) {
            int how = changes.get();
            long place = places.get((changes.getShort() & 0xffff) % places.size());
            int offset = (changes.getShort() & 0xffff) % Mem.PAGE;
            int length = Math.min(changes.get() & 0xff, Math.min(changes.remaining(), Mem.PAGE - offset));
            byte[] block = at(blocks, place).clone();
            changes.get(block, offset, length);
            blocks.put(place, block);
            if ((how & SEAL) != 0) {
                journal |= magic(block) == JournalBlock.MAGIC;
                sealSuperblocks(blocks, place, block);
            }
        }
        if (journal) {
            sealJournal(blocks);
        }
        open(blocks);
        PageFuzz.require(buffers.outBytes() == 0, "memory was not given back: " + buffers.outBytes() + " bytes");
    }

    private static byte[] at(TreeMap<Long, byte[]> blocks, long place) {
        byte[] block = blocks.get(place);
        if (block == null) {
            throw new IllegalStateException("the image has no block " + place);
        }
        return block;
    }

    private static int magic(byte[] block) {
        return ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN).getInt(0);
    }

    /** All four copies get the same change, as far as they are copies. */
    private static void sealSuperblocks(TreeMap<Long, byte[]> blocks, long place, byte[] changed) {
        long[] copies = Label.places(Image.BLOCKS);
        boolean one = false;
        for (long copy : copies) {
            one |= copy == place;
        }
        for (int i = 0; one && i < copies.length; i++) {
            byte[] block = changed.clone();
            ByteBuffer bytes = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
            bytes.putInt(80, i);
            bytes.putInt(4092, Crc32c.of(bytes, 0, 4092));
            blocks.put(copies[i], block);
        }
    }

    /** Every journal block names the checksum of the one before it. */
    private static void sealJournal(TreeMap<Long, byte[]> blocks) {
        TreeMap<Long, ByteBuffer> ring = new TreeMap<>();
        for (var each : blocks.entrySet()) {
            if (magic(each.getValue()) == JournalBlock.MAGIC) {
                byte[] block = each.getValue().clone();
                each.setValue(block);
                ByteBuffer bytes = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);
                ring.put(bytes.getLong(8), bytes);
            }
        }
        ByteBuffer before = null;
        for (ByteBuffer bytes : ring.values()) {
            if (before != null && before.getLong(8) + 1 == bytes.getLong(8)) {
                bytes.putInt(20, before.getInt(4));
            }
            bytes.putInt(4, 0);
            bytes.putInt(4, Crc32c.of(bytes, 0, Mem.PAGE));
            before = bytes;
        }
    }

    private void open(TreeMap<Long, byte[]> blocks) {
        SimClock clock = new SimClock();
        Image.Device device = new Image.Device(clock, blocks);
        Hearer hearer = new Hearer();
        ExtentStore.open(device, clock, Image.settings(), buffers, hearer);
        run(clock, () -> hearer.heard);
        ExtentStore store = hearer.store;
        if (store != null) {
            List.copyOf(store.replicas()).forEach(replica -> ask(clock, replica));
            boolean[] closed = {false};
            store.close(false, (tag, status) -> closed[0] = true, 0);
            run(clock, () -> closed[0]);
        }
    }

    private void ask(SimClock clock, Replica replica) {
        int[] open = {0};
        long blocks = Math.min(replica.configuration().sizeBytes() / Mem.PAGE, Image.VOLUME_BLOCKS);
        for (long block = 0; block + 64 <= blocks; block += 64) {
            Buffer into = buffers.acquire(64 * Mem.PAGE);
            if (into == null) {
                throw new IllegalStateException("no memory");
            }
            open[0]++;
            replica.read(block, 64, into, 0, (tag, status) -> open[0]--, 0);
            into.release();
        }
        open[0] += 3;
        replica.changedExtents(0, 0, 64, (tag, status, extents) -> open[0]--, 0);
        replica.describe(0, (tag, status, content) -> open[0]--, 0);
        replica.verify(1, (tag, status, bad) -> open[0]--, 0);
        PageFuzz.require(replica.tail().size() <= Replica.MAX_TAIL, "a tail beyond its bound");
        run(clock, () -> open[0] == 0);
    }

    private static void run(SimClock clock, BooleanSupplier until) {
        for (int i = 0; !until.getAsBoolean(); i++) {
            if (i > MANY_STEPS || !clock.step()) {
                throw new AssertionError("never answered");
            }
        }
    }

    @Override
    public List<byte[]> seeds() {
        List<byte[]> seeds = new ArrayList<>();
        for (int i = 0; i < places.size(); i++) {
            int magic = magic(at(image, places.get(i)));
            if (magic == JournalBlock.MAGIC || magic == (int) Superblock.MAGIC) {
                seeds.add(change(SEAL, i, 48, at(image, places.get(i))));
                seeds.add(change(SEAL, i, 112, at(image, places.get(i))));
            } else if (magic == ExtentPage.MAGIC || magic == IndexPage.MAGIC || magic == Catalog.MAGIC) {
                seeds.add(change(0, i, 64, new byte[] {1}));
            }
        }
        return seeds;
    }

    private static byte[] change(int how, int place, int offset, byte[] from) {
        int length = Math.min(100, from.length);
        ByteBuffer change = ByteBuffer.allocate(6 + length).order(ByteOrder.LITTLE_ENDIAN);
        change.put((byte) how).putShort((short) place).putShort((short) offset).put((byte) length);
        for (int i = 0; i < length; i++) {
            change.put(from[Math.min(from.length - 1, offset + i)]);
        }
        return change.array();
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // The pages, the ring and the maps of a whole store.
        return 96L << 20;
    }

    private static final class Hearer implements ExtentStore.Opened {
        private @Nullable ExtentStore store;
        private boolean heard;

        @Override
        public void opened(ExtentStore result) {
            store = result;
            heard = true;
        }

        @Override
        public void failed(String reason) {
            PageFuzz.require(!reason.isBlank(), "a disk refused without a reason");
            heard = true;
        }
    }
}
