package storage.cairn.campaign;

import java.util.Locale;

/** What a campaign does to a cluster, and how much of it: {@code --faults} takes the labels. */
enum FaultKind {
    KILL("SIGKILL, started again later", 300, 8_000),
    KILL_ALL("SIGKILL of every engine at once", 100, 3_000),
    PAUSE("SIGSTOP, SIGCONT later", 1_000, 60_000),
    COMEBACK("SIGSTOP of an owner until another serves; when it goes on it is made the owner again", 12_000, 30_000),
    RESTART("SIGTERM, started again once it has ended", 100, 3_000),
    PARTITION("two nodes hear nothing of each other", 500, 20_000),
    ONE_WAY("a node hears nothing of another, which hears it", 500, 20_000),
    ISOLATE("a node hears nothing of anybody", 500, 20_000),
    LOSS("a node loses a part of the packets that come in", 1_000, 15_000),
    DELAY("what goes through a proxy between two nodes is late", 1_000, 20_000),
    RESET("connections between two nodes are reset, with bytes under way", 1, 1),
    LATE("a client's connection ends, what it sent last reaches the node only later", 1_000, 20_000),
    DISK_FULL("another volume takes all space, and gives it back", 5_000, 15_000),
    DISK_ERROR("one disk answers with EIO", 200, 6_000),
    DISK_STALL("one disk answers nothing", 300, 8_000),
    ROT("bits flip on one disk", 1, 1),
    CONFIG_READ_ONLY("the configuration store takes no change", 500, 10_000),
    CONFIG_HANG("the configuration store's filesystem hangs", 500, 8_000),
    CONFIG_FULL("the configuration store's filesystem is full", 500, 10_000),
    CONFIG_GONE("the configuration store's folder is empty: its mount is gone", 500, 10_000),
    MOVE("a volume is handed to another node", 1, 1),
    REATTACH("a volume gets a new export while a client of the old one goes on", 2_000, 10_000);

    private static final long BRIEF_MILLIS = 2_500;

    private final String meaning;
    private final long leastMillis;
    private final long mostMillis;

    FaultKind(String meaning, long leastMillis, long mostMillis) {
        this.meaning = meaning;
        this.leastMillis = leastMillis;
        this.mostMillis = mostMillis;
    }

    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    String meaning() {
        return meaning;
    }

    long leastMillis() {
        return leastMillis;
    }

    long mostMillis() {
        return mostMillis;
    }

    /** Whether it stops or ends a process. */
    boolean ofProcess() {
        return this == KILL || this == KILL_ALL || this == PAUSE || this == COMEBACK || this == RESTART;
    }

    /**
     * In how many of a hundred rounds it is there at all, when the seed decides: leases need pauses to be tried, and not
     * every cluster has a disk that fails.
     */
    int percent() {
        if (ofDisk()) {
            return 80;
        }
        return this == PAUSE || this == COMEBACK || this == REATTACH ? 60 : 40;
    }

    /** Shortest mean time between two of them: what is never served for a while shows nothing. */
    long leastGapMillis() {
        return this == KILL_ALL ? 25_000 : 5_000;
    }

    /** Longest mean time between two of them in one round. */
    long mostGapMillis() {
        return this == PAUSE || this == COMEBACK || this == REATTACH ? 15_000 : 30_000;
    }

    /** The longest that it lasts where every kind has to find its place in one short round. */
    long briefMillis() {
        return Math.min(mostMillis, Math.max(BRIEF_MILLIS, leastMillis + leastMillis / 4));
    }

    boolean ofDisk() {
        return this == DISK_ERROR || this == DISK_STALL || this == ROT;
    }

    boolean ofConfig() {
        return this == CONFIG_READ_ONLY || this == CONFIG_HANG || this == CONFIG_FULL || this == CONFIG_GONE;
    }

    boolean ofVolume() {
        return this == LATE || this == DISK_FULL || this == MOVE || this == REATTACH;
    }
}
