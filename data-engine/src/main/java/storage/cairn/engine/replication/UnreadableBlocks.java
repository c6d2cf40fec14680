package storage.cairn.engine.replication;

import java.util.TreeSet;
import storage.cairn.engine.port.BlockDevice;
import storage.cairn.engine.port.Log;

/**
 * The blocks of a volume that no replica in sync has a good copy of, as far as its owner has found them by reads and the
 * scrub, until something is written there.
 */
final class UnreadableBlocks {
    private static final int MOST = 1_024;
    private static final int NAMED = 8;

    private final VolumeOwner owner;
    private final TreeSet<Long> blocks = new TreeSet<>();
    private boolean more;

    UnreadableBlocks(VolumeOwner owner) {
        this.owner = owner;
    }

    void found(long block) {
        if (blocks.contains(block)) {
            return;
        }
        if (blocks.size() < MOST) {
            blocks.add(block);
            owner.log(
                    Log.Level.ERROR,
                    "Unreadable",
                    "block " + block + ", at byte " + block * BlockDevice.BLOCK_BYTES
                            + ": no replica in sync has a good copy; reads of it fail until it is written anew");
        } else {
            more = true;
        }
    }

    /** Their content is new, or could be read after all. */
    void good(long block, int count) {
        if (!blocks.isEmpty()) {
            blocks.subSet(block, block + count).clear();
            more &= !blocks.isEmpty();
        }
    }

    /** What is unreadable and what to do; empty when nothing is. */
    String inWords() {
        if (blocks.isEmpty()) {
            return "";
        }
        StringBuilder text = new StringBuilder(160)
                .append(blocks.size())
                .append(more ? " or more" : "")
                .append(blocks.size() == 1 ? " block of 4 KiB has" : " blocks of 4 KiB have")
                .append(" no good copy on any replica, and reads there fail with EIO: at byte");
        int named = 0;
        for (long block : blocks) {
            if (named == NAMED) {
                text.append(", ...");
                break;
            }
            text.append(named++ == 0 ? " " : ", ").append(block * BlockDevice.BLOCK_BYTES);
        }
        return text.append(
                        "; write what belongs there anew, from a backup, or discard it, and replace disks that go bad")
                .toString();
    }
}
