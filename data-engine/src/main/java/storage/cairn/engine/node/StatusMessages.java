package storage.cairn.engine.node;

import java.util.ArrayList;
import java.util.List;
import storage.cairn.api.v1alpha1.Peer;
import storage.cairn.api.v1alpha1.Rebuild;
import storage.cairn.api.v1alpha1.Replica;
import storage.cairn.api.v1alpha1.Volume;
import storage.cairn.api.v1alpha1.VolumeActivity;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.replication.NodeView;
import storage.cairn.engine.replication.NodeView.ActivityView;
import storage.cairn.engine.replication.NodeView.RebuildView;
import storage.cairn.engine.replication.NodeView.ReplicaView;
import storage.cairn.engine.replication.NodeView.VolumeView;

/** Puts what the core tells about volumes and peers into messages of the control service. */
final class StatusMessages {
    private StatusMessages() {}

    static Volume volume(VolumeView view) {
        Configuration configuration = view.configuration();
        Configuration.Owner owner = configuration.owner();
        Volume.Builder volume = Volume.newBuilder()
                .setId(configuration.volume().toString())
                .setName(configuration.name())
                .setSizeBytes(configuration.sizeBytes())
                .setPhase(
                        switch (view.phase()) {
                            case READY -> "Ready";
                            case DEGRADED -> "Degraded";
                            case UNAVAILABLE -> "Unavailable";
                            case DELETING -> "Deleting";
                        })
                .setReason(view.reason())
                .setEpoch(configuration.epoch())
                .setOwnerNode(owner == null ? 0 : owner.node())
                .setMinInSync(configuration.minInSync())
                .setFormatted(configuration.formatted());
        if (configuration.attachId() != null) {
            volume.setAttachId(configuration.attachId().toString());
        }
        for (ReplicaView replica : view.replicas()) {
            volume.addReplicas(replica(replica));
        }
        ActivityView activity = view.activity();
        if (activity != null) {
            volume.setActivity(activity(activity));
        }
        return volume.build();
    }

    static List<Volume> volumes(List<VolumeView> views) {
        List<Volume> volumes = new ArrayList<>(views.size());
        for (VolumeView view : views) {
            volumes.add(volume(view));
        }
        return volumes;
    }

    static List<Peer> peers(NodeView view, ClusterMap cluster) {
        List<Peer> peers = new ArrayList<>();
        for (NodeView.PeerView peer : view.peers()) {
            peers.add(Peer.newBuilder()
                    .setNode(peer.node())
                    .setAddress(cluster.address(peer.node()))
                    .setConnected(peer.connected())
                    .setReason(peer.reason())
                    .build());
        }
        return peers;
    }

    private static Replica replica(ReplicaView view) {
        Replica.Builder replica = Replica.newBuilder()
                .setDisk(view.disk().toString())
                .setNode(view.node())
                .setState(
                        switch (view.state()) {
                            case IN_SYNC -> "InSync";
                            case SYNCING -> "Syncing";
                            case OUT_OF_SYNC -> "OutOfSync";
                        });
        RebuildView rebuild = view.rebuild();
        if (rebuild != null) {
            replica.setRebuild(Rebuild.newBuilder()
                    .setExtentsTotal(rebuild.extentsTotal())
                    .setExtentsDone(rebuild.extentsDone())
                    .setCopiedBytes(rebuild.copiedBytes())
                    .setStartedMillis(rebuild.startedMillis()));
        }
        return replica.build();
    }

    private static VolumeActivity activity(ActivityView view) {
        return VolumeActivity.newBuilder()
                .setReads(view.reads())
                .setReadBytes(view.readBytes())
                .setRemoteReadBytes(view.remoteReadBytes())
                .setWrites(view.writes())
                .setWriteBytes(view.writeBytes())
                .setInFlight(view.inFlight())
                .setParked(view.parked())
                .setActivity(view.activity())
                .setWaitMillis((int) Math.min(Integer.MAX_VALUE, view.waitMillis()))
                .setLastRebuildCopiedBytes(view.lastRebuildCopiedBytes())
                .setClients(view.clients())
                .build();
    }
}
