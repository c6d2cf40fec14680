package storage.cairn.engine.store;

import storage.cairn.engine.port.BlockDevice;

/** Reads a page list from its root down, up to 256 pages at once, and gives each leaf to whoever wants it. */
final class ListReader {
    interface Leaf {
        void page(int number, Mem mem, int page) throws StoreException;
    }

    interface Ended {
        /** @param problem null when all was read */
        void ended(@org.jspecify.annotations.Nullable StoreException problem);
    }

    private final Disk disk;
    private final Mem mem;
    private final PageList list;
    private final String what;
    private final Leaf leaf;
    private final Ended ended;
    private final BlockDevice.Completion pageRead = this::pageRead;
    private final int[] numbers = new int[PageWriter.PAGES];
    private final boolean[] good = new boolean[PageWriter.PAGES];
    private final int[] attempts = new int[PageWriter.PAGES];
    private int level;
    private int next;
    private int batch;
    private int pending;

    ListReader(Disk disk, Mem mem, PageList.Root root, String what, Leaf leaf, Ended ended) {
        this.disk = disk;
        this.mem = mem;
        this.list = new PageList(root.pages());
        this.what = what;
        this.leaf = leaf;
        this.ended = ended;
        this.level = list.levels() - 1;
        if (level >= 0) {
            list.set(level, 0, root.slot(), root.crc());
        }
    }

    PageList list() {
        return list;
    }

    void run() {
        batch = 0;
        while (level >= 0 && batch == 0) {
            while (next < list.size(level) && batch < numbers.length) {
                if (list.slot(level, next) != 0) {
                    numbers[batch++] = next;
                }
                next++;
            }
            if (batch == 0) {
                level--;
                next = 0;
            }
        }
        if (batch == 0) {
            ended.ended(null);
            return;
        }
        pending = batch;
        for (int i = 0; i < batch; i++) {
            attempts[i] = 1;
            disk.device.read(list.slot(level, numbers[i]), 1, mem.buffer(), i, pageRead, i);
        }
    }

    private void pageRead(long which, int errno) {
        int i = (int) which;
        good[i] = errno == 0 && mem.crc(i) == list.crc(level, numbers[i]);
        if (!good[i] && attempts[i] < Disk.PAGE_ATTEMPTS) {
            attempts[i]++;
            disk.device.read(list.slot(level, numbers[i]), 1, mem.buffer(), i, pageRead, i);
            return;
        }
        if (--pending > 0) {
            return;
        }
        try {
            for (int b = 0; b < batch; b++) {
                if (!good[b]) {
                    throw new StoreException(what + " page " + numbers[b] + " of level " + level + " at block "
                            + list.slot(level, numbers[b])
                            + " is unreadable: replace the disk; its replicas are rebuilt from others");
                }
                if (level == 0) {
                    leaf.page(numbers[b], mem, b);
                } else {
                    list.decode(level, numbers[b], mem, b, disk.layout);
                }
            }
        } catch (StoreException problem) {
            ended.ended(problem);
            return;
        }
        run();
    }
}
