package storage.cairn.engine.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.port.Buffer;
import storage.cairn.engine.port.BufferPool;

final class SlabTest {
    private final TestLoop loop = new TestLoop(EngineLoop.Setting.POOL);
    private final Slab slab = loop.engine.slab("test", new Slab.Sizes(2, 2, 1, 1));

    @AfterEach
    void end() {
        loop.close();
    }

    @Test
    void servesAlignedMemoryOfTheSmallestClassThatFits() {
        loop.run(() -> {
            int[] wanted = {1, 4096, 4097, 16384, 16385, 65536, BufferPool.MAX_BYTES};
            int[] given = {4096, 4096, 16384, 16384, 65536};
            List<Buffer> held = new ArrayList<>();
            for (int i = 0; i < given.length; i++) {
                Buffer buffer = TestLoop.take(slab, wanted[i]);
                assertThat(buffer.capacity()).isEqualTo(given[i]);
                assertThat(SlabBuffer.addressOf(buffer) % 4096).isZero();
                assertThat(buffer.references()).isOne();
                held.add(buffer);
            }
            assertThat(slab.outBytes()).isEqualTo(2 * 4096 + 2 * 16384 + 65536);
            held.forEach(Buffer::release);
            assertThat(slab.outBytes()).isZero();
        });
    }

    @Test
    void buffersDoNotOverlap() {
        loop.run(() -> {
            List<Buffer> held = new ArrayList<>();
            for (int bytes : new int[] {4096, 4096, 16384, 16384, 65536, 1 << 20}) {
                Buffer buffer = TestLoop.take(slab, bytes);
                for (int i = 0; i < buffer.capacity(); i += 8) {
                    buffer.bytes().putLong(i, held.size() * 1_000_000_000L + i);
                }
                held.add(buffer);
            }
            for (int b = 0; b < held.size(); b++) {
                for (int i = 0; i < held.get(b).capacity(); i += 8) {
                    assertThat(held.get(b).bytes().getLong(i)).isEqualTo(b * 1_000_000_000L + i);
                }
            }
            held.forEach(Buffer::release);
        });
    }

    @Test
    void borrowsFromTheNextClassAndThenIsEmpty() {
        loop.run(() -> {
            for (int expected : new int[] {4096, 4096, 16384, 16384}) {
                assertThat(TestLoop.take(slab, 4096).capacity()).isEqualTo(expected);
            }
            assertThat(slab.acquire(4096)).isNull();
            assertThat(slab.acquire(65536)).isNotNull();
        });
    }

    @Test
    void whoeverWaitsIsCalledInOrderAndKeepsItsPlaceWhenNotServed() {
        List<String> calls = new ArrayList<>();
        Buffer large = loop.acquire(slab, BufferPool.MAX_BYTES);
        List<Buffer> small = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            small.add(loop.acquire(slab, 4096));
        }
        loop.run(() -> {
            slab.whenAvailable(new LargeWaiter(calls));
            slab.whenAvailable(() -> calls.add("small"));
            small.get(0).release();
            assertThat(calls).as("never inside the release").isEmpty();
        });
        Awaitility.await()
                .untilAsserted(() ->
                        assertThat(loop.call(() -> List.copyOf(calls))).containsExactly("large refused", "small"));
        loop.run(() -> {
            slab.whenAvailable(() -> calls.add("third"));
            large.release();
        });
        Awaitility.await()
                .untilAsserted(() -> assertThat(loop.call(() -> List.copyOf(calls)))
                        .containsExactly("large refused", "small", "large served", "third"));
        assertThat(loop.call(slab::waiting)).isZero();
    }

    private final class LargeWaiter implements Runnable {
        private final List<String> calls;

        LargeWaiter(List<String> calls) {
            this.calls = calls;
        }

        @Override
        public void run() {
            if (slab.acquire(BufferPool.MAX_BYTES) == null) {
                calls.add("large refused");
                slab.whenAvailable(this);
            } else {
                calls.add("large served");
            }
        }
    }

    @Test
    void usedAfterReleaseOrOnAnotherThreadItThrows() {
        Buffer buffer = loop.acquire(slab, 4096);
        assertThatThrownBy(() -> slab.acquire(4096)).hasMessageContaining("instead of the event loop");
        loop.run(buffer::release);
        loop.run(() -> assertThatThrownBy(buffer::release).isInstanceOf(IllegalStateException.class));
        loop.run(() -> assertThatThrownBy(() -> slab.acquire(0)).isInstanceOf(IllegalArgumentException.class));
        loop.run(() -> assertThatThrownBy(() -> slab.acquire(BufferPool.MAX_BYTES + 1))
                .isInstanceOf(IllegalArgumentException.class));
    }

    @Test
    void sizesAddUpToAboutTheMemoryGiven() {
        for (long bytes : new long[] {Slab.Sizes.MIN_BYTES, 64L << 20, 3L << 30}) {
            assertThat(Slab.Sizes.ofBytes(bytes).bytes()).isBetween(bytes * 9 / 10, bytes);
        }
        assertThatThrownBy(() -> Slab.Sizes.ofBytes(1)).hasMessageContaining("8388608");
    }
}
