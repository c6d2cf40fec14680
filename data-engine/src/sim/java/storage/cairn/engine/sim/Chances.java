package storage.cairn.engine.sim;

import java.util.Collection;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** Which faults may strike in a world: some always that often, others if the seed draws them and as often as it says. */
final class Chances {
    private static final int MILLION = 1_000_000;

    private final EnumSet<Fault> drawn = EnumSet.noneOf(Fault.class);
    private final Map<Fault, Integer> perMillion = new EnumMap<>(Fault.class);

    private Chances() {}

    /** Each of these by chance. */
    static Chances of(Collection<Fault> faults) {
        Chances chances = new Chances();
        chances.drawn.addAll(faults);
        return chances;
    }

    /**
     * From a list by comma: {@code kill=2000} strikes so often in a million chances in every world, {@code kill} is drawn
     * by some. Empty: every lawful one is drawn.
     */
    static Chances parse(String list) {
        if (list.isBlank()) {
            return of(Faults.lawful());
        }
        Chances chances = new Chances();
        for (String each : list.split(",", -1)) {
            String[] parts = each.trim().split("=", 2);
            Fault fault = Fault.of(parts[0]);
            if (chances.drawn.contains(fault) || chances.perMillion.containsKey(fault)) {
                throw new IllegalArgumentException("'" + fault.label() + "' is given twice");
            }
            if (parts.length == 1) {
                chances.drawn.add(fault);
            } else {
                chances.perMillion.put(fault, number(each, parts[1]));
            }
        }
        return chances;
    }

    private static int number(String whole, String text) {
        try {
            int value = Integer.parseInt(text);
            if (value >= 0 && value <= MILLION) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Told below, together with what is out of range.
        }
        throw new IllegalArgumentException(
                "'" + whole + "': after '=' comes how often in a million chances, from 0 to " + MILLION);
    }

    /** What the world of one seed has. */
    Faults draw(SimRandom random) {
        Faults faults = Faults.swarm(random, drawn);
        perMillion.forEach(faults::set);
        return faults;
    }

    Set<Fault> drawn() {
        return drawn;
    }
}
