/** What every command needs: exit codes, failures, sizes, tables and JSON. */
@NullMarked
package storage.cairn.cli.base;

import org.jspecify.annotations.NullMarked;
