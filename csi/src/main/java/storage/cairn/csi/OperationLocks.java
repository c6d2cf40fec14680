package storage.cairn.csi;

import io.grpc.Status;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/** Lets one operation on a volume be under way at a time; a second one is told to come again. Safe for all threads. */
final class OperationLocks {
    private final Map<String, String> underWay = new ConcurrentHashMap<>();

    /**
     * Does something with a volume.
     *
     * @param key of the volume: its id, or its name as long as it has none
     * @param what is done, for whoever comes meanwhile
     * @throws CsiException ABORTED when something is being done with it
     */
    <T> T alone(String key, String what, Supplier<T> operation) {
        String other = underWay.putIfAbsent(key, what);
        if (other != null) {
            throw new CsiException(
                    Status.Code.ABORTED, other + " is under way for volume " + key + "; ask again when it has ended");
        }
        try {
            return operation.get();
        } finally {
            underWay.remove(key);
        }
    }
}
