package storage.cairn.engine.store;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import storage.cairn.engine.fuzz.FuzzTarget;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;

/**
 * The codecs of everything that a disk holds, one by one. The first byte of a page's input says whether its checksums
 * are made right first, so that what they protect is reached too.
 */
public final class PageFuzz implements FuzzTarget {
    private static final int SEAL = 1;
    private static final long BLOCK_SEQ = 77;
    private static final int RUN = 5;
    private static final int DISK_LOW = 9;

    private interface Decoder {
        void decode(PageFuzz fuzz, byte[] input, boolean seal) throws StoreException;
    }

    private final int magic;
    private final long bytesForEach;
    private final Decoder decoder;
    private final Layout layout = layout();
    private final Buffer buffer = new Page();
    private final Mem mem = new Mem(buffer);

    private PageFuzz(int magic, long bytesForEach, Decoder decoder) {
        this.magic = magic;
        this.bytesForEach = bytesForEach;
        this.decoder = decoder;
    }

    public static FuzzTarget superblock() {
        return new PageFuzz((int) Superblock.MAGIC, 16 << 10, PageFuzz::superblock);
    }

    public static FuzzTarget journal() {
        return new PageFuzz(JournalBlock.MAGIC, 256 << 10, PageFuzz::journal);
    }

    public static FuzzTarget extentPage() {
        return new PageFuzz(ExtentPage.MAGIC, 16 << 10, PageFuzz::extent);
    }

    public static FuzzTarget indexPage() {
        return new PageFuzz(IndexPage.MAGIC, 16 << 10, PageFuzz::index);
    }

    public static FuzzTarget allocationPage() {
        return new PageFuzz(AllocationPage.MAGIC, 64 << 10, PageFuzz::allocation);
    }

    public static FuzzTarget catalog() {
        return new PageFuzz(Catalog.MAGIC, 64 << 10, PageFuzz::catalog);
    }

    public static FuzzTarget configuration() {
        return new PageFuzz(0, 32 << 10, PageFuzz::configuration);
    }

    @Override
    public void run(byte[] input) {
        if (input.length == 0) {
            return;
        }
        mem.clear(0);
        mem.bytes(0, input, 1, Math.min(input.length - 1, Mem.PAGE));
        try {
            decoder.decode(this, input, (input[0] & SEAL) != 0);
        } catch (StoreException refused) {
            require(refused.getMessage() != null, "a refusal without a reason");
        }
    }

    @Override
    public long allowedBytes(int inputBytes) {
        return bytesForEach + 64L * inputBytes;
    }

