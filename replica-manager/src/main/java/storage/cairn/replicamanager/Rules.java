package storage.cairn.replicamanager;

import java.time.Duration;

/**
 * Times and limits of decisions.
 *
 * @param silence a node that was not heard of for so long counts as away
 * @param replaceAfter a replica that is away for so long is replaced
 * @param restoreWindow how long a deleted volume can be restored
 * @param rebalanceGapPercent two disks whose promised shares differ by more are brought closer
 * @param moves most volumes that are on their way at the same time to balance disks
 */
record Rules(Duration silence, Duration replaceAfter, Duration restoreWindow, int rebalanceGapPercent, int moves) {
    static final Rules DEFAULTS =
            new Rules(Duration.ofSeconds(40), Duration.ofMinutes(10), Duration.ofHours(24), 20, 2);
}
