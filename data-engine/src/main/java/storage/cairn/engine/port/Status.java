package storage.cairn.engine.port;

/** How an operation on a replica or a volume ended. Travels on the wire by its code. */
public enum Status {
    OK(0, Category.NONE),
    /** A checksum did not match: what arrived, or what the disk gave. */
    CORRUPT(1, Category.RETRYABLE),
    /** The operation is of an older epoch than the replica's. */
    STALE_EPOCH(2, Category.FATAL),
    /** No slot credit or no space for it. Nothing was changed. */
    NO_SPACE(3, Category.CALLER),
    /** The disk failed and takes part in nothing any more. */
    DISK_FAILED(4, Category.FATAL),
    /** The request makes no sense: out of range, too long, wrong state. */
    INVALID(5, Category.CALLER),
    /** No such volume or replica here. */
    NOT_FOUND(6, Category.CALLER),
    /** A bound of memory or queue was reached; the same request may succeed later. */
    BUSY(7, Category.RETRYABLE),
    /** The volume cannot be served now, and waiting did not help. */
    UNAVAILABLE(8, Category.RETRYABLE),
    /** The volume has a newer owner or a newer attachId. */
    FENCED(9, Category.FATAL),
    /** The replica does it already, or the other side must wait. */
    CONFLICT(10, Category.RETRYABLE);

    /** Who can do something about it. */
    public enum Category {
        NONE,
        /** The same request may succeed later. */
        RETRYABLE,
        /** The caller must change the request. */
        CALLER,
        /** This party stops. */
        FATAL
    }

    private static final Status[] BY_CODE = values();

    private final int code;
    private final Category category;

    Status(int code, Category category) {
        this.code = code;
        this.category = category;
    }

    public int code() {
        return code;
    }

    public Category category() {
        return category;
    }

    /** The status of a code from the wire; an unknown one is {@link #INVALID}. */
    public static Status of(int code) {
        return code >= 0 && code < BY_CODE.length ? BY_CODE[code] : INVALID;
    }
}
