package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;

/**
 * Writes the two page lists of a checkpoint: the catalog, always whole and anew, and the allocation map, of which only
 * chunks that changed and the index pages above them get new places.
 *
 * <p>The map covers its own pages: so all places are taken and given back first, until that changes no further chunk,
 * and only then is anything encoded.
 */
final class ListWriter {
    private static final int CHUNKS_PER_STEP = 2_048;

    private final Disk disk;
    private final SlotAllocator allocator;
    private final PageWriter writer;
    private final long checkpointId;
    private final PageList map;
    private final boolean[][] moved;
    private final Runnable then;
    private PageList catalog = new PageList(0);
    private byte[] stream = {};
    private int level;
    private int number;
    private int chunk;
    private boolean settled;
    private @Nullable Runnable afterCatalog;

    ListWriter(Disk disk, SlotAllocator allocator, PageWriter writer, PageList map, long checkpointId, Runnable then) {
        this.disk = disk;
        this.allocator = allocator;
        this.writer = writer;
        this.map = map;
        this.checkpointId = checkpointId;
        this.then = then;
        this.moved = new boolean[map.levels()][];
        for (int i = 0; i < moved.length; i++) {
            moved[i] = new boolean[map.size(i)];
        }
    }

    PageList catalog() {
        return catalog;
    }

    /** Writes the catalog and gives back the places of the one before. */
    void writeCatalog(byte[] encoded, PageList before, Runnable next) {
        stream = encoded;
        afterCatalog = next;
        for (int l = 0; l < before.levels(); l++) {
            for (int i = 0; i < before.size(l); i++) {
                allocator.retire(before.slot(l, i));
            }
        }
        catalog = new PageList(Catalog.pages(encoded.length));
        level = 0;
        number = 0;
        catalogStep();
    }

    private void catalogStep() {
        if (disk.failed()) {
            return;
        }
        while (level < catalog.levels() && writer.room() > 0) {
            int page = writer.add();
            if (level == 0) {
                Catalog.encodePage(stream, number, writer.mem(), page, checkpointId);
            } else {
                catalog.encode(level, number, writer.mem(), page, checkpointId);
            }
            long slot = writer.place(page);
            if (slot < 0) {
                return;
            }
            catalog.set(level, number, slot, writer.mem().crc(page));
            if (++number == catalog.size(level)) {
                number = 0;
                level++;
            }
        }
        Runnable next = afterCatalog;
        writer.write(level < catalog.levels() || next == null ? this::catalogStep : next);
    }

    /** Writes the allocation map; nothing may take or give back slots of pages from here on. */
    void writeMap() {
        chunk = 0;
        settled = true;
        placeStep();
    }

    /** Gives every chunk that changed, and all index pages above it, a new place. */
    private void placeStep() {
        int end = Math.min(chunk + CHUNKS_PER_STEP, map.size(0));
        for (; chunk < end; chunk++) {
            if (allocator.dirty(chunk) && !moved[0][chunk]) {
                settled = false;
                if (!move(chunk)) {
                    return;
                }
            }
        }
        if (chunk == map.size(0)) {
            if (settled) {
                level = 0;
                number = 0;
                mapStep();
                return;
            }
            chunk = 0;
            settled = true;
        }
        disk.clock.execute(this::placeStep);
    }

    private boolean move(int leaf) {
        int i = leaf;
        for (int l = 0; l < map.levels() && !moved[l][i]; l++, i /= IndexPage.FANOUT) {
            moved[l][i] = true;
            long before = map.slot(l, i);
            long slot = 0;
            if (l > 0 || allocator.pagesIn(i) > 0) {
                slot = allocator.allocate(1);
                if (slot < 0) {
                    disk.fail("no slot is left for the allocation map: the space kept aside was too small");
                    return false;
                }
                allocator.moveToPages(slot);
            }
            if (before != 0) {
                allocator.retire(before);
            }
            map.set(l, i, slot, 0);
        }
        return true;
    }

    private void mapStep() {
        if (disk.failed()) {
            return;
        }
        int looked = 0;
        while (level < map.levels() && writer.room() > 0 && looked < CHUNKS_PER_STEP) {
            looked++;
            if (moved[level][number] && map.slot(level, number) != 0) {
                int page = writer.add();
                if (level == 0) {
                    allocator.encode(number, writer.mem(), page, checkpointId);
                } else {
                    map.encode(level, number, writer.mem(), page, checkpointId);
                }
                writer.place(page, map.slot(level, number));
                map.crc(level, number, writer.mem().crc(page));
            }
            if (level == 0 && moved[0][number]) {
                allocator.clean(number);
            }
            if (++number == map.size(level)) {
                number = 0;
                level++;
            }
        }
        writer.write(level < map.levels() ? this::mapStep : then);
    }
}
