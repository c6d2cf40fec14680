package storage.cairn.engine.replication;

import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.VolumeId;

/**
 * Grows volumes to the sizes that somebody wants: each by its owner, one that nobody owns by the node of its first
 * reachable replica, which gives it up again. What did not work is tried again for as long as it is wanted.
 */
final class Growths {
    private static final long LOOK_MILLIS = 5_000;

    private final NodeContext context;
    private final Owners owners;
    private final Catalog catalog;
    private final Placements placements;
    private final VolumeAdmin admin;
    private final TreeMap<VolumeId, Long> wishes = new TreeMap<>();
    private final TreeSet<VolumeId> underWay = new TreeSet<>();
    private boolean looking;
    private boolean stopped;

    Growths(NodeContext context, Owners owners, Catalog catalog, Placements placements, VolumeAdmin admin) {
        this.context = context;
        this.owners = owners;
        this.catalog = catalog;
        this.placements = placements;
        this.admin = admin;
    }

    /**
     * @param sizeBytes 0: nobody minds
     */
    void want(VolumeId volume, long sizeBytes) {
        if (sizeBytes == 0) {
            wishes.remove(volume);
        } else {
            wishes.put(volume, sizeBytes);
            if (!looking) {
                looking = true;
                context.clock.execute(this::look);
            }
        }
    }

    void stop() {
        stopped = true;
    }

    private void look() {
        boolean open = false;
        for (VolumeId volume : List.copyOf(wishes.keySet())) {
            Configuration known = catalog.newest(volume);
            long wanted = wishes.getOrDefault(volume, 0L);
            if (known == null || known.deleted() || known.sizeBytes() >= wanted) {
                // Before the store was read nothing can be said of a volume.
                open |= !catalog.loaded();
                continue;
            }
            open = true;
            VolumeOwner owner = owners.of(volume);
            boolean mine = known.owner() == null && placements.mine(known);
            if (!stopped && (owner != null || mine) && underWay.add(volume)) {
                grow(known, wanted);
            }
        }
        looking = open && !stopped;
        if (looking) {
            context.afterMillis(LOOK_MILLIS, this::look);
        }
    }

    private void grow(Configuration known, long sizeBytes) {
        admin.resize(known.name(), sizeBytes, answer -> {
            underWay.remove(known.volume());
            String problem = answer instanceof VolumeAnswer.Failed failed ? failed.reason() : "";
            context.log.event(
                    problem.isEmpty() ? Log.Level.INFO : Log.Level.WARN,
                    known.name(),
                    known.epoch(),
                    problem.isEmpty() ? "Grown" : "NotGrown",
                    "to " + sizeBytes + " bytes, as wanted" + (problem.isEmpty() ? "" : ": " + problem));
        });
    }
}
