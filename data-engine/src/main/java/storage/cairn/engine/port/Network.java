package storage.cairn.engine.port;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Streams of bytes between the engines of a cluster: FIFO, reliable until they break, and then gone with whatever
 * was under way. All calls and all calls back are on one loop.
 */
public interface Network {
    /**
     * Starts a connection to a node. The listener hears {@link Listener#opened} or {@link Listener#closed}, later,
     * never inside this call.
     */
    Stream connect(int node, Listener listener);

    /** Every stream that another engine opens to this one is given a listener by {@code acceptor}. */
    void accept(Acceptor acceptor);

    interface Acceptor {
        Listener accepted(Stream stream);
    }

    interface Stream {
        /**
         * Queues one frame: {@code headerBytes} bytes of {@code header} from its index 0 (copied before this
         * returns), then, when there is one, {@code payloadBytes} of {@code payload} from byte {@code payloadOffset}
         * on (retained until written). After {@link #close} or a failure it is dropped: the listener hears of it.
         */
        void send(ByteBuffer header, int headerBytes, @Nullable Buffer payload, int payloadOffset, int payloadBytes);

        /**
         * The other end has proved who it is. Until this is called a received frame is short and has no payload, or
         * the stream ends: a stranger costs no memory.
         */
        void trust();

        /** Bytes queued and not yet taken by the kernel. */
        long queuedBytes();

        /** Stops reading from the peer (true), or goes on (false): how a slow consumer pushes back. */
        void pause(boolean paused);

        /** Closes both directions; {@code reason} goes to the log. The listener hears {@link Listener#closed} later. */
        void close(String reason);

        /** Whom it leads to, for logs. */
        String peer();
    }

    /**
     * Receives a stream. The transport cuts the byte stream into frames with the {@link Framing} and gives each
     * one whole.
     */
    interface Listener {
        void opened(Stream stream);

        /**
         * One frame.
         *
         * @param header its fixed header and its body, valid during this call only, position 0 to limit
         * @param payload its block data, held by the caller, retain to keep; null when the frame has none
         */
        void received(Stream stream, ByteBuffer header, @Nullable Buffer payload);

        /** What came is no frame of ours. The stream closes after this call; what is sent within it still goes out. */
        default void garbled(Stream stream, String reason) {}

        /** The stream is gone. Called exactly once, last. {@code refused}: nobody listens there. */
        void closed(Stream stream, String reason, boolean refused);
    }

    /**
     * How to cut frames out of a byte stream. Implemented by the frame codec, given to the transport at
     * construction, so that the transport knows no message.
     *
     * <p>A frame is {@code fixed header | body | payload}: the body is small and structured, the payload is whole
     * blocks that go into a {@link Buffer} without a copy.
     */
    interface Framing {
        /** Bytes of the fixed header. */
        int headerBytes();

        /** Bytes of the body that follow the header at {@code offset}; checked against its bound. */
        int bodyBytes(ByteBuffer header, int offset) throws BadFrameException;

        /** Bytes of payload that follow the body, a multiple of 4,096 up to {@link BufferPool#MAX_BYTES}. */
        int payloadBytes(ByteBuffer header, int offset) throws BadFrameException;
    }

    /** What a peer sent is no frame of ours. The stream is closed with this as its reason. */
    final class BadFrameException extends Exception {
        public BadFrameException(String message) {
            super(message);
        }
    }
}
