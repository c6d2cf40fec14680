package storage.cairn.engine.sim;

import java.util.Collection;
import java.util.EnumSet;
import java.util.Set;

/** How often each fault strikes in one world, and how often it did. */
public final class Faults {
    private static final Fault[] ALL = Fault.values();

    private final int[] perMillion = new int[ALL.length];
    private final long[] struck = new long[ALL.length];

    private Defect defect = Defect.NONE;

    /** Builds some part of the world wrong. */
    Faults defect(Defect built) {
        defect = built;
        return this;
    }

    /** Whether the world has that defect. */
    boolean has(Defect asked) {
        return defect == asked;
    }

    /** Lets a fault strike no more often than that in a million chances. */
    void limit(Fault fault, int mostPerMillion) {
        perMillion[fault.ordinal()] = Math.min(perMillion[fault.ordinal()], mostPerMillion);
    }

    /** As often as here, and none struck yet. */
    Faults copy() {
        Faults copy = new Faults();
        System.arraycopy(perMillion, 0, copy.perMillion, 0, perMillion.length);
        return copy;
    }

    /** A world in which nothing goes wrong. */
    public static Faults none() {
        return new Faults();
    }

    /** A random subset of {@code allowed}, each with a random intensity: calm and violent worlds both occur. */
    public static Faults swarm(SimRandom random, Collection<Fault> allowed) {
        Faults faults = new Faults();
        int violence = random.below(4);
        for (Fault fault : ALL) {
            boolean on = random.below(4) < violence;
            int intensity = 1 << random.below(15);
            if (on && allowed.contains(fault)) {
                faults.perMillion[fault.ordinal()] = intensity;
            }
        }
        return faults;
    }

    /** Every fault that may befall a world. */
    public static Set<Fault> lawful() {
        return EnumSet.allOf(Fault.class);
    }

    /** Sets how often {@code fault} strikes in a million chances. */
    public Faults set(Fault fault, int perMillionChances) {
        perMillion[fault.ordinal()] = perMillionChances;
        return this;
    }

    public boolean on(Fault fault) {
        return perMillion[fault.ordinal()] > 0;
    }

    /** Ends all faults, for good. */
    public void heal() {
        java.util.Arrays.fill(perMillion, 0);
    }

    /** Whether {@code fault} strikes now; counts it if so. */
    boolean strikes(Fault fault, SimRandom random) {
        if (random.chance(perMillion[fault.ordinal()])) {
            struck[fault.ordinal()]++;
            return true;
        }
        return false;
    }

    /** Whether {@code fault} strikes now; whoever asks counts it. */
    boolean chance(Fault fault, SimRandom random) {
        return random.chance(perMillion[fault.ordinal()]);
    }

    /** Counts a fault that was brought about by plan and not by chance. */
    void count(Fault fault) {
        struck[fault.ordinal()]++;
    }

    /** How often each fault struck, by its ordinal. */
    long[] struck() {
        return struck.clone();
    }

    /** How often the disks misbehaved. */
    long struckOfDisk() {
        long sum = 0;
        for (Fault fault : ALL) {
            if (fault.room() == Fault.Room.MEDIA
                    || fault == Fault.DISK_READ_ERROR
                    || fault == Fault.DISK_WRITE_ERROR
                    || fault == Fault.DISK_FLUSH_ERROR) {
                sum += struck[fault.ordinal()];
            }
        }
        return sum;
    }

    /** How often a medium did not keep what it was given. */
    long struckOfMedia() {
        return struck(Fault.DISK_LOST_WRITE) + struck(Fault.DISK_MISDIRECTED_WRITE) + struck(Fault.DISK_ROT);
    }

    long struck(Fault fault) {
        return struck[fault.ordinal()];
    }
}
