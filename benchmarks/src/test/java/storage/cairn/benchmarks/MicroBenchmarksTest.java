package storage.cairn.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Collection;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Every micro-benchmark runs to its end; what it measures in a moment means nothing. */
final class MicroBenchmarksTest {
    @Test
    void allRun() throws Exception {
        Collection<RunResult> results = new Runner(new OptionsBuilder()
                        .forks(0)
                        .warmupIterations(0)
                        .measurementIterations(1)
                        .measurementTime(TimeValue.milliseconds(5))
                        .param("io", "POOL")
                        .param("records", "1000")
                        .param("changes", "1000")
                        .param("percentFull", "90")
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .build())
                .run();
        Set<String> classes = results.stream()
                .map(result -> result.getParams().getBenchmark().replaceAll(".*\\.(\\w+)\\.\\w+", "$1"))
                .collect(Collectors.toSet());
        assertThat(classes)
                .containsExactlyInAnyOrder(
                        "StoreBenchmark",
                        "CheckpointBenchmark",
                        "CodecBenchmark",
                        "AllocatorBenchmark",
                        "LookupBenchmark",
                        "RangeLockBenchmark",
                        "FrameBenchmark",
                        "Crc32cBenchmark",
                        "NbdBenchmark");
    }
}
