package storage.cairn.csi;

/** Decides whether a filesystem may be made on a volume. A second one would erase the first one's data. */
final class FilesystemGuard {
    private FilesystemGuard() {}

    /** What is to be done with the volume. */
    sealed interface Decision {
        /** It has the filesystem that is wanted. */
        record Use() implements Decision {}

        record Make() implements Decision {}

        record Refuse(String reason) implements Decision {}
    }

    /**
     * What is known of the volume.
     *
     * @param found filesystem that is on it, empty for none
     * @param other partition table or other content that was recognised, empty for none
     * @param formatted whether somebody made a filesystem on it before, or began to
     * @param ours whether that was this node, with this very attachment, and it never was mounted since
     * @param blank whether its first and last MiB are as new
     */
    record Seen(String found, String other, boolean formatted, boolean ours, boolean blank) {}

    static Decision decide(Seen seen, String wanted) {
        if (seen.ours()) {
            // Begun and never used: nobody else could write to it meanwhile.
            return new Decision.Make();
        }
        if (!seen.found().isEmpty()) {
            return seen.found().equals(wanted)
                    ? new Decision.Use()
                    : new Decision.Refuse("it holds " + seen.found() + ", and " + wanted
                            + " is asked for: change fsType of the PersistentVolume, or use another volume");
        }
        if (!seen.other().isEmpty()) {
            return new Decision.Refuse("it holds no filesystem but " + seen.other()
                    + ": use it as a block volume (volumeMode: Block), or another volume");
        }
        if (seen.formatted()) {
            return new Decision.Refuse("it was given a filesystem before, and none is found on it: it is damaged, or"
                    + " was not completed. Nothing is made anew, since that would erase it. Use it as a block volume"
                    + " to repair it, or restore a backup to another volume");
        }
        if (!seen.blank()) {
            return new Decision.Refuse("it holds data that is no filesystem: use it as a block volume"
                    + " (volumeMode: Block), or another volume");
        }
        return new Decision.Make();
    }
}
