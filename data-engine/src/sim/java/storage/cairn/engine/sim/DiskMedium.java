package storage.cairn.engine.sim;

import java.util.ArrayDeque;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.BlockDevice;

/**
 * What a simulated disk holds: a medium, and over it the completed writes that no flush has covered yet. A block's
 * content is an array that is never changed, null for zeroes; so a block never written takes no memory, and copies
 * are cheap.
 */
final class DiskMedium {
    private static final int SECTOR_BYTES = 512;
    private static final int PAGE_BLOCKS = 512;
    private static final int MOST_VOLATILE_WRITES = 4096;

    private final SimRandom random;
    private final long blocks;
    private final boolean volatileCache;
    private byte[][][] pages;
    /** In the order in which they completed. */
    private final ArrayDeque<VolatileWrite> unflushed = new ArrayDeque<>();
    /** What the medium holds of each block that has unflushed writes, by page as well. */
    private final @Nullable Beneath[][] beneath;

    private long completions;

    DiskMedium(SimRandom random, long blocks, boolean volatileCache) {
        this.random = random;
        this.blocks = blocks;
        this.volatileCache = volatileCache;
        this.pages = new byte[(int) ((blocks + PAGE_BLOCKS - 1) / PAGE_BLOCKS)][][];
        this.beneath = new Beneath[pages.length][];
    }

    long blocks() {
        return blocks;
    }

    /** Number of the last write that completed: a flush submitted now covers all up to it. */
    long completions() {
        return completions;
    }

    /** What a read gives now. */
    byte @Nullable [] content(long block) {
        byte[][] page = pages[(int) (block / PAGE_BLOCKS)];
        return page == null ? null : page[(int) (block % PAGE_BLOCKS)];
    }

    /** A write of one block completed: visible at once, durable at once or when a flush covers it. */
    void complete(long block, byte @Nullable [] content) {
        completions++;
        if (volatileCache) {
            Beneath under = beneath(block);
            if (under == null) {
                under = new Beneath(content(block));
                beneath(block, under);
            }
            under.writes++;
            unflushed.add(new VolatileWrite(block, content, completions));
            if (unflushed.size() > MOST_VOLATILE_WRITES) {
                settle(unflushed.remove(), true);
            }
        }
        place(pages, block, content);
    }

    /** A flush succeeded that was submitted after {@code through} writes had completed. */
    void flushed(long through) {
        while (!unflushed.isEmpty() && unflushed.getFirst().number <= through) {
            settle(unflushed.remove(), true);
        }
    }

    /** A flush failed: the kernel takes its pages for clean, and a later flush does not bring them back. */
    void flushFailed(long through) {
        while (!unflushed.isEmpty() && unflushed.getFirst().number <= through) {
            settle(unflushed.remove(), random.chance(500_000));
        }
    }

    private void settle(VolatileWrite write, boolean reachedMedium) {
        Beneath under = beneath(write.block);
        if (under == null) {
            throw new IllegalStateException("block " + write.block + " has unflushed writes and nothing beneath");
        }
        if (reachedMedium) {
            under.content = write.content;
        }
        if (--under.writes == 0) {
            beneath(write.block, null);
            if (!reachedMedium) {
                // The cache forgets it some day; the worst day is today.
                place(pages, write.block, under.content);
            }
        }
    }

    /** Power is lost: each unflushed write reaches the medium that often in a million, some of them torn. */
    void powerCut(int survivalPerMillion) {
        for (VolatileWrite write : unflushed) {
            Beneath under = beneath(write.block);
            if (under != null) {
                place(pages, write.block, under.content);
            }
        }
        for (VolatileWrite write : unflushed) {
            if (random.chance(survivalPerMillion)) {
                tear(write.block, write.content, 100_000);
            }
        }
        unflushed.clear();
        Arrays.fill(beneath, null);
    }

    private @Nullable Beneath beneath(long block) {
        Beneath[] page = beneath[(int) (block / PAGE_BLOCKS)];
        return page == null ? null : page[(int) (block % PAGE_BLOCKS)];
    }

    private void beneath(long block, @Nullable Beneath under) {
        int index = (int) (block / PAGE_BLOCKS);
        Beneath[] page = beneath[index];
        if (page == null) {
            page = new Beneath[PAGE_BLOCKS];
            beneath[index] = page;
        }
        page[(int) (block % PAGE_BLOCKS)] = under;
    }

    /** A write that was under way reaches a block on the medium: wholly, or that often in a million only in part. */
    void tear(long block, byte @Nullable [] fresh, int tornPerMillion) {
        if (!random.chance(tornPerMillion)) {
            place(pages, block, fresh);
            return;
        }
        byte[] mixed = copyOf(content(block));
        long sectors = random.nextLong();
        for (int i = 0; i < BlockDevice.BLOCK_BYTES / SECTOR_BYTES; i++) {
            int at = i * SECTOR_BYTES;
            if ((sectors >>> i & 1) == 0) {
                continue;
            }
            if (fresh == null) {
                Arrays.fill(mixed, at, at + SECTOR_BYTES, (byte) 0);
            } else {
                System.arraycopy(fresh, at, mixed, at, SECTOR_BYTES);
            }
        }
        place(pages, block, mixed);
    }

    /** Puts {@code content} on the medium and into the cache. */
    void overwrite(long block, byte @Nullable [] content) {
        place(pages, block, content);
        Beneath under = beneath(block);
        if (under != null) {
            under.content = content;
            replaceUnflushed(block, content);
        }
    }

    private void replaceUnflushed(long block, byte @Nullable [] content) {
        for (int i = unflushed.size(); i > 0; i--) {
            VolatileWrite write = unflushed.remove();
            unflushed.add(write.block == block ? new VolatileWrite(block, content, write.number) : write);
        }
    }

    /** What a power cut would leave that keeps nothing unflushed. */
    byte[][][] durable() {
        byte[][][] copy = copyOf(pages);
        for (VolatileWrite write : unflushed) {
            Beneath under = beneath(write.block);
            if (under != null) {
                place(copy, write.block, under.content);
            }
        }
        return copy;
    }

    void restore(byte[][][] image) {
        unflushed.clear();
        Arrays.fill(beneath, null);
        pages = copyOf(image);
    }

    static byte[] copyOf(byte @Nullable [] content) {
        return content == null ? new byte[BlockDevice.BLOCK_BYTES] : content.clone();
    }

    private static byte[][][] copyOf(byte[][][] pages) {
        byte[][][] copy = pages.clone();
        for (int i = 0; i < copy.length; i++) {
            if (copy[i] != null) {
                copy[i] = copy[i].clone();
            }
        }
        return copy;
    }

    private static void place(byte[][][] pages, long block, byte @Nullable [] content) {
        int index = (int) (block / PAGE_BLOCKS);
        byte[][] page = pages[index];
        if (page == null) {
            page = new byte[PAGE_BLOCKS][];
            pages[index] = page;
        }
        page[(int) (block % PAGE_BLOCKS)] = content;
    }

    private static final class Beneath {
        byte @Nullable [] content;
        int writes;

        Beneath(byte @Nullable [] content) {
            this.content = content;
        }
    }

    private record VolatileWrite(long block, byte @Nullable [] content, long number) {}
}
