package storage.cairn.engine.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** What {@code simulate} makes of its options. */
final class SimulateTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int simulate(String options) {
        CommandLine line = Simulate.commandLine();
        line.setOut(new PrintWriter(out));
        line.setErr(new PrintWriter(err));
        return line.execute(options.split(" "));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "--seeds 0|--seeds: 0 is no number of seeds",
                "--seeds -1|--seeds: -1 is no number of seeds",
                "--minutes -1|--minutes: -1.0 is no time",
                "--minutes NaN|--minutes: NaN is no time",
                "--minutes 1e300|at most 2147483647",
                "--operations 0|--operations: 0 is not from 1",
                "--operations 1000001|--operations: 1000001 is not from 1 to 1000000",
                "--jobs 0|--jobs: 0 is not from 1 to 256",
                "--jobs 257|--jobs: 257 is not from 1 to 256",
                "--faults flood|no fault is named 'flood'; there are: power-cut, kill,",
                "--faults ,|no fault is named ''",
                "--faults kill=|'kill=': after '=' comes how often",
                "--faults kill=-1|from 0 to 1000000",
                "--faults kill=1000001|from 0 to 1000000",
                "--faults kill,net-reset,kill=5|'kill' is given twice",
                "--shape hasty|say how many nodes there are",
                "--shape nodes=0|a cluster has 1 to 5 nodes",
                "--shape nodes=6|a cluster has 1 to 5 nodes",
                "--shape nodes=3,nodes=4|'nodes=3,nodes=4'",
                "--shape nodes=2,replicas=3|as many as there are nodes",
                "--shape nodes=2,replicas=0|as many as there are nodes",
                "--shape nodes=2,small,wide|leave one of them out",
                "--shape nodes=2,calm|'calm' is none of",
                "--mode chaos|expected one of [safety, liveness, both]",
                "--what disk|expected one of [store, cluster, all]",
                "--stores tape|expected one of [memory, extent, mixed]",
                "--seed 99999999999999999999|is not a long",
            })
    void refusesWhatMakesNoSense(String options, String reason) {
        assertThat(simulate("--seeds 1 ".repeat(options.startsWith("--seeds") ? 0 : 1) + options))
                .isEqualTo(2);
        assertThat(err.toString()).contains(reason);
        assertThat(out.toString()).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nodes=1",
                "nodes=3,replicas=2,hasty",
                "nodes=2,small",
                "nodes=2,wide",
                "nodes=5,replicas=1,small"
            })
    void livesInEveryShape(String shape) {
        assertThat(simulate("--seeds 2 --operations 60 --what cluster --jobs 1 --shape " + shape))
                .as(out.toString())
                .isZero();
        assertThat(out.toString()).contains("2 lives", "2 clusters came to rest");
    }

    @Test
    void theLastSeedOfAllIsFollowedByTheFirst() {
        assertThat(simulate("--seed 9223372036854775807 --seeds 2 --operations 20 --what store --jobs 1"))
                .isZero();
    }
}
