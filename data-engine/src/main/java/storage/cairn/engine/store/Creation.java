package storage.cairn.engine.store;

import java.util.HashSet;
import java.util.Set;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/** Makes replicas on a disk that serves, one at a time for each volume. */
final class Creation {
    private final ExtentStore store;
    private final Replicas replicas;
    private final Set<VolumeId> underWay = new HashSet<>();

    Creation(ExtentStore store, Replicas replicas) {
        this.store = store;
        this.replicas = replicas;
    }

    void create(Configuration configuration, Replica.Done done, long tag) {
        StoredReplica present = replicas.find(configuration.volume());
        if (present != null) {
            store.answer(done, tag, present.configuration().equals(configuration) ? Status.OK : Status.CONFLICT);
            return;
        }
        long extents = configuration.sizeBytes() / Mem.PAGE / Replica.EXTENT_BLOCKS;
        if (extents >= IndexPage.MAX_EXTENTS || replicas.nextNumber() >= Replicas.MAX_NUMBER) {
            store.answer(done, tag, Status.INVALID);
            return;
        }
        if (store.space().available(Catalog.pages(ConfigurationCodec.MAX_BYTES) + 2L * IndexPage.LEVELS) < 0) {
            store.shortOfSpace();
            store.answer(done, tag, Status.NO_SPACE);
            return;
        }
        if (!underWay.add(configuration.volume())) {
            store.answer(done, tag, Status.CONFLICT);
            return;
        }
        StoredReplica replica = new StoredReplica(store, replicas.takeNumber(), configuration);
        Replica.Done ended = (t, status) -> {
            underWay.remove(configuration.volume());
            done.done(t, status);
        };
        Mutation m = store.mutator().acquire(Mutation.Kind.CREATE, replica, ended, tag);
        if (m == null) {
            store.answer(ended, tag, Status.BUSY);
            return;
        }
        m.configuration = configuration;
        m.encoded = ConfigurationCodec.encode(configuration);
        store.mutator().submit(m);
    }
}
