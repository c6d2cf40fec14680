package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import storage.cairn.engine.embedded.ConfigStoreContract;
import storage.cairn.engine.port.ConfigStore;

/** Without faults the simulated store obeys the contract that the real ones obey. */
final class SimConfigStoreTest extends ConfigStoreContract {
    private final SimClock clock = new SimClock();
    private final SimConfigStore store = new SimConfigStore(clock, new SimRandom(1), Faults.none(), Trace.hashing());
    private final List<ConfigStore> engines =
            List.of(store.open(1, new SimProcess(clock, 0)), store.open(2, new SimProcess(clock, 0)));

    @Override
    protected ConfigStore engine(int number) {
        return engines.get(number - 1);
    }

    @Override
    protected <T> T ask(Consumer<ConfigStore.Answer<T>> question) {
        List<T> answers = new ArrayList<>();
        question.accept(answers::add);
        while (answers.isEmpty()) {
            if (!clock.step()) {
                throw new AssertionError("the store never answers");
            }
        }
        return answers.getFirst();
    }

    @Override
    protected void turn() {
        clock.step();
    }
}
