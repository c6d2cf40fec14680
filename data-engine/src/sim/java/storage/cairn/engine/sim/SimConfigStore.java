package storage.cairn.engine.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.VolumeId;

/**
 * The configuration store of a simulated cluster. It decides like a quorum would, and everything around its decisions
 * can go wrong: {@link #open} gives a process its client.
 *
 * <p>It keeps every value that was ever accepted, and refuses to go on when an accepted one breaks a rule that only
 * the order of values shows: one epoch more with each change, never fewer in-sync replicas than minInSync, no owner
 * twice with one incarnation after another owner.
 */
public final class SimConfigStore {
    private static final long TRIP_NANOS = 500_000;
    private static final long LONGEST_DELAY_NANOS = 4_000_000_000L;
    private static final long LONGEST_OUTAGE_NANOS = 30_000_000_000L;
    private static final long TIMEOUT_NANOS = 2_000_000_000L;
    private static final int CHANGES_KEPT = 100_000;

    private final SimClock clock;
    private final SimRandom random;
    private final Faults faults;
    private final Trace trace;
    private final TreeMap<VolumeId, Register> registers = new TreeMap<>();
    private final List<Client> watching = new ArrayList<>();
    /** Of which a reader was told an older value than the newest. */
    private final TreeSet<VolumeId> misread = new TreeSet<>();

    private Consumer<Configuration> accepted = value -> {};
    private Consumer<VolumeId> overtaken = volume -> {};
    private final TreeMap<Integer, Long> cutOffUntil = new TreeMap<>();
    private long outageUntil;
    private long versions;
    private long conflicts;

    public SimConfigStore(SimClock clock, SimRandom random, Faults faults, Trace trace) {
        this.clock = clock;
        this.random = random;
        this.faults = faults;
        this.trace = trace;
    }

    /** Who hears of each change at the moment when it is accepted. */
    void whenAccepted(Consumer<Configuration> listener) {
        accepted = listener;
    }

    /** The store as {@code process} of {@code node} sees it. */
    public ConfigStore open(int node, SimProcess process) {
        // A process that ended long ago would stay in memory with all that it had.
        watching.removeIf(client -> client.process.dead());
        return new Client(node, process);
    }

    /** Who hears of each volume of which the store, after it forgot, took what no replica can contradict. */
    void whenOvertaken(Consumer<VolumeId> listener) {
        overtaken = listener;
    }

    /** The truth, at once: also where the store forgot it. */
    public @Nullable Configuration current(VolumeId volume) {
        Register register = registers.get(volume);
        if (register == null) {
            return null;
        }
        return register.forgotten == null ? register.current.value() : register.forgotten;
    }

    /** Whether the store forgot the volume's newest changes, and that is not mended. */
    boolean isRolledBack(VolumeId volume) {
        Register register = registers.get(volume);
        return register != null && register.forgotten != null;
    }

    /** What a volume had so many changes ago; null: it had not so many. */
    @Nullable
    Configuration before(VolumeId volume, int changes) {
        List<Configuration> history = history(volume);
        return history.size() > changes ? history.get(history.size() - 1 - changes) : null;
    }

    /** Has an older value of a volume for the newest, until it is recovered. */
    void forget(VolumeId volume, Configuration older) {
        Register register = Objects.requireNonNull(registers.get(volume));
        register.forgotten = register.current.value();
        register.rollBack(++versions, older);
        faults.count(Fault.CONFIG_ROLLED_BACK);
        trace.event(clock.nanos(), 0, "config: rolled back", older.epoch(), register.forgotten.epoch(), 0);
        changed(volume);
    }

    /** Takes what was recovered from disks for the newest value. */
    void recover(Configuration value) {
        Register register = Objects.requireNonNull(registers.get(value.volume()));
        register.forgotten = null;
        register.set(++versions, value);
        trace.event(clock.nanos(), 0, "config: recovered", value.epoch(), value.storeTerm(), 0);
        changed(value.volume());
    }

    /** Every value that volume ever had, in order. */
    public List<Configuration> history(VolumeId volume) {
        Register register = registers.get(volume);
        return register == null ? List.of() : List.copyOf(register.history);
    }

    /** Every volume that was ever made. */
    public List<VolumeId> volumes() {
        return List.copyOf(registers.keySet());
    }

    /** Compare-and-sets that did not find what they expected. */
    public long conflicts() {
        return conflicts;
    }

    /** Answers nobody for a while. */
    public void outage(long nanos) {
        outageUntil = Math.max(outageUntil, clock.nanos() + nanos);
        faults.count(Fault.CONFIG_OUTAGE);
        trace.event(clock.nanos(), 0, "config: outage", nanos, 0, 0);
    }

