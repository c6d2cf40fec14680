package storage.cairn.engine.store;

/**
 * What a replica's owner may write without asking for space: slots granted to an epoch, and reserved overwrites. What
 * was granted on an earlier way is kept aside until an owner says that nothing admitted on it is to come any more.
 */
final class Credits {
    private static final int MAX_RESERVATIONS = 256;

    private final ExtentStore store;
    private final Ranges reservations = new Ranges();
    private int slots;
    /** Slots that writes may still come for, which were admitted on what is forgotten or void. */
    private int owed;

    private long epoch;

    Credits(ExtentStore store) {
        this.store = store;
    }

    /** Takes credits, or a reservation, or free space there and then, or, for an in-sync replica, what is kept aside. */
    boolean pay(Mutation m, int wanted, boolean inSync) {
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
        if (takeFree(m, wanted)) {
            return true;
        }
        if (inSync && space.overwriteFits(wanted)) {
            m.overwrite = true;
            return true;
        }
        store.shortOfSpace();
        return false;
    }

    /**
     * The same for a write that comes again, or by way of a takeover: it was admitted before (I26), and what is granted
     * now is for others. An overwrite waits for a checkpoint to free what it needs.
     */
    boolean payAdmitted(Mutation m, int wanted, boolean inSync) {
        Space space = store.space();
        if (owed > 0 && space.takeKept(wanted)) {
            int paid = Math.min(owed, wanted);
            owed -= paid;
            space.owe(-paid);
            m.promised = wanted;
            return true;
        }
        if (takeFree(m, wanted)) {
            return true;
        }
        m.overwrite = inSync;
        store.shortOfSpace();
        return inSync;
    }

    private boolean takeFree(Mutation m, int wanted) {
        if (store.space().available(wanted) < 0) {
            return false;
        }
        store.space().promise(wanted);
        m.promised = wanted;
        return true;
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

    /** Whoever has what was granted may have admitted writes on it, which come another way. */
    void clear() {
        store.space().keep(slots);
        owed += slots;
        slots = 0;
        reservations.clear();
    }

    /** The store was opened, and what had been granted before is forgotten. */
    void forgotten() {
        owed = store.space().forgottenCredits();
    }

    /** Nothing is to come any more that was admitted on credits of before. */
    void settle() {
        store.space().owe(-owed);
        owed = 0;
    }

    private void giveBack() {
        store.space().unpromise(slots);
        slots = 0;
    }
}
