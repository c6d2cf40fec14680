package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.ConfigStore.Listed;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.VolumeId;

/**
 * The volumes of the cluster as this node knows them: a hint for people and for finding a volume by its name, kept
 * fresh by the configuration store's watch. Every decision reads the store again.
 */
final class Catalog {
    private final NodeContext context;
    private final Changed changed;
    private final TreeMap<VolumeId, Configuration> known = new TreeMap<>();
    private final Set<VolumeId> reading = new HashSet<>();
    private final Set<VolumeId> readAgain = new HashSet<>();
    private ConfigStore.@Nullable Watch watch;
    private boolean loaded;
    private boolean stopped;

    /** Told of each value read from the store. */
    interface Changed {
        void learned(Configuration value);
    }

    /** What was found under a name. */
    sealed interface Found {
        record Volume(Versioned current) implements Found {}

        record Missing() implements Found {}

        record Unavailable(String reason) implements Found {}
    }

    interface Answer {
        void found(Found outcome);
    }

    Catalog(NodeContext context, Changed changed) {
        this.context = context;
        this.changed = changed;
    }

    void start() {
        watch = context.configStore.watch(this::refresh);
        load();
    }

    void stop() {
        stopped = true;
        ConfigStore.Watch present = watch;
        if (present != null) {
            present.stop();
        }
    }

    /** Whether a volume was read from the store, be it a tombstone. */
    boolean knows(VolumeId volume) {
        return known.containsKey(volume);
    }

    boolean loaded() {
        return loaded;
    }

    private void load() {
        list(outcome -> {
            if (!stopped && outcome instanceof Listed.Unavailable) {
                context.afterMillis(context.settings.failures().storeRetryMillis(), this::load);
            }
        });
    }

    /** Reads everything. */
    void list(ConfigStore.Answer<Listed> answer) {
        context.configStore.list(outcome -> {
            if (stopped) {
                return;
            }
            if (outcome instanceof Listed.All all) {
                for (Versioned each : all.volumes()) {
                    learn(each.value());
                }
                loaded = true;
            }
            answer.accept(outcome);
        });
    }

    private void learn(Configuration value) {
        Configuration before = known.get(value.volume());
        if (before == null || !before.provesRollBackOf(value)) {
            known.put(value.volume(), value);
        }
        changed.learned(value);
    }

    /** The store said that a volume changed. */
    private void refresh(VolumeId volume) {
        if (stopped) {
            return;
        }
        if (!reading.add(volume)) {
            readAgain.add(volume);
            return;
        }
        context.configStore.get(volume, outcome -> {
            reading.remove(volume);
            if (stopped) {
                return;
            }
            switch (outcome) {
                case Read.Found found -> learn(found.current().value());
                case Read.Absent ignored -> known.remove(volume);
                case Read.Unavailable ignored ->
                    context.afterMillis(context.settings.failures().storeRetryMillis(), () -> refresh(volume));
            }
            if (readAgain.remove(volume)) {
                refresh(volume);
            }
        });
    }

    /** The newest configuration of a volume that this node has heard of, null when it has of none. */
    @Nullable
    Configuration newest(VolumeId volume) {
        return known.get(volume);
    }

    /** What a replica has, when the store forgot it: no owner begins here with less. */
    void witnessed(Configuration value) {
        Configuration before = known.get(value.volume());
        if (before == null || !before.newerThan(value)) {
            known.put(value.volume(), value);
        }
    }

    /** A change that this node made itself: known before the watch tells it. */
    void learned(Configuration value) {
        learn(value);
    }

    /** All volumes that are not deleted, as known now, by name. */
    List<Configuration> volumes() {
        TreeMap<String, Configuration> byName = new TreeMap<>();
        for (Configuration each : known.values()) {
            if (!each.deleted()) {
                byName.put(each.name(), each);
            }
        }
        return new ArrayList<>(byName.values());
    }

    private @Nullable VolumeId named(String name) {
        for (Configuration each : known.values()) {
            if (!each.deleted() && each.name().equals(name)) {
                return each.volume();
            }
        }
        return null;
    }

    /** The present value of the volume of that name, read from the store. */
    void find(String name, Answer answer) {
        VolumeId volume = named(name);
        if (volume == null) {
            findInList(name, answer);
            return;
        }
        get(volume, outcome -> {
            if (outcome instanceof Found.Missing) {
                findInList(name, answer);
            } else {
                answer.found(outcome);
            }
        });
    }

    private void findInList(String name, Answer answer) {
        list(outcome -> {
            switch (outcome) {
                case Listed.Unavailable unavailable -> answer.found(new Found.Unavailable(unavailable.reason()));
                case Listed.All all -> {
                    for (Versioned each : all.volumes()) {
                        if (!each.value().deleted() && each.value().name().equals(name)) {
                            answer.found(new Found.Volume(each));
                            return;
                        }
                    }
                    answer.found(new Found.Missing());
                }
            }
        });
    }

    /** The present value of a volume, read from the store; a deleted one is missing. */
    void get(VolumeId volume, Answer answer) {
        context.configStore.get(volume, outcome -> {
            if (stopped) {
                answer.found(new Found.Unavailable("this node shuts down"));
                return;
            }
            switch (outcome) {
                case Read.Found found -> {
                    learn(found.current().value());
                    answer.found(
                            found.current().value().deleted()
                                    ? new Found.Missing()
                                    : new Found.Volume(found.current()));
                }
                case Read.Absent ignored -> answer.found(new Found.Missing());
                case Read.Unavailable unavailable -> answer.found(new Found.Unavailable(unavailable.reason()));
            }
        });
    }
}
