/** Makes block devices of volumes, and takes them away. */
@NullMarked
package storage.cairn.client.attach;

import org.jspecify.annotations.NullMarked;
