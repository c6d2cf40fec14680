package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;

/** Builds what follows a configuration. */
final class Change {
    private final Configuration base;
    private Configuration.@Nullable Owner owner;
    private List<DiskId> inSync;
    private List<Configuration.Stale> syncing;
    private List<Configuration.Stale> outOfSync;
    private long sizeBytes;
    private @Nullable UUID attachId;
    private boolean formatted;
    private boolean deleted;

    Change(Configuration base) {
        this.base = base;
        this.owner = base.owner();
        this.inSync = base.inSync();
        this.syncing = base.syncing();
        this.outOfSync = base.outOfSync();
        this.sizeBytes = base.sizeBytes();
        this.attachId = base.attachId();
        this.formatted = base.formatted();
        this.deleted = base.deleted();
    }

    Change owner(Configuration.@Nullable Owner value) {
        owner = value;
        return this;
    }

    Change attachId(@Nullable UUID value) {
        attachId = value;
        return this;
    }

    Change sizeBytes(long value) {
        sizeBytes = value;
        return this;
    }

    Change formatted() {
        formatted = true;
        return this;
    }

    Change deleted() {
        deleted = true;
        owner = null;
        attachId = null;
        return this;
    }

    private void take(DiskId disk) {
        inSync = inSync.stream().filter(each -> !each.equals(disk)).toList();
        syncing = syncing.stream().filter(each -> !each.replica().equals(disk)).toList();
        outOfSync =
                outOfSync.stream().filter(each -> !each.replica().equals(disk)).toList();
    }

    Change inSync(DiskId disk) {
        take(disk);
        inSync = plus(inSync, disk);
        return this;
    }

    Change syncing(DiskId disk, long sinceSeq) {
        take(disk);
        syncing = plus(syncing, new Configuration.Stale(disk, sinceSeq));
        return this;
    }

    Change outOfSync(DiskId disk, long sinceSeq) {
        take(disk);
        outOfSync = plus(outOfSync, new Configuration.Stale(disk, sinceSeq));
        return this;
    }

    /** It is no replica any more. */
    Change without(DiskId disk) {
        take(disk);
        return this;
    }

    private static <T> List<T> plus(List<T> list, T item) {
        List<T> longer = new ArrayList<>(list);
        longer.add(item);
        return longer;
    }

    int inSyncCount() {
        return inSync.size();
    }

    Configuration build(UUID changeId) {
        return new Configuration(
                base.volume(),
                base.name(),
                base.storeTerm(),
                base.epoch() + 1,
                changeId,
                owner,
                inSync,
                syncing,
                outOfSync,
                base.minInSync(),
                sizeBytes,
                attachId,
                formatted,
                deleted);
    }
}
