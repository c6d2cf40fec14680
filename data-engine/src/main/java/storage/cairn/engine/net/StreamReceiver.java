package storage.cairn.engine.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelConfig;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;
import java.util.function.BooleanSupplier;

/** Tells a Netty channel to receive where a {@link FrameCutter} wants the bytes, and when to stop. */
final class StreamReceiver implements RecvByteBufAllocator {
    private static final int READS_PER_TURN = 16;

    private final FrameCutter cutter;
    private final BooleanSupplier stopped;

    StreamReceiver(FrameCutter cutter, BooleanSupplier stopped) {
        this.cutter = cutter;
        this.stopped = stopped;
    }

    @Override
    @SuppressWarnings("deprecation")
    public Handle newHandle() {
        return new Turn();
    }

    private final class Turn implements ExtendedHandle {
        private int reads;
        private int lastBytes;
        private int attemptedBytes;

        @Override
        public ByteBuf allocate(ByteBufAllocator unused) {
            return cutter.nextTarget();
        }

        @Override
        public int guess() {
            return FrameCutter.STAGE_BYTES;
        }

        @Override
        public void reset(ChannelConfig config) {
            reads = 0;
            lastBytes = 0;
        }

        @Override
        public void incMessagesRead(int count) {
            reads += count;
        }

        @Override
        public void lastBytesRead(int bytes) {
            lastBytes = bytes;
        }

        @Override
        public int lastBytesRead() {
            return lastBytes;
        }

        @Override
        public void attemptedBytesRead(int bytes) {
            attemptedBytes = bytes;
        }

        @Override
        public int attemptedBytesRead() {
            return attemptedBytes;
        }

        @Override
        public boolean continueReading() {
            return mayContinue() && lastBytes == attemptedBytes;
        }

        @Override
        public boolean continueReading(UncheckedBooleanSupplier moreToRead) {
            return mayContinue() && moreToRead.get();
        }

        private boolean mayContinue() {
            return reads < READS_PER_TURN && lastBytes > 0 && !stopped.getAsBoolean();
        }

        @Override
        public void readComplete() {
            // Nothing is predicted.
        }
    }
}
