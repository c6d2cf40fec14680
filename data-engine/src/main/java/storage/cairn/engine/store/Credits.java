package storage.cairn.engine.store;

/** What a replica's owner may write without asking for space: slots granted to an epoch, and reserved overwrites. */
final class Credits {
    private static final int MAX_RESERVATIONS = 256;

    private final ExtentStore store;
    private final Ranges reservations = new Ranges();
    private int slots;
    private long epoch;

    Credits(ExtentStore store) {
        this.store = store;
    }

    /** Takes credits, or a reservation, or free space there and then, or what is kept aside. */
    boolean pay(Mutation m, int wanted) {
        Space space = store.space();
        if (reservations.take(m.block, m.count)) {
            m.overwrite = true;
            return true;
        }
        if (slots >= wanted) {
            slots -= wanted;
            m.promised = wanted;
            return true;
        }
        if (space.available(wanted) >= 0) {
            space.promise(wanted);
            m.promised = wanted;
            return true;
        }
        if (space.overwriteFits(wanted)) {
            // Its owner had credits for it, which this replica forgot when it was opened or called anew (I26).
            m.overwrite = true;
            return true;
        }
        store.shortOfSpace();
        return false;
    }

    /** Grants up to {@code wanted} slots to the owner of an epoch; what another epoch left is void. */
    int grant(long toEpoch, int wanted) {
        if (epoch != toEpoch) {
            epoch = toEpoch;
            giveBack();
        }
        Space space = store.space();
        int grant = space.grantable(wanted);
        if (grant < wanted) {
            store.shortOfSpace();
        }
        space.promise(grant);
        slots += grant;
        return grant;
    }

    /** The blocks are mapped: the next write of this range needs no credits. */
    void reserve(long block, int count) {
        if (reservations.size() >= MAX_RESERVATIONS) {
            // An owner has one write waiting for reservations; those of writes that others refused stay behind.
            reservations.removeOldest();
        }
        reservations.add(block, count);
    }

    void epochEnded(long nextEpoch) {
        if (epoch != nextEpoch) {
            giveBack();
        }
        reservations.clear();
    }

    void clear() {
        giveBack();
        reservations.clear();
    }

    private void giveBack() {
        store.space().unpromise(slots);
        slots = 0;
    }
}
