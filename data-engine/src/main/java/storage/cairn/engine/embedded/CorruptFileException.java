package storage.cairn.engine.embedded;

import java.io.IOException;
import java.nio.file.Path;

/** A file of the store is there and cannot be believed. Nothing older is used in its place. */
final class CorruptFileException extends IOException {
    CorruptFileException(Path file, String what) {
        super("configuration file " + file + " is damaged: " + what
                + "; restore it from a backup, no older version is used in its place");
    }
}