    @Override
    public List<byte[]> seeds() {
        List<byte[]> seeds = new ArrayList<>();
        if (magic == 0) {
            seeds.add(prefixed(ConfigurationCodec.encode(Image.configuration(3))));
            return seeds;
        }
        for (Map.Entry<Long, byte[]> block : Image.make().entrySet()) {
            byte[] page = block.getValue();
            if (ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN).getInt(0) == magic) {
                seeds.add(prefixed(
                        magic == Catalog.MAGIC ? Arrays.copyOfRange(page, Catalog.HEADER, page.length) : page));
            }
        }
        return seeds;
    }

    private static byte[] prefixed(byte[] content) {
        byte[] input = new byte[content.length + 1];
        input[0] = SEAL;
        System.arraycopy(content, 0, input, 1, content.length);
        return input;
    }

    private void superblock(byte[] input, boolean seal) throws StoreException {
        if (seal) {
            mem.i64(0, Superblock.MAGIC);
            mem.i32(4092, mem.crc(0, 4092));
        }
        Superblock decoded = Superblock.decode(mem, 0, mem.i32(80), layout.devBlocks());
        Superblock.recognise(buffer.bytes());
        if (decoded != null) {
            decoded.encode(mem, 0, 2);
            require(decoded.equals(Superblock.decode(mem, 0, 2, layout.devBlocks())), "a superblock changes");
            long pages = (long) decoded.catalog().pages() + decoded.allocation().pages();
            require(
                    pages <= 2 * layout.slots()
                            && decoded.catalogBytes() <= decoded.catalog().pages() * 4096L,
                    "a superblock that claims more than its disk has");
        }
    }

    private void journal(byte[] input, boolean seal) throws StoreException {
        if (seal) {
            mem.i32(0, JournalBlock.MAGIC);
            mem.i64(8, BLOCK_SEQ);
            mem.i32(16, RUN);
            mem.i32(36, DISK_LOW);
            mem.i32(4, 0);
            mem.i32(4, mem.crc(0));
        }
        if (!JournalBlock.valid(mem, 0, BLOCK_SEQ, RUN, DISK_LOW)) {
            return;
        }
        JournalRecord record = new JournalRecord(mem, layout);
        record.reset(0);
        long sum = 0;
        for (int records = 0; record.next(); records++) {
            require(records < Mem.PAGE / JournalRecord.BARE_BYTES, "more records than fit");
            sum += use(record);
            int offset = record.offset();
            JournalRecord again = new JournalRecord(mem, layout);
            again.seek(0, offset);
            require(again.type() == record.type() && again.wseq() == record.wseq(), "a record found again is another");
        }
        require(sum >= 0 || sum < 0, "used");
    }

    private long use(JournalRecord record) throws StoreException {
        long sum = record.type() + record.flags() + record.volume() + record.wseq();
        switch (record.type()) {
            case JournalRecord.WRITE, JournalRecord.MAP -> {
                int blocks = 0;
                for (int i = 0; i < record.runs(); i++) {
                    require(
                            record.runSlot(i) <= ExtentPage.LAST_SPECIAL
                                    || (layout.isSlot(record.runSlot(i))
                                            && layout.isSlot(record.runSlot(i) + record.runLength(i) - 1)),
                            "a run that leaves the slots");
                    blocks += record.runLength(i);
                    require(blocks >= 0 && blocks <= Replica.MAX_WRITE_BLOCKS, "runs longer than the record");
                }
                require(blocks == record.count(), "runs of another length than the record");
                for (int i = 0; i < record.count(); i++) {
                    sum += record.crc(i) + record.wseqLow(i);
                }
                sum += record.commitSeq() + record.block();
            }
            case JournalRecord.ZERO -> sum += record.count() + record.block() + record.commitSeq();
            case JournalRecord.RESIZE -> sum += record.newBlocks() + record.commitSeq();
            case JournalRecord.ABORT -> sum += record.abortedOffset() + record.abortedBlockSeq();
            case JournalRecord.EPOCH, JournalRecord.CREATE ->
                sum += ConfigurationCodec.decode(record.configuration()).epoch();
            case JournalRecord.COMMIT, JournalRecord.DELETE -> sum++;
            default -> throw new IllegalStateException("a record of type " + record.type() + " passed");
        }
        return sum;
    }

    private void extent(byte[] input, boolean seal) {
        int volume = 1;
        if (seal) {
            mem.i32(0, ExtentPage.MAGIC);
            mem.i32(4, volume);
            mem.i64(8, 0);
            mem.i32(20, ExtentPage.VERSION);
            mem.i32(60, 0);
            mem.i32(60, mem.crc(0));
        }
        if (ExtentPage.valid(mem, 0, volume, 0, layout)) {
            for (int i = 0; i < ExtentPage.ENTRIES; i++) {
                long slot = ExtentPage.slot(mem, 0, i);
                require(slot <= ExtentPage.LAST_SPECIAL || layout.isSlot(slot), "a mapping that leaves the slots");
            }
            ExtentPage.uniform(mem, 0);
            ExtentPage.seal(mem, 0, volume, 0, 1, 1);
            require(ExtentPage.valid(mem, 0, volume, 0, layout), "an extent page is not valid any more");
        }
    }

    private void index(byte[] input, boolean seal) throws StoreException {
        if (seal) {
            mem.i32(0, IndexPage.MAGIC);
            mem.i32(4, 0);
            mem.u8(8, 1);
            mem.i64(16, 0);
            mem.i32(32, 1);
            mem.i32(60, 0);
            mem.i32(60, mem.crc(0));
        }
        PageList list = new PageList(IndexPage.FANOUT);
        list.decode(1, 0, mem, 0, layout);
        for (int i = 0; i < IndexPage.FANOUT; i++) {
            long slot = list.slot(0, i);
            require(slot <= ExtentPage.ZERO || layout.isSlot(slot), "a reference that leaves the slots");
        }
        IndexPage.sumMapped(mem, 0);
        IndexPage.highestWseq(mem, 0);
        IndexPage.anyFlags(mem, 0);
    }

    private void allocation(byte[] input, boolean seal) throws StoreException {
        if (seal) {
            mem.i32(0, AllocationPage.MAGIC);
            mem.i32(4, AllocationPage.VERSION);
            mem.i64(8, 0);
        }
        SlotAllocator allocator = new SlotAllocator(layout);
        allocator.decode(0, mem, 0);
        require(allocator.inPages() >= 0 && allocator.inPages() <= layout.slots(), "more slots in use than there are");
        require(allocator.free() >= 0, "less than no slots free");
    }

    private void catalog(byte[] input, boolean seal) throws StoreException {
        byte[] stream = Arrays.copyOfRange(input, 1, input.length);
        Catalog.Content content = Catalog.decode(seal ? trimmed(stream) : stream, layout);
        require(content.volumes().size() <= stream.length / Catalog.VOLUME_BYTES, "more volumes than bytes");
    }

    /** Without the zeroes that fill the last page: with them a stream is too long. */
    private static byte[] trimmed(byte[] stream) {
        int end = stream.length;
        while (end > 0 && stream[end - 1] == 0) {
            end--;
        }
        // A tail without entries ends with a count of zero.
        return Arrays.copyOf(stream, Math.min(stream.length, end + 4));
    }

    private void configuration(byte[] input, boolean seal) throws StoreException {
        Configuration decoded = ConfigurationCodec.decode(Arrays.copyOfRange(input, 1, input.length));
        require(
                decoded.equals(ConfigurationCodec.decode(ConfigurationCodec.encode(decoded))),
                "a configuration changes");
    }

    static void require(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    private static Layout layout() {
        try {
            return Layout.of(Image.BLOCKS);
        } catch (StoreException e) {
            throw new IllegalStateException(e);
        }
    }

    private static final class Page extends Buffer {
        Page() {
            super(ByteBuffer.allocate(Mem.PAGE));
            handOut();
        }

        @Override
        protected void recycle() {
            throw new IllegalStateException("fixed memory was given back");
        }
    }
}
