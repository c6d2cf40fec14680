package storage.cairn.engine.io;

/**
 * What matters about the filesystem below a disk that is a file.
 *
 * @param name for messages
 * @param nature how it treats an overwrite
 */
record Filesystem(String name, Nature nature) {
    /** How a filesystem treats an overwrite of allocated blocks. */
    enum Nature {
        /** Writes where the data lies. */
        IN_PLACE,
        /** Redirects, unless the file is marked nocow. */
        COPY_ON_WRITE_UNLESS_MARKED,
        /** Always redirects. */
        COPY_ON_WRITE,
        /** Forgets everything when the machine stops. */
        MEMORY,
        /** Stands before another filesystem, which it does not name. */
        LAYERED,
        UNKNOWN
    }

    /** By the magic number of {@code statfs}. */
    static Filesystem of(long magic) {
        // The numbers of the kernel's magic.h, and those of OpenZFS and bcachefs.
        if (magic == 0xef53L) {
            return new Filesystem("ext4", Nature.IN_PLACE);
        } else if (magic == 0x58465342L) {
            return new Filesystem("xfs", Nature.IN_PLACE);
        } else if (magic == 0x9123683eL) {
            return new Filesystem("btrfs", Nature.COPY_ON_WRITE_UNLESS_MARKED);
        } else if (magic == 0x2fc12fc1L) {
            return new Filesystem("zfs", Nature.COPY_ON_WRITE);
        } else if (magic == 0xca451a4eL) {
            return new Filesystem("bcachefs", Nature.COPY_ON_WRITE);
        } else if (magic == 0xf2f52010L) {
            return new Filesystem("f2fs", Nature.COPY_ON_WRITE);
        } else if (magic == 0x3434L) {
            return new Filesystem("nilfs2", Nature.COPY_ON_WRITE);
        } else if (magic == 0x01021994L) {
            return new Filesystem("tmpfs", Nature.MEMORY);
        } else if (magic == 0x858458f6L) {
            return new Filesystem("ramfs", Nature.MEMORY);
        } else if (magic == 0x794c7630L) {
            return new Filesystem("overlayfs", Nature.LAYERED);
        }
        return new Filesystem("filesystem 0x" + Long.toHexString(magic), Nature.UNKNOWN);
    }
}
