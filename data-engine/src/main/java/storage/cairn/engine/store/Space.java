package storage.cairn.engine.store;

/**
 * Decides whether a change may take slots, so that a checkpoint can always be written and overwrites never fail.
 *
 * <p>Kept aside are: the worst case of pages that the next checkpoint needs for what has been admitted and promised; a
 * second copy of the allocation map and the catalog; what writes may still come for that were admitted on credits which
 * are void or, since the store was opened anew, forgotten; and a reserve that overwrites use while the slots they leave
 * are not free yet, and such writes when what is kept for them does not do.
 */
final class Space {
    /** An owner seldom has more credits of one replica, and does not get them where slots are few. */
    private static final int MOST_FORGOTTEN = 5_120;

    private final SlotAllocator allocator;
    private final Mappings mappings;
    private final long overwriteReserve;
    private final long allocationPages;
    private final long mostKept;
    private final int forgottenCredits;
    private long promised;
    /** The part of what is promised that is for writes admitted on credits that are void or forgotten. */
    private long owed;
    /** Most that such writes can take. */
    private long owedAtMost;

    private long admittedExtents;
    private long volumePages;
    private long catalogBytes;
    private boolean gain;
    private boolean gaining;

    Space(Layout layout, SlotAllocator allocator, Mappings mappings) {
        this.allocator = allocator;
        this.mappings = mappings;
        this.overwriteReserve = Math.clamp(layout.slots() / 32, Replica.MAX_WRITE_BLOCKS, 65_536);
        this.mostKept = Math.max(overwriteReserve, layout.slots() / 16);
        this.forgottenCredits = Math.clamp(layout.slots() / 64, Replica.MAX_WRITE_BLOCKS, MOST_FORGOTTEN);
        this.allocationPages = PageList.total(SlotAllocator.chunks(layout));
    }

    /** Most pages that the tree of a volume can have. */
    static long pagesOf(long blocks) {
        long extents = (blocks + Replica.EXTENT_BLOCKS - 1) / Replica.EXTENT_BLOCKS;
        return extents + extents / (IndexPage.FANOUT - 1) + 2L * IndexPage.LEVELS;
    }

    /** The pages that all volumes together can have at most, and the bytes of the catalog without tails. */
    void volumes(long pages, long bytes) {
        volumePages = pages;
        catalogBytes = bytes;
    }

    long promised() {
        return promised;
    }

    void promise(int slots) {
        promised += slots;
    }

    void unpromise(int slots) {
        promised -= slots;
        if (promised < 0) {
            throw new IllegalStateException("more slots taken than promised");
        }
    }

    /** Writes that were admitted on credits of before may take so many slots more, or fewer. */
    void owe(int more) {
        owedAtMost += more;
        int tooMany = (int) Math.max(0, owed - owedAtMost);
        owed -= tooMany;
        unpromise(tooMany);
    }

    /** Credits are void: their slots stay promised to what was admitted on them. */
    void keep(int slots) {
        owe(slots);
        owed += slots;
    }

    /** The store was opened and has forgotten what it had granted to so many replicas: that is kept aside. */
    void keepForgotten(int replicas) {
        int atMost = replicas * forgottenCredits;
        owe(atMost);
        int kept = grantable((int) Math.min(atMost, mostKept));
        owed = kept;
        promise(kept);
    }

    int forgottenCredits() {
        return forgottenCredits;
    }

    /** Whether such a write may take so many slots of what is kept; they stay promised to it. */
    boolean takeKept(int slots) {
        if (owed < slots) {
            return false;
        }
        owed -= slots;
        return true;
    }

    void admit(int extents) {
        admittedExtents += extents;
    }

    void published(int extents) {
        admittedExtents -= extents;
        if (admittedExtents < 0) {
            throw new IllegalStateException("more extents published than admitted");
        }
    }

    /** Something was published after which a checkpoint leaves more slots than there were. */
    void gains() {
        gain = true;
    }

    /** A checkpoint begins, which frees what was gained until now. */
    void cut() {
        gaining |= gain;
        gain = false;
    }

    /** What the last checkpoint freed is free. */
    void settled() {
        gaining = false;
    }

    /** Whether the checkpoint under way, or the next one, leaves more slots than there are now. */
    boolean mayGrow() {
        return gain || gaining;
    }

    /** Slots for new data beside everything that is kept aside, were {@code more} slots promised too. */
    long available(long more) {
        return allocator.free() - promised - more - overwriteReserve - pages(more);
    }

    /** Whether an overwrite may take {@code slots} out of its reserve. */
    boolean overwriteFits(int slots) {
        return allocator.free() - promised - pages(0) >= slots;
    }

    /** Whether the pages of a change without data are safe. */
    boolean pagesFit(int extents) {
        return allocator.free() - promised - pages(extents) >= 0;
    }

    /** Whether a checkpoint now would have nothing to write. */
    boolean nothingDirty() {
        return admittedExtents == 0
                && mappings.frozen() == null
                && mappings.active().isEmpty();
    }

    /** The largest promise up to {@code wanted} that can be kept. */
    int grantable(int wanted) {
        int grant = 0;
        for (int step = Integer.highestOneBit(wanted); step > 0; step >>= 1) {
            if (grant + step <= wanted && available(grant + step) >= 0) {
                grant += step;
            }
        }
        return grant;
    }

    private long pages(long moreExtents) {
        Overlay frozen = mappings.frozen();
        long merging = frozen == null ? 0 : worst(frozen.extents());
        long next = worst(mappings.active().extents() + admittedExtents + promised + moreExtents);
        long catalog = catalogBytes / Catalog.PAYLOAD + 8;
        return merging + next + 2 * allocationPages + 2 * (catalog + catalog / 100 + 4) + 16;
    }

    private long worst(long extents) {
        return Math.min(extents * (1 + IndexPage.LEVELS), volumePages);
    }
}
