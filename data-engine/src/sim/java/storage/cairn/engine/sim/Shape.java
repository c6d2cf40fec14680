package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Set;
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
    private static final String REPLICAS = "replicas=";
    private static final Set<String> FLAGS = Set.of("hasty", "wide", "small");
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
     * From words: {@code nodes=3}: so many with one disk each, and one volume with a replica on each, or on so many as
     * {@code replicas=2} says; {@code wide}: over many extents, {@code small}: the disks are smaller than what hosts
     * write, {@code hasty}: as above. Others are left alone. Null without {@code nodes}: the seed draws it.
     *
     * @throws IllegalArgumentException which says what is wrong with them
     */
    static @Nullable Shape parse(Collection<String> words, StoreTarget stores) {
        int nodes = number(words, NODES, MOST_NODES, "a cluster has 1 to 5 nodes");
        if (nodes == 0) {
            return null;
        }
        int replicas = number(words, REPLICAS, nodes, "a volume has 1 replica, or as many as there are nodes at most");
        boolean small = words.contains("small");
        boolean wide = words.contains("wide");
        if (small && wide) {
            throw new IllegalArgumentException("'wide' and 'small': a wide volume needs room, leave one of them out");
        }
        int blocks = small ? stores.smallestBlocks() * 6 / 5 : wide ? 3_000 : 600;
        return new Shape(
                Collections.nCopies(nodes, 1),
                small ? stores.smallestBlocks() : ROOMY_BLOCKS,
                small,
                words.contains("hasty"),
                List.of(new OfVolume(blocks, replicas == 0 ? nodes : replicas, 0)));
    }

    /** Whether {@link #parse} knows what a word means. */
    static boolean isWord(String word) {
        return word.startsWith(NODES) || word.startsWith(REPLICAS) || FLAGS.contains(word);
    }

    /** What follows {@code name} in one of the words; 0: none begins so. */
    private static int number(Collection<String> words, String name, int most, String rule) {
        List<String> found =
                words.stream().filter(word -> word.startsWith(name)).toList();
        if (found.isEmpty()) {
            return 0;
        }
        String text = found.getFirst().substring(name.length());
        if (found.size() == 1 && text.length() == 1 && text.charAt(0) >= '1' && text.charAt(0) <= '0' + most) {
            return text.charAt(0) - '0';
        }
        throw new IllegalArgumentException("'" + String.join(",", found) + "': " + rule);
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
