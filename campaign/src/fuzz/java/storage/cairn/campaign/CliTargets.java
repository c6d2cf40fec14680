package storage.cairn.campaign;

import java.util.Map;
import java.util.function.Supplier;
import storage.cairn.cli.cluster.ClusterFolderFuzz;
import storage.cairn.client.attach.AttachmentFuzz;
import storage.cairn.client.nbd.NbdClientFuzz;
import storage.cairn.client.relay.DeviceFuzz;
import storage.cairn.engine.fuzz.FuzzTarget;
import storage.cairn.engine.fuzz.FuzzTargetList;

/** The fuzz targets of the command line; they are here since only this module knows both it and the engine's tests. */
public final class CliTargets implements FuzzTargetList {
    @Override
    public Map<String, Supplier<FuzzTarget>> targets() {
        return Map.of(
                "nbd-client", NbdClientFuzz::new,
                "nbd-device", DeviceFuzz::new,
                "cluster-folder", ClusterFolderFuzz::new,
                "attachment", AttachmentFuzz::new);
    }
}
