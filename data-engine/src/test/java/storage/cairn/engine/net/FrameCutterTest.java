package storage.cairn.engine.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import storage.cairn.engine.io.EngineLoop;
import storage.cairn.engine.io.Slab;
import storage.cairn.engine.io.TestLoop;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;
import storage.cairn.engine.port.Network.BadFrameException;

final class FrameCutterTest {
    private final TestLoop loop = new TestLoop(EngineLoop.Setting.POOL);
    private final Slab payloads = loop.engine.slab("payloads", new Slab.Sizes(4, 2, 2, 2));
    private final Slab heads = loop.engine.slab("heads", new Slab.Sizes(4, 1, 1, 1));

    @AfterEach
    void end() {
        assertThat(loop.call(payloads::outBytes)).isZero();
        assertThat(loop.call(heads::outBytes)).isZero();
        assertThat(loop.call(() -> loop.engine.views().lent())).isZero();
        loop.close();
    }

    @Test
    void cutsTheSameFramesHoweverTheBytesArrive() {
        for (long seed = 1; seed <= 60; seed++) {
            long thisSeed = seed;
            loop.run(() -> cutRandomly(thisSeed));
        }
    }

    private void cutRandomly(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        ByteBuf wire = Unpooled.buffer();
        int frames = 200;
        for (int i = 0; i < frames; i++) {
            int body = random.nextInt(20) == 0 ? random.nextInt(TestFraming.MAX_BODY_BYTES + 1) : random.nextInt(200);
            int payload = switch (random.nextInt(6)) {
                case 0 -> 4096 * (1 + random.nextInt(256));
                case 1, 2, 3 -> 4096;
                default -> 0;
            };
            wire.writeBytes(TestFraming.head(i, body, payload));
            for (int at = 0; at < payload; at++) {
                wire.writeByte(TestFraming.filling(i + 7, at));
            }
        }
        Collector collector = new Collector();
        ByteBuf stage = Unpooled.directBuffer(FrameCutter.STAGE_BYTES, FrameCutter.STAGE_BYTES);
        FrameCutter cutter = new FrameCutter(
                new TestFraming(), payloads, heads, loop.engine.views(), stage, FrameCutter.newScratch(), collector);
        cutter.trust();
        int largest = 1 + random.nextInt(100_000);
        while (wire.isReadable()) {
            ByteBuf target = cutter.nextTarget();
            assertThat(target.writableBytes()).as("seed %s", seed).isPositive();
            int length = Math.min(Math.min(target.writableBytes(), wire.readableBytes()), 1 + random.nextInt(largest));
            target.writeBytes(wire, length);
            cutter.received(target);
            cut(cutter);
        }
        assertThat(collector.problems).as("seed %s", seed).isEmpty();
        assertThat(collector.frames).as("seed %s", seed).isEqualTo(frames);
        cutter.drop();
        stage.release();
        wire.release();
    }

    private static void cut(FrameCutter cutter) {
        try {
            cutter.cut();
        } catch (BadFrameException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void stopsWithoutMemoryAndGoesOnWhereItWas() {
        loop.run(() -> {
            List<Buffer> held = new ArrayList<>();
            for (Buffer b = payloads.acquire(4096); b != null; b = payloads.acquire(4096)) {
                held.add(b);
            }
            Collector collector = new Collector();
            ByteBuf stage = Unpooled.directBuffer(FrameCutter.STAGE_BYTES, FrameCutter.STAGE_BYTES);
            FrameCutter cutter = new FrameCutter(
                    new TestFraming(),
                    payloads,
                    heads,
                    loop.engine.views(),
                    stage,
                    FrameCutter.newScratch(),
                    collector);
            cutter.trust();
            ByteBuf target = cutter.nextTarget();
            for (int i = 0; i < 3; i++) {
                target.writeBytes(TestFraming.head(i, 10, i == 1 ? 4096 : 0));
                for (int at = 0; i == 1 && at < 4096; at++) {
                    target.writeByte(TestFraming.filling(i + 7, at));
                }
            }
            cutter.received(target);
            cut(cutter);
            assertThat(collector.frames).isOne();
            assertThat(collector.starved).isTrue();
            held.forEach(Buffer::release);
            collector.starved = false;
            cut(cutter);
            assertThat(collector.frames).isEqualTo(3);
            assertThat(collector.problems).isEmpty();
            stage.release();
        });
    }

    @ParameterizedTest
    @CsvSource({"10, 4096", "2000, 0"})
    void whoHasProvedNothingCostsNoMemory(int body, int payload) {
        loop.run(() -> {
            ByteBuf stage = Unpooled.directBuffer(FrameCutter.STAGE_BYTES, FrameCutter.STAGE_BYTES);
            FrameCutter cutter = new FrameCutter(
                    new TestFraming(),
                    payloads,
                    heads,
                    loop.engine.views(),
                    stage,
                    FrameCutter.newScratch(),
                    new Collector());
            ByteBuf target = cutter.nextTarget();
            target.writeBytes(TestFraming.head(0, body, payload));
            cutter.received(target);
            assertThatThrownBy(cutter::cut)
                    .isInstanceOf(BadFrameException.class)
                    .hasMessageContaining("before the other end has proved");
            assertThat(payloads.outBytes() + heads.outBytes()).isZero();
            stage.release();
        });
    }

    private static final class Collector implements FrameCutter.Sink {
        final List<String> problems = new ArrayList<>();
        int frames;
        boolean starved;

        @Override
        public void frame(ByteBuffer head, @Nullable Buffer payload) {
            int number = head.getInt(12);
            if (number != frames++ || head.position() != 0) {
                problems.add("frame " + number + " as number " + (frames - 1));
            }
            for (int at = TestFraming.HEADER_BYTES; at < head.limit(); at++) {
                if (head.get(at) != TestFraming.filling(number, at)) {
                    problems.add("body of " + number + " at " + at);
                    break;
                }
            }
            int payloadBytes = head.getInt(8);
            if ((payload == null) != (payloadBytes == 0)) {
                problems.add("payload of " + number);
            }
            for (int at = 0; payload != null && at < payloadBytes; at++) {
                if (payload.bytes().get(at) != TestFraming.filling(number + 7, at)) {
                    problems.add("payload of " + number + " at " + at);
                    break;
                }
            }
        }

        @Override
        public boolean stopped() {
            return starved;
        }

        @Override
        public void starved(BufferPool pool) {
            starved = true;
        }
    }
}
