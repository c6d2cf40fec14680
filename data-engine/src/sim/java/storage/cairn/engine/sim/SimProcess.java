package storage.cairn.engine.sim;

import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Clock;

/**
 * One process on the world's clock: what it schedules runs only while it lives and is not paused, and its own clock
 * may drift.
 */
public final class SimProcess implements Clock {
    private static final long MILLION = 1_000_000;

    private final SimClock world;
    private boolean dead;
    private long pausedUntil;
    private long worldBase;
    private long ownBase;
    private long ratePerMillion = MILLION;
    private long wallSkewMillis;

    /**
     * @param startNanos what its clock shows now
     */
    public SimProcess(SimClock world, long startNanos) {
        this.world = world;
        this.worldBase = world.nanos();
        this.ownBase = startNanos;
    }

    @Override
    public long nanos() {
        long passed = world.nanos() - worldBase;
        return ownBase + passed / MILLION * ratePerMillion + passed % MILLION * ratePerMillion / MILLION;
    }

    @Override
    public long wallMillis() {
        return world.wallMillis() + wallSkewMillis;
    }

    @Override
    public Timer after(long delayNanos, Runnable task) {
        if (delayNanos < 0) {
            throw new IllegalArgumentException("a delay of " + delayNanos + " ns");
        }
        Task scheduled = new Task(task);
        if (!dead) {
            scheduled.timer = world.after(inWorldTime(delayNanos), scheduled);
        }
        return scheduled;
    }

    @Override
    public void execute(Runnable task) {
        after(0, task);
    }

    private long inWorldTime(long nanos) {
        if (ratePerMillion == MILLION || nanos == 0) {
            return nanos;
        }
        return nanos / ratePerMillion * MILLION + (nanos % ratePerMillion * MILLION) / ratePerMillion + 1;
    }

    /** Whether it is alive and not paused. */
    public boolean awake() {
        return !dead && world.nanos() >= pausedUntil;
    }

    public boolean dead() {
        return dead;
    }

    /** Nothing of it runs any more. */
    public void kill() {
        dead = true;
        // What it had planned would keep all its memory until it were due.
        world.forget(task -> task instanceof Task planned && planned.isOf(this));
    }

    /** It stands still and so does its clock: what no lease survives. */
    void freeze(long nanos) {
        pause(nanos);
        ownBase = nanos() - nanos;
        worldBase = world.nanos();
    }

    /** It stands still, and its clock goes on; what falls due runs afterwards, in order. */
    public void pause(long nanos) {
        pausedUntil = Math.max(pausedUntil, world.nanos() + nanos);
    }

    /** From now on its clock shows that many nanoseconds for each million that pass. */
    public void drift(long perMillion) {
        ownBase = nanos();
        worldBase = world.nanos();
        ratePerMillion = perMillion;
    }

    /** Sets its wall clock; nothing may depend on it. */
    public void skewWallClock(long millis) {
        wallSkewMillis = millis;
    }

    private final class Task implements Runnable, Timer {
        private final Runnable task;
        private @Nullable Timer timer;
        private boolean cancelled;

        Task(Runnable task) {
            this.task = task;
        }

        boolean isOf(SimProcess process) {
            return process.equals(SimProcess.this);
        }

        @Override
        public void run() {
            if (dead || cancelled) {
                return;
            }
            long now = world.nanos();
            if (now < pausedUntil) {
                timer = world.after(pausedUntil - now, this);
                return;
            }
            task.run();
        }

        @Override
        public void cancel() {
            cancelled = true;
            if (timer != null) {
                timer.cancel();
            }
        }
    }
}
