/** Makes block devices of volumes, and takes them away. */
@NullMarked
package storage.cairn.cli.attach;

import org.jspecify.annotations.NullMarked;
