package storage.cairn.engine.port;

/** Where the pure core tells people what happened. Each event about a volume names it and its epoch. */
public interface Log {
    /** Keeps nothing. */
    Log SILENT = (level, subject, epoch, event, detail) -> {};

    /**
     * @param subject name of the volume, or the disk or node that the event is about
     * @param epoch epoch of the volume, 0 when the event is not about a volume
     * @param event short fixed name of what happened, such as {@code TookOver}
     * @param detail the rest in words
     */
    void event(Level level, String subject, long epoch, String event, String detail);

    enum Level {
        DEBUG,
        INFO,
        WARN,
        ERROR
    }
}
