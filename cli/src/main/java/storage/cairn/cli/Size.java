package storage.cairn.cli;

/** A size in bytes, as an option's type. */
record Size(long bytes) {}
