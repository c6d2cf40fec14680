package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link World} is made of.
 *
 * @param disks of each node, from node 1 on
 * @param diskBlocks size of every disk
 * @param tight whether hosts write more than the disks hold
 * @param hasty whether processes come back at once and hosts soon try elsewhere, within the time of a lease
 * @param volumes that hosts use
 */
record Shape(List<Integer> disks, int diskBlocks, boolean tight, boolean hasty, List<OfVolume> volumes) {
    private static final String NODES = "nodes=";
    private static final int MOST_NODES = 5;
    private static final int MOST_VOLUMES = 3;
    private static final int ROOMY_BLOCKS = 1 << 14;

    /**
     * @param minInSync 0: what the engine chooses
     */
    record OfVolume(int blocks, int replicas, int minInSync) {}

    /** One to five nodes, one to three volumes with one to five replicas; one world in eight has disks too small. */
    static Shape random(SimRandom random, StoreTarget stores) {
        List<Integer> disks = new ArrayList<>();
        for (int left = 1 + random.below(MOST_NODES); left > 0; left--) {
            disks.add(random.below(4) == 0 ? 2 : 1);
        }
        boolean tight = random.below(8) == 0;
        List<OfVolume> volumes = new ArrayList<>();
        for (int left = 1 + random.below(MOST_VOLUMES); left > 0; left--) {
            int replicas = 1 + random.below(disks.size());
            int minInSync = random.below(4) == 0 ? 1 + random.below(replicas) : 0;
            int blocks = tight ? stores.smallestBlocks() * (50 + random.below(70)) / 100 : 256 + random.below(512);
            volumes.add(new OfVolume(blocks, replicas, minInSync));
        }
        boolean hasty = random.below(4) == 0;
        return new Shape(disks, tight ? stores.smallestBlocks() : ROOMY_BLOCKS, tight, hasty, volumes);
    }

    /**
     * From words: {@code nodes=3}: so many with one disk each, and one volume on all of them, {@code wide}: over many
     * extents, {@code hasty}: as above. Null without {@code nodes}: the seed draws it.
     */
    static @Nullable Shape parse(Collection<String> words) {
        for (String word : words) {
            if (word.startsWith(NODES)) {
                int nodes = number(word);
                return of(nodes, new OfVolume(words.contains("wide") ? 3_000 : 600, nodes, 0), words.contains("hasty"));
            }
        }
        return null;
    }

    private static int number(String word) {
        String text = word.substring(NODES.length());
        if (text.length() == 1 && text.charAt(0) >= '1' && text.charAt(0) <= '0' + MOST_NODES) {
            return text.charAt(0) - '0';
        }
        throw new IllegalArgumentException("'" + word + "': a cluster has 1 to " + MOST_NODES + " nodes");
    }

    /** So many nodes with one disk each, and nobody who makes volumes. */
    static Shape bare(int nodes) {
        return bare(nodes, ROOMY_BLOCKS);
    }

    /** The same with disks of that size. */
    static Shape bare(int nodes, int diskBlocks) {
        return new Shape(Collections.nCopies(nodes, 1), diskBlocks, false, false, List.of());
    }

    /** So many nodes with one disk each, and one volume. */
    static Shape of(int nodes, OfVolume volume, boolean hasty) {
        return new Shape(Collections.nCopies(nodes, 1), ROOMY_BLOCKS, false, hasty, List.of(volume));
    }
}
