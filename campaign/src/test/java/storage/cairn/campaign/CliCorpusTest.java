package storage.cairn.campaign;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import storage.cairn.engine.fuzz.CorpusRun;

/** Every kept input of the command line's fuzz targets, and a short exploration. */
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CliCorpusTest {
    static List<String> targets() {
        return List.copyOf(new CliTargets().targets().keySet());
    }

    @ParameterizedTest
    @MethodSource("targets")
    void nothingThatWasKeptOrIsMadeFromItBreaksADecoder(String name) throws Exception {
        CorpusRun.all(name);
    }
}
