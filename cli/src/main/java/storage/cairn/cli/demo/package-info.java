/** The demonstration: a cluster of processes, a verifying load, faults, and what was proved. */
@NullMarked
package storage.cairn.cli.demo;

import org.jspecify.annotations.NullMarked;
