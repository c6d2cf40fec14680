package storage.cairn.engine.store;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.VolumeId;

/** The replicas of a disk, and the deleted ones whose slots a checkpoint has yet to free. */
final class Replicas {
    /** Volume numbers fit in the overlay's keys. */
    static final int MAX_NUMBER = (1 << 28) - 1;

    private final TreeMap<VolumeId, StoredReplica> byId = new TreeMap<>();
    private final TreeMap<Integer, StoredReplica> byNumber = new TreeMap<>();
    private final Runnable onChange;
    private int nextNumber = 1;

    Replicas(Runnable onChange) {
        this.onChange = onChange;
    }

    Collection<StoredReplica> live() {
        return byId.values();
    }

    /** By rising number, the deleted ones whose pages are still there included. */
    List<StoredReplica> all() {
        return new ArrayList<>(byNumber.values());
    }

    /** Whether there are deleted ones. */
    boolean hasDeleted() {
        return byNumber.size() > byId.size();
    }

    @Nullable
    StoredReplica find(VolumeId volume) {
        return byId.get(volume);
    }

    @Nullable
    StoredReplica byNumber(int number) {
        return byNumber.get(number);
    }

    /** A number for a new replica, never given twice on this disk. */
    int takeNumber() {
        return nextNumber++;
    }

    int nextNumber() {
        return nextNumber;
    }

    void nextNumber(int number) {
        nextNumber = Math.max(nextNumber, number);
    }

    void add(StoredReplica replica, long blockSeq) {
        replica.createdBy(blockSeq);
        byNumber.put(replica.number(), replica);
        if (!replica.deleted()) {
            byId.put(replica.volume(), replica);
        }
        nextNumber(replica.number() + 1);
        changed();
    }

    void delete(StoredReplica replica, long blockSeq) {
        replica.deletedBy(blockSeq);
        byId.remove(replica.volume(), replica);
        changed();
    }

    /** A durable checkpoint no longer has the deleted replica's pages. */
    void forget(StoredReplica replica) {
        byNumber.remove(replica.number());
        changed();
    }

    /** Sizes or configurations changed: what they need on disk did too. */
    void changed() {
        onChange.run();
    }
}
