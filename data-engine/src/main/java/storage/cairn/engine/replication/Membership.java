package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.ConfigStore.Read;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.ConfigStore.Written;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.VolumeId;

/**
 * Changes the configuration of one owned volume, one compare-and-set at a time, until each is settled.
 *
 * <p>A change whose outcome is unknown is repeated exactly as it was: whichever attempt is applied, the result is the
 * same. It is settled by an attempt that succeeds, by reading its changeId, or by reading a value that forbids it for
 * ever. Until then both the old and the new configuration may be current.
 */
final class Membership {
    private final NodeContext context;
    private final VolumeId volume;
    private final Fenced fenced;
    private Versioned current;
    private @Nullable Configuration proposed;
    private @Nullable Settled settled;
    private boolean uncertain;
    private boolean reading;
    private boolean stopped;
    private String trouble = "";

    /** How a change ended. */
    interface Settled {
        /** The change is the current configuration now. */
        void applied(Configuration configuration);

        /** It was certainly not applied, and never will be. */
        void refused(String reason);
    }

    /** Told when somebody else's change is current: this owner is of the past. */
    interface Fenced {
        /**
         * @param newer what is current, null when the store does not know the volume or knows only an older state
         */
        void fenced(@Nullable Configuration newer, String reason);
    }

    Membership(NodeContext context, Versioned current, Fenced fenced) {
        this.context = context;
        this.volume = current.value().volume();
        this.current = current;
        this.fenced = fenced;
    }

    /** The last configuration that was certainly accepted. */
    Configuration current() {
        return current.value();
    }

    /** All configurations that may be current. */
    List<Configuration> possible() {
        List<Configuration> all = new ArrayList<>(2);
        all.add(current.value());
        Configuration next = proposed;
        if (next != null) {
            all.add(next);
        }
        return all;
    }

    @Nullable
    Configuration proposed() {
        return proposed;
    }

    boolean busy() {
        return proposed != null;
    }

    /** Whether the store is to be read: it seems to have what somebody else decided, or to have forgotten something. */
    boolean isSurprising(Configuration heard) {
        return heard.newerThan(current()) || current().provesRollBackOf(heard);
    }

    /** What keeps the change under way from being settled, in words; empty when nothing is known. */
    String trouble() {
        return trouble;
    }

    /** Begins nothing and tells nothing any more. */
    void stop() {
        stopped = true;
    }

    /** Proposes what follows {@link #current}: its epoch is the next one. */
    void propose(Configuration next, Settled whenSettled) {
        if (proposed != null || next.epoch() != current().epoch() + 1) {
            throw new IllegalStateException("volume " + next.name() + ": a change to epoch " + next.epoch()
                    + " on top of epoch " + current().epoch() + (proposed == null ? "" : " and of another change"));
        }
        proposed = next;
        settled = whenSettled;
        uncertain = false;
        attempt();
    }

    private void attempt() {
        Configuration next = proposed;
        if (stopped || next == null) {
            return;
        }
        context.configStore.compareAndSet(volume, current.version(), next, outcome -> {
            if (!stopped && next.equals(proposed)) {
                written(outcome);
            }
        });
    }

    private void written(Written outcome) {
        switch (outcome) {
            case Written.Applied applied -> settle(applied.version());
            case Written.Conflict ignored -> read();
            case Written.Unknown unknown -> {
                uncertain = true;
                trouble = "the configuration store did not say whether it applied a change: " + unknown.reason();
                later(this::read);
            }
            case Written.Refused refused -> {
                trouble = "the configuration store refused a change: " + refused.reason();
                if (uncertain) {
                    later(this::attempt);
                } else {
                    giveUp(refused.reason());
                }
            }
        }
    }

    private void later(Runnable task) {
        context.afterMillis(context.settings.failures().storeRetryMillis(), () -> {
            if (!stopped) {
                task.run();
            }
        });
    }

    /** Reads the store, to settle the change under way or just to learn whether this owner is still current. */
    void read() {
        if (reading || stopped) {
            return;
        }
        reading = true;
        Configuration asked = current();
        context.configStore.get(volume, outcome -> {
            reading = false;
            if (stopped) {
                return;
            }
            if (asked.equals(current())) {
                known(outcome);
            } else {
                // It may have been read before the change that was settled meanwhile.
                read();
            }
        });
    }

    private void known(Read outcome) {
        switch (outcome) {
            case Read.Found found -> found(found.current());
            case Read.Absent ignored ->
                fence(
                        null,
                        "StoreRolledBack: the configuration store no longer knows volume "
                                + current().name() + "; restore the store, or recover the volume from its disks");
            case Read.Unavailable unavailable -> {
                trouble = "the configuration store does not answer: " + unavailable.reason();
                if (proposed != null) {
                    later(this::read);
                }
            }
        }
    }

    private void found(Versioned read) {
        Configuration value = read.value();
        Configuration next = proposed;
        if (next != null && value.changeId().equals(next.changeId())) {
            settle(read.version());
        } else if (value.changeId().equals(current().changeId())) {
            // Perhaps another version of the same content: an attempt on the version before can never apply again.
            current = new Versioned(read.version(), current());
            if (next != null) {
                later(this::attempt);
            }
        } else if (value.newerThan(current())) {
            fence(value, "epoch " + value.epoch() + " was decided by another engine");
        } else {
            fence(
                    null,
                    "StoreRolledBack: the configuration store has epoch " + value.epoch() + " of volume "
                            + value.name() + ", this engine had epoch "
                            + current().epoch()
                            + " accepted; restore the store to its newest state");
        }
    }

    private void settle(long version) {
        Configuration next = proposed;
        Settled told = settled;
        if (next == null || told == null) {
            throw new IllegalStateException("nothing to settle");
        }
        current = new Versioned(version, next);
        proposed = null;
        settled = null;
        trouble = "";
        told.applied(next);
    }

    private void giveUp(String reason) {
        Settled told = settled;
        proposed = null;
        settled = null;
        if (told != null) {
            told.refused(reason);
        }
    }

    private void fence(@Nullable Configuration newer, String reason) {
        stopped = true;
        boolean rolledBack = newer == null;
        context.log.event(
                rolledBack ? Log.Level.ERROR : Log.Level.INFO,
                current().name(),
                current().epoch(),
                rolledBack ? "StoreRolledBack" : "Fenced",
                reason);
        fenced.fenced(newer, reason);
    }
}
