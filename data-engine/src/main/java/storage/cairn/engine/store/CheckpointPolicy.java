package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Clock;

/**
 * Decides when a checkpoint is due: by records, ring, space, what waits, what was deleted, time, or because somebody
 * asked.
 */
final class CheckpointPolicy {
    /** Fewer records are not worth a checkpoint for the slots that it sets free. */
    private static final long WORTH_RECLAIMING = 1_024;

    /** Replicas that are deleted one soon after the other give their slots back together. */
    private static final long DELETED_NANOS = 10_000_000_000L;

    private final Disk disk;
    private final StoreSettings settings;
    private final Space space;
    private final Mappings mappings;
    private final Replicas replicas;
    private final Quarantine quarantine;
    private final Mutator mutator;
    private final Runnable wake;
    private Clock.@Nullable Timer timer;
    /** Whether it rings soon. */
    private boolean soon;

    private boolean wanted;
    private boolean stalledAtLast;

    CheckpointPolicy(
            Disk disk,
            StoreSettings settings,
            Space space,
            Mappings mappings,
            Replicas replicas,
            Quarantine quarantine,
            Mutator mutator,
            Runnable wake) {
        this.disk = disk;
        this.settings = settings;
        this.space = space;
        this.mappings = mappings;
        this.replicas = replicas;
        this.quarantine = quarantine;
        this.mutator = mutator;
        this.wake = wake;
    }

    /** One is written soon. */
    void want() {
        wanted = true;
        wake.run();
    }

    /** Somebody was refused space that a checkpoint may free. */
    void shortOfSpace() {
        if (!mappings.active().isEmpty() || space.mayGrow()) {
            want();
        }
    }

    /** Begins a checkpoint if one is due; it is not under way. */
    void consider(Journal journal, Checkpoint checkpoint) {
        boolean stalled = mutator.hasStalled();
        if (stalled
                && stalledAtLast
                && mutator.onlyStalled()
                && mappings.active().isEmpty()
                && quarantine.size() == 0) {
            mutator.refuseStalled();
            wake.run();
        }
        stalledAtLast &= stalled;
        long load = mappings.active().load();
        boolean due = wanted
                || stalled
                || load >= settings.overlayRecords() * 3 / 4
                || journal.ringUsed() > disk.layout.journalBlocks() / 2
                || (load >= WORTH_RECLAIMING && load > Math.max(0, space.available(0)) / 2);
        if (due) {
            stalledAtLast = stalled;
            journal.cut();
            begin(journal, checkpoint, false);
        } else if (replicas.hasDeleted() && !soon) {
            cancelTimer();
            soon = true;
            timer = disk.clock.after(Math.min(DELETED_NANOS, settings.checkpointNanos()), this::timerRang);
        } else if (timer == null && (!mappings.active().isEmpty() || !journal.idle())) {
            timer = disk.clock.after(settings.checkpointNanos(), this::timerRang);
        }
    }

    void begin(Journal journal, Checkpoint checkpoint, boolean clean) {
        wanted = false;
        cancelTimer();
        space.cut();
        long cut = journal.sealedThrough();
        checkpoint.start(cut, journal.sealedCrc(), journal.runId(), clean, () -> journal.release(cut));
        wake.run();
    }

    void cancelTimer() {
        soon = false;
        if (timer != null) {
            timer.cancel();
            timer = null;
        }
    }

    private void timerRang() {
        timer = null;
        soon = false;
        want();
    }
}
