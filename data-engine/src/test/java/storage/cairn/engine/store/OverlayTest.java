package storage.cairn.engine.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.sim.SimRandom;

class OverlayTest {
    @Test
    void holdsTheLastMappingOfEachBlockAndTheHighestWseqOfEachExtent() {
        for (int seed = 0; seed < 10; seed++) {
            SimRandom random = new SimRandom(seed);
            Overlay overlay = new Overlay();
            Map<Long, Long> slots = new HashMap<>();
            TreeMap<Long, Long> highest = new TreeMap<>();
            int volumes = 1 + random.below(5);
            long blocks = 1 + random.below(1L << (8 + random.below(28)));
            for (int i = 0; i < 20_000; i++) {
                long key = Overlay.key(1 + random.below(volumes), random.below(blocks));
                long slot = random.below(1L << 40);
                long before = overlay.put(key, slot, (int) slot, i & 0xff_ffff, i);
                assertThat(before).isEqualTo(slots.getOrDefault(key, -1L));
                slots.put(key, slot);
                highest.merge(key >>> 8, (long) i, Math::max);
            }
            assertThat(overlay.records()).isEqualTo(slots.size());
            assertThat(overlay.extents()).isEqualTo(highest.size());
            slots.forEach((key, slot) -> {
                OverlaySegment segment = overlay.segmentOf(key >>> 8);
                int entry = segment.find(key);
                assertThat(segment.slot(entry)).isEqualTo(slot);
                assertThat(segment.crc(entry)).isEqualTo((int) (long) slot);
            });
            ExtentOrder order = new ExtentOrder(overlay);
            while (!order.prepare()) {
                assertThat(order.isEmpty()).isTrue();
            }
            int chained = 0;
            for (long extent : highest.keySet()) {
                assertThat(order.next()).isEqualTo(extent);
                OverlaySegment segment = overlay.segmentOf(extent);
                int found = segment.findExtent(extent);
                assertThat(segment.maxWseq(found)).isEqualTo(highest.get(extent));
                for (int e = segment.head(found); e != OverlaySegment.NONE; e = segment.next(e)) {
                    assertThat(segment.key(e) >>> 8).isEqualTo(extent);
                    chained++;
                }
            }
            assertThat(order.isEmpty()).isTrue();
            assertThat(chained).isEqualTo(slots.size());
        }
    }
}
