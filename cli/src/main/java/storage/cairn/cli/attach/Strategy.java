package storage.cairn.cli.attach;

import java.util.function.Consumer;

/** One way to make a block device of an export. */
interface Strategy {
    /**
     * Makes the device.
     *
     * @param record told what {@link #remove} must undo, before it is done
     */
    Attachment make(String volume, Attachments.Export export, Consumer<Attachment> record);

    /** Whether the device still is the one that was made. */
    boolean isThere(Attachment attachment);

    /** Undoes exactly what was made, as far as it is still there. */
    void remove(Attachment attachment);
}
