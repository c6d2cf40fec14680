/** Disk I/O: slabs of aligned memory, io_uring and the pread/pwrite pool behind one block device. */
@NullMarked
package storage.cairn.engine.io;

import org.jspecify.annotations.NullMarked;
