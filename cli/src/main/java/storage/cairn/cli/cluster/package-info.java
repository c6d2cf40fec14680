/** The cluster of one machine: its files, its engine processes, and the way to ask them. */
@NullMarked
package storage.cairn.cli.cluster;

import org.jspecify.annotations.NullMarked;
