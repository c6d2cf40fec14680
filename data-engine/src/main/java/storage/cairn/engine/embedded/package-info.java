/** The configuration store of a cluster on one machine: a directory that its engines share. */
@NullMarked
package storage.cairn.engine.embedded;

import org.jspecify.annotations.NullMarked;
