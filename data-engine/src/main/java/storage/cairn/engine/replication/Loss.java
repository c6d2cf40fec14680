package storage.cairn.engine.replication;

import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Configuration.Stale;
import storage.cairn.engine.port.DiskId;

/**
 * An in-sync set that cannot go on as it is: fewer members than minInSync are left, and the others cannot be taken out.
 * One more would do, in their place, and it is made from what is left. Nothing was acked that is not on each of those.
 *
 * @param lost in-sync members that are out of reach or of no use, and since when each lacks writes
 * @param left the others, at least one
 * @param blocks the largest size that one of them may have
 */
record Loss(List<Stale> lost, List<Member> left, long blocks) {
    Loss {
        lost = List.copyOf(lost);
        left = List.copyOf(left);
    }

    boolean isOfSameMembers(@Nullable Loss other) {
        return other != null && left.equals(other.left) && lostDisks().equals(other.lostDisks());
    }

    boolean isLost(Member member) {
        return lostDisks().contains(member.disk);
    }

    private List<DiskId> lostDisks() {
        return lost.stream().map(Stale::replica).toList();
    }

    int leftMask() {
        int mask = 0;
        for (Member member : left) {
            mask |= member.bit;
        }
        return mask;
    }

    boolean leftReady() {
        return left.stream().allMatch(Member::ready);
    }
}
