package storage.cairn.engine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.sim.SimRandom;

/** Every layout both ways, on heap and on direct memory; what is cut short or has a flipped bit is refused. */
class CodecTest {
    private static final long SEED = 20_260_101;
    private final RandomGenerator random = new SimRandom(SEED);
    private final Layout layout = layout();

    private static Layout layout() {
        try {
            return Layout.of(100_000);
        } catch (StoreException e) {
            throw new AssertionError(e);
        }
    }

    private static Mem heap() {
        return new Mem(new PlainBuffer(ByteBuffer.allocate(4 * 4096)));
    }

    private static Mem direct() {
        return new Mem(new PlainBuffer(ByteBuffer.allocateDirect(4 * 4096)));
    }

    private static final class PlainBuffer extends Buffer {
        PlainBuffer(ByteBuffer bytes) {
            super(bytes);
            handOut();
        }

        @Override
        protected void recycle() {
            throw new AssertionError("fixed memory was given back");
        }
    }

    private void flip(Mem mem, int page) {
        int at = Mem.at(page) + random.nextInt(4096);
        mem.u8(at, mem.u8(at) ^ (1 << random.nextInt(8)));
    }

    private long slot() {
        return layout.firstSlot() + random.nextLong(layout.slots());
    }

    private UUID uuid() {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private Configuration configuration() {
        List<DiskId> inSync = new ArrayList<>();
        List<Configuration.Stale> syncing = new ArrayList<>();
        List<Configuration.Stale> outOfSync = new ArrayList<>();
        int replicas = 1 + random.nextInt(5);
        for (int i = 0; i < replicas; i++) {
            DiskId disk = new DiskId(uuid());
            switch (i == 0 ? 0 : random.nextInt(3)) {
                case 0 -> inSync.add(disk);
                case 1 -> syncing.add(new Configuration.Stale(disk, random.nextLong(1L << 50)));
                default -> outOfSync.add(new Configuration.Stale(disk, random.nextLong(1L << 50)));
            }
        }
        return new Configuration(
                new VolumeId(uuid()),
                "v" + "x".repeat(random.nextInt(62)),
                1 + random.nextInt(9),
                1 + random.nextLong(Configuration.MAX_EPOCH),
                uuid(),
                random.nextBoolean() ? null : new Configuration.Owner(random.nextInt(1000), uuid()),
                inSync,
                syncing,
                outOfSync,
                1 + random.nextInt(inSync.size()),
                4096 * (1 + random.nextLong(1L << 30)),
                random.nextBoolean() ? null : uuid(),
                random.nextBoolean(),
                random.nextBoolean());
    }

    @Test
    void superblockBothWaysAndEveryFlippedBitRefused() throws StoreException {
        for (int i = 0; i < 500; i++) {
            Mem mem = i % 2 == 0 ? heap() : direct();
            Superblock superblock = new Superblock(
                    new Label(new DiskId(uuid()), uuid()),
                    1 + random.nextLong(Long.MAX_VALUE - 1),
                    random.nextInt(),
                    layout,
                    1 + random.nextLong(Long.MAX_VALUE - 1),
                    random.nextInt(),
                    random.nextBoolean(),
                    new PageList.Root(slot(), random.nextInt(), 3),
                    random.nextLong(3L * Catalog.PAYLOAD),
                    PageList.Root.NONE,
                    random.nextLong(),
                    random.nextLong(Long.MAX_VALUE));
            int copy = random.nextInt(4);
            superblock.encode(mem, 1, copy);
            assertThat(Superblock.decode(mem, 1, copy, layout.devBlocks())).isEqualTo(superblock);
            assertThat(Superblock.decode(mem, 1, copy ^ 1, layout.devBlocks())).isNull();
            flip(mem, 1);
            assertThat(Superblock.decode(mem, 1, copy, layout.devBlocks())).isNull();
        }
    }

    @Test
    void anUnknownVersionOrFeatureIsRefusedByName() {
        Mem mem = heap();
        Superblock superblock = new Superblock(
                new Label(new DiskId(uuid()), uuid()),
                1,
                1,
                layout,
                1,
                0,
                true,
                PageList.Root.NONE,
                0,
                PageList.Root.NONE,
                0,
                0);
        for (int field : new int[] {8, 24, 32}) {
            superblock.encode(mem, 0, 0);
            mem.u8(field, mem.u8(field) + 1);
            mem.i32(4092, mem.crc(0, 4092));
            assertThatThrownBy(() -> Superblock.decode(mem, 0, 0, layout.devBlocks()))
                    .isInstanceOf(StoreException.class)
                    .hasMessageContaining("format version");
        }
    }

    @Test
    void configurationBothWaysAndNoDamagedOneBreaksTheDecoder() throws StoreException {
        for (int i = 0; i < 2_000; i++) {
            Configuration configuration = configuration();
            byte[] encoded = ConfigurationCodec.encode(configuration);
            assertThat(encoded.length).isLessThanOrEqualTo(ConfigurationCodec.MAX_BYTES);
            assertThat(ConfigurationCodec.decode(encoded)).isEqualTo(configuration);
            byte[] cut = java.util.Arrays.copyOf(encoded, random.nextInt(encoded.length));
            assertThatThrownBy(() -> ConfigurationCodec.decode(cut)).isInstanceOf(StoreException.class);
            encoded[random.nextInt(encoded.length)] ^= (byte) (1 << random.nextInt(8));
            try {
                ConfigurationCodec.decode(encoded);
            } catch (StoreException refused) {
                assertThat(refused).hasMessageContaining("configuration");
            }
        }
    }

    @Test
    void recordsBothWays() throws StoreException {
        for (int round = 0; round < 500; round++) {
            Mem mem = round % 2 == 0 ? heap() : direct();
            JournalRecord record = new JournalRecord(mem, layout);
            int runs = 1 + random.nextInt(20);
            int[] lengths = new int[runs];
            long[] slots = new long[runs];
            int count = 0;
            for (int i = 0; i < runs; i++) {
                lengths[i] = 1 + random.nextInt(6);
                slots[i] = Math.min(slot(), layout.firstSlot() + layout.slots() - 8);
                count += lengths[i];
            }
            long wseq = 1 + random.nextLong(1L << 60);
            long block = random.nextLong((1L << 36) - count);
            int at = JournalBlock.HEADER;
            int length = JournalRecord.writeBytes(runs, count);
            JournalRecord.head(mem, at, JournalRecord.WRITE, 0, length, 7, wseq);
            JournalRecord.extent(mem, at, 0xfedc_ba98L, count, runs, 5, block, 3);
            for (int i = 0; i < runs; i++) {
                JournalRecord.run(mem, at, i, slots[i], lengths[i]);
            }
            for (int i = 0; i < count; i++) {
                JournalRecord.writeCrc(mem, at, runs, i, i * 77);
            }
            JournalRecord.head(mem, at + length, JournalRecord.ZERO, 1, JournalRecord.SIMPLE_BYTES, 9, wseq + 1);
            JournalRecord.zero(mem, at + length, 4, 32_768, 1, 11, 3);
            int used = at + length + JournalRecord.SIMPLE_BYTES;
            int crc = JournalBlock.seal(mem, 0, 99, 3, 1234, 98, 2, used, 55);
            assertThat(JournalBlock.valid(mem, 0, 99, 3, 55)).isTrue();
            assertThat(JournalBlock.crc(mem, 0)).isEqualTo(crc);
            record.reset(0);
            assertThat(record.next()).isTrue();
            assertThat(record.type()).isEqualTo(JournalRecord.WRITE);
            assertThat(record.volume()).isEqualTo(7);
            assertThat(record.wseq()).isEqualTo(wseq);
            assertThat(record.epoch()).isEqualTo(0xfedc_ba98L);
            assertThat(record.commitSeq()).isEqualTo(wseq - 5);
            assertThat(record.block()).isEqualTo(block);
            assertThat(record.count()).isEqualTo(count);
            for (int i = 0; i < runs; i++) {
                assertThat(record.runSlot(i)).isEqualTo(slots[i]);
                assertThat(record.runLength(i)).isEqualTo(lengths[i]);
            }
            assertThat(record.crc(count - 1)).isEqualTo((count - 1) * 77);
            assertThat(record.next()).isTrue();
            assertThat(record.type()).isEqualTo(JournalRecord.ZERO);
            assertThat(record.count()).isEqualTo(32_768);
            assertThat(record.next()).isFalse();
            flip(mem, 0);
            assertThat(JournalBlock.valid(mem, 0, 99, 3, 55)).isFalse();
        }
    }

    /** 256 runs of 2^24-1 blocks and one of 257 are one block, in 32 bits. */
    @Test
    void runsThatAddUpOnlyBecauseTheyOverflowAreRefused() {
        Mem mem = heap();
        int runs = 257;
        int at = JournalBlock.HEADER;
        int length = JournalRecord.mapBytes(runs, 1);
        JournalRecord.head(mem, at, JournalRecord.MAP, 0, length, 7, 9);
        JournalRecord.extent(mem, at, 1, 1, runs, 5, 0, 3);
        for (int i = 0; i < runs; i++) {
            JournalRecord.run(mem, at, i, ExtentPage.HOLE, i == 0 ? 257 : 0xff_ffff);
        }
        JournalBlock.seal(mem, 0, 99, 3, 1234, 98, 1, at + length, 55);
        JournalRecord record = new JournalRecord(mem, layout);
        record.reset(0);
        assertThatThrownBy(record::next).isInstanceOf(StoreException.class).hasMessageContaining("a run of");
    }

    @Test
    void aBlockOfOneBlockWritesHolds84Records() {
        assertThat((4096 - JournalBlock.HEADER) / JournalRecord.writeBytes(1, 1))
                .isEqualTo(84);
        assertThat(JournalRecord.writeBytes(256, 256)).isLessThanOrEqualTo(4096 - JournalBlock.HEADER);
        int map = JournalRecord.mapBytes(JournalRecord.MAX_MAP_BLOCKS, JournalRecord.MAX_MAP_BLOCKS);
        assertThat(map).isLessThanOrEqualTo(4096 - JournalBlock.HEADER);
        assertThat(JournalRecord.configurationBytes(ConfigurationCodec.MAX_BYTES))
                .isLessThanOrEqualTo(4096 - 48);
    }

    @Test
    void noBlockOfNoiseBreaksTheRecordCursor() {
        int refused = 0;
        for (int round = 0; round < 20_000; round++) {
            Mem mem = heap();
            JournalRecord record = new JournalRecord(mem, layout);
            byte[] noise = new byte[4096];
            random.nextBytes(noise);
            mem.bytes(0, noise, 0, 4096);
            // Often a header that is nearly right, so that the checks behind it are reached.
            mem.u8(48, random.nextInt(11));
            mem.u16(50, 16 + 8 * random.nextInt(40));
            JournalBlock.seal(mem, 0, 1, 1, 0, 0, 1, 48 + random.nextInt(4049), 0);
            record.reset(0);
            try {
                while (record.next()) {
                    assertThat(record.offset()).isLessThan(4096);
                }
            } catch (StoreException expected) {
                refused++;
            }
        }
        assertThat(refused).isPositive();
    }

    @Test
    void extentPageBothWaysAndEveryFlippedBitRefused() {
        for (int round = 0; round < 300; round++) {
            Mem mem = round % 2 == 0 ? heap() : direct();
            ExtentPage.init(mem, 2, ExtentPage.HOLE, 0);
            long[] slots = new long[256];
            int mapped = 0;
            for (int i = 0; i < 256; i++) {
                slots[i] = random.nextInt(3) > 0 ? slot() : random.nextInt(3);
                mapped += slots[i] > ExtentPage.LAST_SPECIAL ? 1 : 0;
                ExtentPage.set(mem, 2, i, slots[i], i * 31, i, 0xff_ffff - i);
            }
            ExtentPage.maxWseq(mem, 2, 1L << 55);
            ExtentPage.seal(mem, 2, 6, 12_345_678_901L, 4, 8);
            assertThat(ExtentPage.valid(mem, 2, 6, 12_345_678_901L, layout)).isTrue();
            assertThat(ExtentPage.valid(mem, 2, 7, 12_345_678_901L, layout)).isFalse();
            assertThat(ExtentPage.valid(mem, 2, 6, 1, layout)).isFalse();
            assertThat(ExtentPage.mapped(mem, 2)).isEqualTo(mapped);
            for (int i = 0; i < 256; i++) {
                assertThat(ExtentPage.slot(mem, 2, i)).isEqualTo(slots[i]);
                assertThat(ExtentPage.crc(mem, 2, i)).isEqualTo(i * 31);
                assertThat(ExtentPage.birthGen(mem, 2, i)).isEqualTo(i);
                assertThat(ExtentPage.wseqLow(mem, 2, i)).isEqualTo(0xff_ffff - i);
            }
            assertThat(ExtentPage.maxWseq(mem, 2)).isEqualTo(1L << 55);
            flip(mem, 2);
            assertThat(ExtentPage.valid(mem, 2, 6, 12_345_678_901L, layout)).isFalse();
        }
    }

    @Test
    void indexPageBothWaysAndEveryFlippedBitRefused() {
        for (int round = 0; round < 300; round++) {
            Mem mem = direct();
            IndexPage.init(mem, 0);
            assertThat(IndexPage.empty(mem, 0)).isTrue();
            long slot = slot();
            int entry = random.nextInt(126);
            IndexPage.set(mem, 0, entry, slot, IndexPage.FLAG_PRESENT, 256, -5, 2, 1L << 60);
            IndexPage.wseqLow(mem, 0, entry, 0xabcdef);
            IndexPage.seal(mem, 0, 3, 2, 77, 9);
            assertThat(IndexPage.valid(mem, 0, 3, 2, 77, layout)).isTrue();
            assertThat(IndexPage.valid(mem, 0, 3, 1, 77, layout)).isFalse();
            assertThat(IndexPage.slot(mem, 0, entry)).isEqualTo(slot);
            assertThat(IndexPage.crc(mem, 0, entry)).isEqualTo(-5);
            assertThat(IndexPage.mapped(mem, 0, entry)).isEqualTo(256);
            assertThat(IndexPage.maxWseq(mem, 0, entry)).isEqualTo(1L << 60);
            assertThat(IndexPage.wseqLow(mem, 0, entry)).isEqualTo(0xabcdef);
            assertThat(IndexPage.empty(mem, 0)).isFalse();
            flip(mem, 0);
            assertThat(IndexPage.valid(mem, 0, 3, 2, 77, layout)).isFalse();
        }
    }

    @Test
    void noDamagedCatalogBreaksTheDecoder() {
        byte[] noise = new byte[2_000];
        for (int round = 0; round < 5_000; round++) {
            random.nextBytes(noise);
            ByteBuffer.wrap(noise)
                    .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                    .putInt(0, random.nextInt(40))
                    .putInt(4, 99);
            byte[] stream = java.util.Arrays.copyOf(noise, random.nextInt(noise.length));
            try {
                assertThat(Catalog.decode(stream, layout).volumes()).isEmpty();
            } catch (StoreException expected) {
                assertThat(expected).hasMessageMatching("(?s).*(catalog|configuration|volume).*");
            }
        }
    }

    @Test
    void pageListsOfAllSizesHaveOneRoot() throws StoreException {
        for (int pages : new int[] {1, 2, 126, 127, 126 * 126, 126 * 126 + 1}) {
            PageList list = new PageList(pages);
            assertThat(list.size(list.levels() - 1)).isEqualTo(1);
            long total = 0;
            for (int level = 0; level < list.levels(); level++) {
                total += list.size(level);
            }
            assertThat(PageList.total(pages)).isEqualTo(total);
            int last = pages - 1;
            list.set(0, last, layout.firstSlot() + 5, 42);
            Mem mem = heap();
            list.encode(1, last / 126, mem, 0, 1);
            PageList read = new PageList(pages);
            read.decode(1, last / 126, mem, 0, layout);
            assertThat(read.slot(0, last)).isEqualTo(layout.firstSlot() + 5);
            assertThat(read.crc(0, last)).isEqualTo(42);
        }
    }
}
