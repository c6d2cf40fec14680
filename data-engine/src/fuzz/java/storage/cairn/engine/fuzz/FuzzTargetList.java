package storage.cairn.engine.fuzz;

import java.util.Map;
import java.util.function.Supplier;

/** Targets of another module, found by {@link java.util.ServiceLoader}. */
public interface FuzzTargetList {
    /** By their names. */
    Map<String, Supplier<FuzzTarget>> targets();
}
