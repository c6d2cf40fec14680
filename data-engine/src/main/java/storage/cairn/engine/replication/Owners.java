package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/** The volumes that this node owns. Time passes only for those with something under way; idle ones cost nothing. */
final class Owners implements OwnerHost {
    private static final int MAX_REBUILDS = 4;

    private final NodeContext context;
    private final Witness witness;
    private final TreeMap<VolumeId, VolumeOwner> owners = new TreeMap<>();
    private final Set<VolumeOwner> active = new LinkedHashSet<>();
    private @Nullable Locations locations;
    private @Nullable Placements placements;
    private boolean ticking;
    private boolean closed;
    private int rebuilds;

    /** Volumes on their way to another node: a client that comes back here first must not pull them back. */
    private final TreeMap<VolumeId, Integer> promised = new TreeMap<>();

    /** What this node has seen of a volume's configuration, whatever the store says now. */
    interface Witness {
        /** One that it has seen accepted and that {@code read} cannot follow from, null when none. */
        @Nullable
        Configuration against(Configuration read);

        /** A replica has it. */
        void witnessed(Configuration configuration);
    }

    Owners(NodeContext context, Witness witness) {
        this.context = context;
        this.witness = witness;
    }

    void locations(Locations value) {
        locations = value;
    }

    @Override
    public Locations locations() {
        Locations present = locations;
        if (present == null) {
            throw new IllegalStateException("used before it was put together");
        }
        return present;
    }

    void placements(Placements value) {
        placements = value;
    }

    @Override
    public Placements placements() {
        Placements present = placements;
        if (present == null) {
            throw new IllegalStateException("used before it was put together");
        }
        return present;
    }

    @Nullable
    VolumeOwner of(VolumeId volume) {
        return owners.get(volume);
    }

    /** The owner that serves the volume of that name here. */
    @Nullable
    VolumeOwner serving(String name) {
        for (VolumeOwner each : owners.values()) {
            if (each.name().equals(name) && each.serves()) {
                return each;
            }
        }
        return null;
    }

    Collection<VolumeOwner> all() {
        return owners.values();
    }

    /** This node shuts down: it takes nothing over any more. */
    void close() {
        closed = true;
    }

    /** Takes a volume over, or joins the takeover under way. */
    void takeOver(Versioned found, @Nullable UUID attachId, VolumeOwner.Started started) {
        VolumeId volume = found.value().volume();
        VolumeOwner present = owners.get(volume);
        if (closed) {
            context.clock.execute(() -> started.failed(Status.UNAVAILABLE, "this node shuts down"));
        } else if (present == null && witness.against(found.value()) != null) {
            refuse(volume, started);
        } else if (present == null) {
            VolumeOwner fresh = new VolumeOwner(context, this, found);
            owners.put(volume, fresh);
            fresh.whenServing(started);
            fresh.claim(attachId);
        } else {
            present.whenServing(started);
        }
    }

    /**
     * The store told less than this node has seen accepted. Unless it had only been read too early, it was rolled back:
     * a claim would raise its epoch towards what the replicas have, and then no replica could tell any more.
     */
    private void refuse(VolumeId volume, VolumeOwner.Started started) {
        context.configStore.get(volume, outcome -> {
            Configuration seen = outcome instanceof Read.Found found
                    ? witness.against(found.current().value())
                    : null;
            if (seen == null) {
                started.failed(Status.UNAVAILABLE, "its configuration changed meanwhile");
                return;
            }
            long read = ((Read.Found) outcome).current().value().epoch();
            String reason = "StoreRolledBack: this node knows epoch " + seen.epoch() + " of it, the configuration"
                    + " store has epoch " + read + (read == seen.epoch() ? " by another change" : "")
                    + "; restore the store to its newest state";
            context.log.event(Log.Level.ERROR, seen.name(), read, "StoreRolledBack", reason);
            started.failed(Status.UNAVAILABLE, reason);
        });
    }

    @Override
    public void touched(VolumeOwner owner) {
        active.add(owner);
        if (!ticking) {
            ticking = true;
            schedule();
        }
    }

    private void schedule() {
        context.afterMillis(context.settings.failures().heartbeatMillis(), this::tick);
    }

    private void tick() {
        for (VolumeOwner owner : List.copyOf(active)) {
            if (!owner.tick()) {
                active.remove(owner);
            }
        }
        if (active.isEmpty()) {
            ticking = false;
        } else {
            schedule();
        }
    }

    @Override
    public void stopped(VolumeOwner owner, Status status, String reason) {
        active.remove(owner);
        owners.remove(owner.volume(), owner);
    }

    @Override
    public void witnessed(Configuration configuration) {
        witness.witnessed(configuration);
    }

    @Override
    public boolean beginRebuild() {
        if (rebuilds >= MAX_REBUILDS) {
            return false;
        }
        rebuilds++;
        return true;
    }

    @Override
    public void endRebuild() {
        rebuilds--;
    }

    void excepted(VolumeId volume, DiskId disk, long upToEpoch) {
        VolumeOwner owner = owners.get(volume);
        if (owner != null) {
            owner.excepted(disk, upToEpoch);
        }
    }

    void leasesRenewed() {
        for (VolumeOwner owner : List.copyOf(active)) {
            owner.leasesRenewed();
        }
    }

    /** Disks have come or gone: whoever lacks a replica looks again. */
    void disksChanged() {
        for (VolumeOwner owner : new ArrayList<>(owners.values())) {
            touched(owner);
        }
    }

    /** This volume is handed to {@code node}; nobody takes it here until {@link #kept}. */
    void promise(VolumeId volume, int node) {
        promised.put(volume, node);
    }

    /** The hand-over ended, well or not. */
    void kept(VolumeId volume) {
        promised.remove(volume);
    }

    /** The node that a volume is being handed to; 0 when it is not. */
    int promisedTo(VolumeId volume) {
        return promised.getOrDefault(volume, 0);
    }
}