    /** Forgets the newest {@code changes} of a volume, as when it is restored from an older copy. */
    void rollBack(VolumeId volume, int changes) {
        Register register = registers.get(volume);
        if (register == null || register.history.size() <= changes) {
            throw new IllegalArgumentException("volume " + volume + " has no " + changes + " changes to forget");
        }
        Configuration older = register.history.get(register.history.size() - 1 - changes);
        register.rollBack(++versions, older);
        faults.count(Fault.CONFIG_ROLLED_BACK);
        trace.event(clock.nanos(), 0, "config: rolled back", older.epoch(), changes, 0);
        changed(volume);
    }

    /** Has the newest state that it ever accepted again. */
    void restore(VolumeId volume, Configuration newest) {
        Register register = registers.get(volume);
        if (register == null) {
            throw new IllegalArgumentException("there is no volume " + volume);
        }
        register.rollBack(++versions, newest);
        trace.event(clock.nanos(), 0, "config: restored", newest.epoch(), 0, 0);
        changed(volume);
    }

    /** Chance's turn, now and then. */
    void tick() {
        if (faults.chance(Fault.CONFIG_OUTAGE, random)) {
            outage(random.below(LONGEST_OUTAGE_NANOS));
        }
        if (registers.isEmpty()) {
            return;
        }
        List<Register> all = List.copyOf(registers.values());
        Register register = all.get(random.below(all.size()));
        if (faults.strikes(Fault.CONFIG_CONFLICT, random)) {
            register.touch(++versions);
            changed(register.current.value().volume());
        }
    }

    /** From now on it keeps its contract: who reads after each change that it hears of knows the newest value. */
    void heal() {
        outageUntil = 0;
        cutOffUntil.clear();
        misread.forEach(this::changed);
    }

    /** A node does not reach the store for a while, and hears of no change. */
    void cutOff(int node, long nanos) {
        cutOffUntil.merge(node, clock.nanos() + nanos, Math::max);
    }

    /** A node that was cut off reaches the store again. */
    void reaches(int node) {
        cutOffUntil.remove(node);
    }

    private boolean out(int node) {
        return clock.nanos() < Math.max(outageUntil, cutOffUntil.getOrDefault(node, 0L));
    }

    private long trip() {
        long nanos = TRIP_NANOS + random.below(TRIP_NANOS);
        return faults.strikes(Fault.CONFIG_DELAY, random) ? nanos + random.below(LONGEST_DELAY_NANOS) : nanos;
    }

    private ConfigStore.Written apply(int node, VolumeId volume, long expected, Configuration value) {
        Register register = registers.get(volume);
        long found = register == null ? ConfigStore.Versioned.NONE : register.current.version();
        if ((found != expected && !faults.has(Defect.BLIND_SET)) || (register == null && nameTaken(value))) {
            conflicts++;
            trace.event(clock.nanos(), node, "config: conflict", value.epoch(), expected, found);
            return new ConfigStore.Written.Conflict();
        }
        versions++;
        if (register == null) {
            register = new Register(versions, value);
            registers.put(volume, register);
        } else {
            MembershipRules.check(register.current.value(), value);
            if (register.forgotten == null) {
                register.set(versions, value);
                accepted.accept(value);
            } else {
                register.rollBack(versions, value);
                if (register.overtakes(value)) {
                    overtaken.accept(volume);
                }
            }
        }
        trace.event(
                clock.nanos(),
                node,
                "config: applied",
                value.epoch(),
                value.inSync().size(),
                versions);
        if (trace.records()) {
            trace.tell(clock.nanos(), node, value.name(), "configuration: " + describe(value));
        }
        changed(volume);
        return new ConfigStore.Written.Applied(versions);
    }

    static String describe(Configuration value) {
        return value.name() + " epoch " + value.epoch() + " owner "
                + (value.owner() == null ? "none" : "node " + value.owner().node()) + " in sync " + value.inSync()
                + " syncing " + value.syncing() + " out " + value.outOfSync();
    }

    private boolean nameTaken(Configuration value) {
        for (Register other : registers.values()) {
            Configuration taken = other.current.value();
            if (!taken.deleted() && taken.name().equals(value.name())) {
                return true;
            }
        }
        return false;
    }

    private void changed(VolumeId volume) {
        for (Client client : List.copyOf(watching)) {
            client.tell(volume);
        }
    }

    private static final class Register {
        private ConfigStore.Versioned current;
        /** The newest value of all, when the store has an older one. */
        private @Nullable Configuration forgotten;

