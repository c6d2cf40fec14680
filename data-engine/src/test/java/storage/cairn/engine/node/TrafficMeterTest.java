package storage.cairn.engine.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import storage.cairn.engine.kube.NodeReport.Traffic;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.replication.NodeView.ActivityView;
import storage.cairn.engine.replication.NodeView.Phase;
import storage.cairn.engine.replication.NodeView.VolumeView;

final class TrafficMeterTest {
    private static final int MIB = 1 << 20;

    private final TrafficMeter meter = new TrafficMeter();
    private long seconds;

    private static VolumeView view(long volume, @Nullable ActivityView activity) {
        Configuration configuration = new Configuration(
                new VolumeId(new UUID(0, volume)),
                "v" + volume,
                1,
                1,
                new UUID(0, 1),
                null,
                List.of(new DiskId(new UUID(0, 1))),
                List.of(),
                List.of(),
                1,
                64L * MIB,
                null,
                false,
                false);
        return new VolumeView(configuration, Phase.READY, "", List.of(), activity);
    }

    private static ActivityView activity(long readBytes, long remoteReadBytes, long writeBytes) {
        return new ActivityView(1, readBytes, remoteReadBytes, 1, writeBytes, 0, 0, "", 0, 0, 1, 0);
    }

    private List<Traffic> after(long more, VolumeView... views) {
        seconds += more;
        return meter.take(List.of(views), TimeUnit.SECONDS.toNanos(seconds));
    }

    private static String id(long volume) {
        return new UUID(0, volume).toString();
    }

    @Test
    void whatNobodyUsedIsNotTold() {
        assertThat(after(2, view(1, activity(0, 0, 0)), view(2, null))).isEmpty();
    }

    @Test
    void aSteadyLoadIsTheAverageAfterAWhile() {
        List<Traffic> told = List.of();
        for (int i = 1; i <= 1_800; i++) {
            told = after(2, view(1, activity(2L * i * MIB, 0, 4L * i * MIB)));
        }
        assertThat(told).containsExactly(new Traffic(id(1), 3_600L * MIB, 0, 7_200L * MIB, 2L * MIB));
    }

    @Test
    void aVolumeThatWasMovedAwayFadesAndIsForgotten() {
        after(2, view(1, activity(600L * MIB, 100L * MIB, 0)));
        assertThat(after(2, view(1, null))).containsExactly(new Traffic(id(1), 600L * MIB, 100L * MIB, 0, MIB / 2));
        assertThat(after(600)).extracting(Traffic::bytesPerSecond).containsExactly(MIB / 4L);
        assertThat(after(7_200)).isEmpty();
    }

    @Test
    void countersThatBeginAgainAreAddedToWhatWas() {
        after(2, view(1, activity(MIB, 0, 0)));
        assertThat(after(2, view(1, activity(7, 7, 0))))
                .extracting(Traffic::readBytes)
                .containsExactly(MIB + 7L);
    }

    @Test
    void aTakeoverThatOnlyRemoteReadsBetrayTakesNothingAway() {
        after(2, view(1, activity(MIB, MIB, 0)));
        assertThat(after(2, view(1, activity(2L * MIB, 0, 0))))
                .extracting(Traffic::readBytes, Traffic::remoteReadBytes)
                .containsExactly(tuple(3L * MIB, (long) MIB));
    }

    @Test
    void onlyTheBusiestAreTold() {
        List<VolumeView> views = new ArrayList<>();
        for (int i = 1; i <= TrafficMeter.MOST + 10; i++) {
            views.add(view(i, activity((long) i * MIB, 0, 0)));
        }
        List<Traffic> told = after(2, views.toArray(VolumeView[]::new));
        assertThat(told).hasSize(TrafficMeter.MOST);
        assertThat(told.getFirst().volume()).isEqualTo(id(TrafficMeter.MOST + 10));
        assertThat(told).extracting(Traffic::volume).doesNotContain(id(1));
    }
}
