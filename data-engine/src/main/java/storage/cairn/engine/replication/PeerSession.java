package storage.cairn.engine.replication;

import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.Network.Stream;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.Configurations;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.FrameType;

/** The answering side of the one lease conversation with another node. */
final class PeerSession implements Incoming.Session {
    private final NodeContext context;
    private final ReplicaServer replicas;
    private final GrantSession grants;
    private final PeerRequests requests;
    private final Stream stream;

    private static final int MAX_WAITING = 1_024;

    private boolean open = true;
    private int waiting;

    PeerSession(
            NodeContext context, ReplicaServer replicas, GrantSession grants, PeerRequests requests, Stream stream) {
        this.context = context;
        this.replicas = replicas;
        this.grants = grants;
        this.requests = requests;
        this.stream = stream;
    }

    @Override
    public void frame(FrameReader in, @Nullable Buffer payload) throws BadFrameException {
        long tag = in.tag();
        FrameType type = in.type();
        if (type == FrameType.RENEW) {
            long seen = in.natural();
            in.end();
            replicas.renew(grants, seen).write(context.writer, tag).send(stream);
            return;
        }
        if (type == FrameType.RELEASE) {
            in.id();
            in.end();
            grants.end();
            context.writer.begin(FrameType.RESULT, tag).text("").send(stream);
            return;
        }
        if (waiting >= MAX_WAITING) {
            throw new BadFrameException("more than " + MAX_WAITING + " requests at once");
        }
        waiting++;
        PeerRequests.Result result = (status, text) -> {
            waiting--;
            if (open) {
                context.writer.begin(FrameType.RESULT, status, tag).text(text).send(stream);
            }
        };
        request(in, type, result);
    }

    private void request(FrameReader in, FrameType type, PeerRequests.Result result) throws BadFrameException {
        if (type == FrameType.CREATE_REPLICA) {
            DiskId disk = new DiskId(in.id());
            Configuration configuration = Configurations.read(in);
            in.end();
            requests.createReplica(disk, configuration, result);
            return;
        }
        VolumeId volume = new VolumeId(in.id());
        if (type == FrameType.ASK_OWNER) {
            in.end();
            requests.askOwner(volume, result);
        } else if (type == FrameType.ASK_LEASE) {
            DiskId disk = new DiskId(in.id());
            in.end();
            requests.askLease(volume, disk, result);
        } else if (type == FrameType.RELEASE_VOLUME) {
            boolean detach = in.flag();
            in.end();
            requests.releaseVolume(volume, detach, result);
        } else if (type == FrameType.TAKE_VOLUME) {
            UUID attachId = in.id();
            in.end();
            requests.takeVolume(volume, attachId, result);
        } else {
            throw new BadFrameException(type + " on a lease conversation");
        }
    }

    @Override
    public void closed() {
        open = false;
    }
}
