package storage.cairn.engine.store;

import java.util.HashMap;
import java.util.Map;
import storage.cairn.engine.sim.SimBuffers;
import storage.cairn.engine.sim.SimDisk;

/** Walks a cleanly closed disk from its superblock and compares what it finds with the allocation map. */
final class Fsck {
    private final SimDisk disk;
    private final CrashWorld world;
    private final Mem mem;
    private final Layout layout;
    private final Map<Long, String> used = new HashMap<>();

    Fsck(SimDisk disk, CrashWorld world) {
        this.disk = disk;
        this.world = world;
        try {
            this.mem = Mem.acquire(new SimBuffers(1 << 20), 64);
            this.layout = Layout.of(disk.blocks());
        } catch (StoreException e) {
            throw new AssertionError(e);
        }
    }

    void run() {
        try {
            Superblock[] copies = new Superblock[4];
            for (int i = 0; i < 4; i++) {
                load(layout.superblock(i), 0);
                copies[i] = Superblock.decode(mem, 0, i, disk.blocks());
                world.check(copies[i] != null && copies[i].equals(copies[0]), "superblock copy " + i + " differs");
            }
            Superblock superblock = copies[0];
            world.check(superblock.clean(), "not clean");
            SlotAllocator allocator = new SlotAllocator(layout);
            PageList map = list(superblock.allocation());
            for (int i = 0; i < map.size(0); i++) {
                if (map.slot(0, i) != 0) {
                    page(map.slot(0, i), map.crc(0, i), "allocation " + i);
                    allocator.decode(i, mem, 0);
                }
            }
            PageList catalog = list(superblock.catalog());
            byte[] stream = new byte[(int) superblock.catalogBytes()];
            for (int i = 0; catalog.levels() > 0 && i < catalog.size(0); i++) {
                page(catalog.slot(0, i), catalog.crc(0, i), "catalog " + i);
                Catalog.decodePage(stream, i, mem, 0);
            }
            if (stream.length > 0) {
                for (Catalog.Volume volume : Catalog.decode(stream, layout).volumes()) {
                    if (volume.rootSlot() != 0) {
                        tree(volume.number(), 4, 0, volume.rootSlot(), volume.rootCrc());
                    }
                }
            }
            world.check(allocator.inPages() == superblock.slotsInUse(), "slots in use");
            for (long slot : used.keySet()) {
                world.check(allocator.isPage(slot), "slot " + slot + " of " + used.get(slot) + " is free in the map");
            }
            world.check(
                    used.size() == allocator.inPages(),
                    used.size() + " slots in use, " + allocator.inPages() + " in the map: leaked");
        } catch (StoreException e) {
            throw new AssertionError("seed " + world.seed + ": " + e.getMessage(), e);
        }
    }

    private PageList list(PageList.Root root) throws StoreException {
        PageList list = new PageList(root.pages());
        int top = list.levels() - 1;
        if (top > 0) {
            list.set(top, 0, root.slot(), root.crc());
            for (int level = top; level > 0; level--) {
                for (int i = 0; i < list.size(level); i++) {
                    if (list.slot(level, i) != 0) {
                        page(list.slot(level, i), list.crc(level, i), "list index");
                        list.decode(level, i, mem, 0, layout);
                    }
                }
            }
        }
        return list;
    }

    private void tree(int volume, int level, long number, long slot, int crc) {
        page(slot, crc, "index page of volume " + volume);
        world.check(IndexPage.valid(mem, 0, volume, level, number, layout), "index page");
        long[] slots = new long[126];
        int[] crcs = new int[126];
        long[] mapped = new long[126];
        for (int i = 0; i < 126; i++) {
            slots[i] = IndexPage.slot(mem, 0, i);
            crcs[i] = IndexPage.crc(mem, 0, i);
            mapped[i] = IndexPage.mapped(mem, 0, i);
        }
        for (int i = 0; i < 126; i++) {
            if (slots[i] > ExtentPage.LAST_SPECIAL && level > 1) {
                tree(volume, level - 1, number * 126 + i, slots[i], crcs[i]);
            } else if (slots[i] > ExtentPage.LAST_SPECIAL) {
                page(slots[i], crcs[i], "extent page of volume " + volume);
                world.check(ExtentPage.valid(mem, 0, volume, number * 126 + i, layout), "extent page");
                world.check(ExtentPage.mapped(mem, 0) == mapped[i], "mapped count");
                for (int b = 0; b < 256; b++) {
                    long data = ExtentPage.slot(mem, 0, b);
                    if (data > ExtentPage.LAST_SPECIAL) {
                        use(data, "block " + b + " of extent " + (number * 126 + i) + " of volume " + volume);
                        world.check(
                                storage.cairn.engine.port.Crc32c.of(
                                                java.nio.ByteBuffer.wrap(disk.content(data)), 0, 4096)
                                        == ExtentPage.crc(mem, 0, b),
                                "data of slot " + data);
                    }
                }
            }
        }
    }

    private void page(long slot, int crc, String what) {
        use(slot, what);
        load(slot, 0);
        world.check(mem.crc(0) == crc, what + " at " + slot + " does not match its reference");
    }

    private void use(long slot, String what) {
        String before = used.put(slot, what);
        world.check(before == null, "slot " + slot + " is used by " + before + " and " + what);
    }

    private void load(long block, int page) {
        mem.bytes(Mem.at(page), disk.content(block), 0, 4096);
    }
}
