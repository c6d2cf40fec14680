package storage.cairn.engine.replication;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.Network.BadFrameException;
import storage.cairn.engine.port.Network.Stream;
import storage.cairn.engine.port.Status;
import storage.cairn.engine.protocol.Authentication;
import storage.cairn.engine.protocol.Challenge;
import storage.cairn.engine.protocol.FrameReader;
import storage.cairn.engine.protocol.FrameType;
import storage.cairn.engine.protocol.Hello;

/** A stream that this engine opens: proves both sides to each other, then gives its frames to {@link Uses}. */
final class Outgoing implements Network.Listener {
    private final NodeContext context;
    private final int node;
    private final Hello hello;
    private final Uses uses;
    private @Nullable Stream stream;
    private Clock.@Nullable Timer deadline;
    private boolean proved;
    private boolean welcomed;
    private boolean over;

    /** What the stream is for. */
    interface Uses {
        void welcomed(FrameReader in) throws BadFrameException;

        /** The other side asks to come again after so long; the stream is over. */
        void waits(long millis);

        void frame(FrameReader in, @Nullable Buffer payload) throws BadFrameException;

        /** The stream is over, unless this side closed it. {@code refused}: nobody listens there. */
        void ended(Status status, String reason, boolean refused);
    }

    Outgoing(NodeContext context, int node, Hello hello, Uses uses) {
        this.context = context;
        this.node = node;
        this.hello = hello;
        this.uses = uses;
    }

    void connect() {
        stream = context.network.connect(node, this);
        deadline = context.afterMillis(
                context.settings.failures().connectMillis(),
                () -> end(Status.UNAVAILABLE, "node " + node + " did not answer in time", false));
    }

    Stream stream() {
        Stream present = stream;
        if (present == null) {
            throw new IllegalStateException("not connected");
        }
        return present;
    }

    void close(String reason) {
        over = true;
        stopTimer();
        Stream present = stream;
        if (present != null) {
            present.close(reason);
        }
    }

    private void stopTimer() {
        Clock.Timer timer = deadline;
        if (timer != null) {
            timer.cancel();
            deadline = null;
        }
    }

    private void end(Status status, String reason, boolean refused) {
        if (!over) {
            close(reason);
            uses.ended(status, reason, refused);
        }
    }

    @Override
    public void opened(Stream opened) {
        if (!over) {
            stream = opened;
            hello.write(context.writer).send(opened);
        }
    }

    @Override
    public void received(Stream from, ByteBuffer header, @Nullable Buffer payload) {
        if (over) {
            return;
        }
        try {
            FrameReader in = context.reader;
            in.open(header, payload);
            if (in.type() == FrameType.REFUSED) {
                Status why = in.status() == Status.OK ? Status.INVALID : in.status();
                end(why, "node " + node + " refused: " + in.text(), false);
            } else if (welcomed) {
                uses.frame(in, payload);
            } else {
                handshake(in, from);
            }
        } catch (BadFrameException e) {
            end(Status.INVALID, "node " + node + " sent what is no valid frame: " + e.getMessage(), false);
        }
    }

    private void handshake(FrameReader in, Stream from) throws BadFrameException {
        if (!proved && in.type() == FrameType.CHALLENGE) {
            Challenge challenge = Challenge.read(in);
            byte[] proof = in.bytes(Authentication.PROOF_BYTES);
            in.end();
            byte[] expected = context.authentication.ofServer(hello, challenge);
            if (challenge.node() != node || !Authentication.same(expected, proof)) {
                throw new BadFrameException("it does not know the cluster's secret, or is not node " + node);
            }
            proved = true;
            from.trust();
            byte[] mine = context.authentication.ofClient(hello, challenge);
            context.writer.begin(FrameType.PROOF, 0).bytes(mine).send(from);
        } else if (proved && in.type() == FrameType.WELCOME) {
            welcomed = true;
            stopTimer();
            uses.welcomed(in);
        } else if (proved && in.type() == FrameType.WAIT) {
            long millis = in.natural();
            in.end();
            close("waiting for another owner's grant");
            uses.waits(Math.min(millis, 60_000));
        } else {
            throw new BadFrameException(in.type() + " during the handshake");
        }
    }

    @Override
    public void closed(Stream gone, String reason, boolean refused) {
        end(Status.UNAVAILABLE, reason, refused);
    }
}