        private final List<Configuration> history = new ArrayList<>();

        Register(long version, Configuration value) {
            current = new ConfigStore.Versioned(version, value);
            history.add(value);
        }

        void set(long version, Configuration value) {
            current = new ConfigStore.Versioned(version, value);
            history.add(value);
            if (history.size() > CHANGES_KEPT) {
                throw new Violation("liveness", "volume " + value.name() + " changed its membership without end");
            }
        }

        void touch(long version) {
            current = new ConfigStore.Versioned(version, current.value());
        }

        void rollBack(long version, Configuration value) {
            current = new ConfigStore.Versioned(version, value);
        }

        /** Whether no replica that was in sync can tell any more that a value is of another history. */
        boolean overtakes(Configuration value) {
            Configuration newest = Objects.requireNonNull(forgotten);
            return value.deleted()
                    || value.epoch() > newest.epoch()
                    || newest.inSync().stream().noneMatch(value.inSync()::contains);
        }
    }

    private final class Client implements ConfigStore {
        private final int node;
        private final SimProcess process;
        private final List<Changed> watchers = new ArrayList<>();

        Client(int node, SimProcess process) {
            this.node = node;
            this.process = process;
        }

        private <T> void answer(long delayNanos, Answer<T> answer, T outcome) {
            clock.after(delayNanos, () -> process.execute(() -> answer.accept(outcome)));
        }

        @Override
        public void get(VolumeId volume, Answer<Read> answer) {
            clock.after(trip(), () -> {
                if (out(node)) {
                    answer(TIMEOUT_NANOS, answer, new Read.Unavailable("the store does not answer"));
                    return;
                }
                Register register = registers.get(volume);
                answer(trip(), answer, register == null ? new Read.Absent() : found(register));
            });
        }

        private Read found(Register register) {
            int values = register.history.size();
            boolean stale = faults.has(Defect.STALE_READ) && random.below(4) == 0;
            if (values > 1 && (stale || faults.strikes(Fault.CONFIG_STALE_READ, random))) {
                misread.add(register.current.value().volume());
                return new Read.Found(new Versioned(-1, register.history.get(values - 2)));
            }
            return new Read.Found(register.current);
        }

        @Override
        public void compareAndSet(VolumeId volume, long expected, Configuration value, Answer<Written> answer) {
            clock.after(trip(), () -> {
                if (out(node)) {
                    boolean sent = random.nextBoolean();
                    answer(
                            TIMEOUT_NANOS,
                            answer,
                            sent
                                    ? new Written.Unknown("the store does not answer")
                                    : new Written.Refused("no connection to the store"));
                } else if (faults.has(Defect.LATE_ACCEPT) && random.below(8) == 0) {
                    answer(trip(), answer, new Written.Refused("the store does not want it"));
                    clock.after(random.below(TIMEOUT_NANOS), () -> apply(node, volume, expected, value));
                } else if (faults.strikes(Fault.CONFIG_APPLIED_LATE, random)) {
                    answer(TIMEOUT_NANOS, answer, new Written.Unknown("timed out"));
                    if (random.chance(700_000)) {
                        clock.after(random.below(4 * TIMEOUT_NANOS), () -> apply(node, volume, expected, value));
                    }
                } else if (faults.strikes(Fault.CONFIG_REPLY_LOST, random)) {
                    apply(node, volume, expected, value);
                    answer(TIMEOUT_NANOS, answer, new Written.Unknown("the answer was lost"));
                } else {
                    answer(trip(), answer, apply(node, volume, expected, value));
                }
            });
        }

        @Override
        public void list(Answer<Listed> answer) {
            clock.after(trip(), () -> {
                if (out(node)) {
                    answer(TIMEOUT_NANOS, answer, new Listed.Unavailable("the store does not answer"));
                    return;
                }
                List<Versioned> all = new ArrayList<>();
                for (Register register : registers.values()) {
                    all.add(register.current);
                }
                answer(trip(), answer, new Listed.All(List.copyOf(all)));
            });
        }

        @Override
        public Watch watch(Changed changed) {
            watchers.add(changed);
            if (!watching.contains(this)) {
                watching.add(this);
            }
            return () -> watchers.remove(changed);
        }

        void tell(VolumeId volume) {
            if (process.dead()) {
                watching.remove(this);
                return;
            }
            long cut = Math.max(0, cutOffUntil.getOrDefault(node, 0L) - clock.nanos());
            clock.after(
                    cut + trip(),
                    () -> process.execute(() -> List.copyOf(watchers).forEach(watcher -> watcher.changed(volume))));
        }
    }
}
