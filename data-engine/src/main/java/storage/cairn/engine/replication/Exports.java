package storage.cairn.engine.replication;

import java.util.List;

/** The volumes that hosts can ask this engine for, by export name ({@code volume/attachId}). */
public interface Exports {
    /** Longest export name in bytes. */
    int MAX_NAME_BYTES = 128;

    /** Names that can be opened here now, at most {@code limit}. */
    List<String> names(int limit);

    /**
     * Opens an export; if need be, and if no live owner is elsewhere, by taking the volume over, which may take as
     * long as the leases of the last owner live. The answer comes later, on the loop.
     *
     * @param lost told once, later, if the volume stops being served to this client
     */
    void open(String exportName, HostVolume.Lost lost, Answer answer);

    interface Answer {
        void opened(Opened outcome);
    }

    sealed interface Opened {
        record Granted(HostVolume volume) implements Opened {}

        /** No volume of that name, an export of it that was superseded, or not a valid export name: final. */
        record Unknown(String reason) implements Opened {}

        /** The volume exists and may not be served here and now: the reason says why, where, and what to do. */
        record Refused(String reason) implements Opened {}
    }
}
