package storage.cairn.engine.replication;

import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;

/** The node around an owner. */
interface OwnerHost {
    Locations locations();

    Placements placements();

    /** Something is under way: call {@link VolumeOwner#tick} soon, and again until it says no. */
    void touched(VolumeOwner owner);

    void stopped(VolumeOwner owner, Status status, String reason);

    /** A replica has this configuration, which the configuration store forgot. */
    void witnessed(Configuration configuration);

    /** Room for one more rebuild on this node; taken when true. */
    boolean beginRebuild();

    void endRebuild();
}
