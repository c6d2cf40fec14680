package storage.cairn.client.relay;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import storage.cairn.client.nbd.NbdCommand;

final class InOrderTest {
    private final List<Request> started = new ArrayList<>();
    private final InOrder order = new InOrder(started::add);

    private Request add(long cookie, long first, long end, boolean changes) {
        Request request = new Request(cookie, first, end, changes, new NbdCommand(ended -> {}));
        order.add(request);
        return request;
    }

    @Test
    void whatDoesNotOverlapGoesTogetherAndReadsDoTooButFlushesWaitForNothing() {
        add(1, 0, 10, true);
        add(2, 10, 20, true);
        add(3, 20, 30, false);
        add(4, 25, 35, false);
        add(5, 0, 0, true);

        assertThat(started).extracting(Request::cookie).containsExactly(1L, 2L, 3L, 4L, 5L);
    }

    @Test
    void anOverlappingWriteWaitsForTheEarlierOneAndWhatComesLaterWaitsForIt() {
        Request first = add(1, 0, 10, true);
        Request second = add(2, 5, 15, true);
        add(3, 12, 20, false);
        assertThat(started).containsExactly(first);

        order.ended(first);
        assertThat(started).containsExactly(first, second);

        order.ended(second);
        assertThat(started).extracting(Request::cookie).containsExactly(1L, 2L, 3L);
    }

    @Test
    void aRequestMayEndWhileItIsStarted() {
        List<Long> ended = new ArrayList<>();
        InOrder[] eager = new InOrder[1];
        List<Request> held = new ArrayList<>();
        eager[0] = new InOrder(request -> {
            if (request.cookie() == 0) {
                held.add(request);
                return;
            }
            ended.add(request.cookie());
            eager[0].ended(request);
        });
        for (int i = 0; i < 50; i++) {
            eager[0].add(new Request(i, 0, 1, true, new NbdCommand(done -> {})));
        }

        eager[0].ended(held.getFirst());

        assertThat(ended).hasSize(49).isSorted();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void conflictingRequestsNeverOverlapAndStartInTheirOrder(long seed) {
        Random random = new Random(seed);
        List<Request> under = new ArrayList<>();
        List<Request> came = new ArrayList<>();
        InOrder checked = new InOrder(request -> {
            assertThat(under).as("seed %d", seed).noneMatch(request::conflictsWith);
            assertThat(came.subList(0, came.indexOf(request)))
                    .as("seed %d", seed)
                    .filteredOn(request::conflictsWith)
                    .isSubsetOf(started);
            under.add(request);
            started.add(request);
        });
        for (int i = 0; i < 2_000 || !under.isEmpty(); i++) {
            if (i < 2_000 && (under.isEmpty() || random.nextInt(5) < 3)) {
                long first = random.nextInt(40);
                Request request =
                        new Request(i, first, first + random.nextInt(6), random.nextBoolean(), new NbdCommand(d -> {}));
                came.add(request);
                checked.add(request);
            } else {
                checked.ended(under.remove(random.nextInt(under.size())));
            }
        }
        assertThat(started).hasSameSizeAs(came);
    }
}
