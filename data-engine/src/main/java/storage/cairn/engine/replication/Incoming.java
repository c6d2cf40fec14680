package storage.cairn.engine.replication;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.Network.Stream;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.protocol.Authentication;
import storage.cairn.engine.protocol.Challenge;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.protocol.Hello;

/** A stream that another engine opened: proves both sides to each other, then serves it as what its HELLO asked for. */
final class Incoming implements Network.Listener {
    private final NodeContext context;
    private final ReplicaServer replicas;
    private final PeerRequests requests;
    private final Streams streams;
    private final Stream stream;
    private final Clock.Timer deadline;

    private @Nullable Hello hello;
    private @Nullable Challenge challenge;
    private @Nullable Session session;
    private boolean proved;

    /** What an authenticated stream does. */
    interface Session {
        void frame(FrameReader in, @Nullable Buffer payload) throws BadFrameException;

        void closed();
    }

    /** Keeps count of the streams that others opened. */
    interface Streams {
        void proved(Incoming incoming);

        void ended(Incoming incoming);

        void refused(Stream stream, String reason);
    }

    Incoming(NodeContext context, ReplicaServer replicas, PeerRequests requests, Streams streams, Stream stream) {
        this.context = context;
        this.replicas = replicas;
        this.requests = requests;
        this.streams = streams;
        this.stream = stream;
        this.deadline = context.afterMillis(
                context.settings.failures().connectMillis(), () -> stream.close("no proof in time"));
    }

    boolean isProved() {
        return proved;
    }

    void close(String reason) {
        stream.close(reason);
    }

    @Override
    public void opened(Stream opened) {}

    @Override
    public void received(Stream from, ByteBuffer header, @Nullable Buffer payload) {
        try {
            FrameReader in = context.reader;
            in.open(header, payload);
            Session present = session;
            if (present != null) {
                present.frame(in, payload);
            } else {
                handshake(in);
            }
        } catch (BadFrameException e) {
            refuse(Status.INVALID, String.valueOf(e.getMessage()));
        }
    }

    /** Tells the peer, too: if it speaks another version, that answer names both to it. */
    @Override
    public void garbled(Stream from, String reason) {
        refuse(Status.INVALID, reason);
    }

    private void handshake(FrameReader in) throws BadFrameException {
        Hello said = hello;
        Challenge asked = challenge;
        if (said == null && in.type() == FrameType.HELLO) {
            challenge(Hello.read(in));
        } else if (said != null && asked != null && in.type() == FrameType.PROOF) {
            byte[] proof = in.bytes(Authentication.PROOF_BYTES);
            in.end();
            if (!Authentication.same(context.authentication.ofClient(said, asked), proof)) {
                refuse(Status.INVALID, "node " + said.node() + " does not know the cluster's secret");
                return;
            }
            deadline.cancel();
            proved = true;
            stream.trust();
            streams.proved(this);
            serve(said);
        } else {
            throw new BadFrameException(in.type() + " before the streams' ends have proved themselves");
        }
    }

    private void challenge(Hello said) {
        if (!context.nodes.contains(said.node()) || said.node() == context.identity.node()) {
            refuse(Status.INVALID, "node " + said.node() + " is no peer of node " + context.identity.node());
            return;
        }
        hello = said;
        Challenge asked = new Challenge(context.identity.node(), context.session, context.newNonce());
        challenge = asked;
        asked.write(context.writer, context.authentication.ofServer(said, asked))
                .send(stream);
    }

    private void serve(Hello said) {
        if (!replicas.speaks(said.session())) {
            refuse(Status.STALE_EPOCH, "node " + said.node() + " was started again since");
            return;
        }
        GrantSession grants = replicas.session(said.node(), said.session());
        switch (said.role()) {
            case PEER -> {
                session = new PeerSession(context, replicas, grants, requests, stream);
                context.writer.begin(FrameType.WELCOME, 0).send(stream);
            }
            case REPLICA, JOINING_REPLICA -> {
                DiskId disk = new DiskId(said.disk());
                ReplicaSlot slot = replicas.slot(disk, new VolumeId(said.volume()));
                if (slot == null) {
                    String text = " on disk " + disk + " at node " + context.identity.node();
                    if (replicas.serves(disk)) {
                        refuse(Status.NOT_FOUND, "there is no replica of volume " + said.volume() + text);
                    } else {
                        refuse(Status.UNAVAILABLE, "nothing is served" + text);
                    }
                    return;
                }
                ReplicaSession served = new ReplicaSession(context, slot, stream);
                session = served;
                slot.claim(served, said, this::answer);
            }
        }
    }

    private void answer(ReplicaSlot.Claimed outcome) {
        switch (outcome) {
            case ReplicaSlot.Claimed.Welcome welcome ->
                welcome.report().write(context.writer, FrameType.WELCOME, 0).send(stream);
            case ReplicaSlot.Claimed.Wait wait -> {
                context.writer.begin(FrameType.WAIT, 0).u64(wait.millis()).send(stream);
                stream.close("must wait for another owner's grant");
            }
            case ReplicaSlot.Claimed.Refused refused -> refuse(refused.status(), refused.reason());
        }
    }

    private void refuse(Status status, String reason) {
        streams.refused(stream, reason);
        context.writer.begin(FrameType.REFUSED, status, 0).text(reason).send(stream);
        stream.close(reason);
    }

    @Override
    public void closed(Stream gone, String reason, boolean refused) {
        deadline.cancel();
        streams.ended(this);
        Session present = session;
        if (present != null) {
            present.closed();
        }
    }
}
