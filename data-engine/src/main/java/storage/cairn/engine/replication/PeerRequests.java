package storage.cairn.engine.replication;

import java.util.UUID;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;

/** What one engine asks of another beside replicas and leases. */
interface PeerRequests {
    /** Makes an empty replica. */
    void createReplica(DiskId disk, Configuration configuration, Result result);

    /** Whether this node owns the volume now: OK when it does. */
    void askOwner(VolumeId volume, Result result);

    /** OK when a grant on this replica was renewed lately: its owner is alive. */
    void askLease(VolumeId volume, DiskId disk, Result result);

    /** Gives the volume's ownership up; with {@code detach} its export ends too. */
    void releaseVolume(VolumeId volume, boolean detach, Result result);

    /** Takes the volume over, for clients that will come with this attachId. */
    void takeVolume(VolumeId volume, UUID attachId, Result result);

    interface Result {
        /**
         * @param text what is wrong, empty when OK
         */
        void result(Status status, String text);
    }
}
