package storage.cairn.engine.store;

import org.jspecify.annotations.Nullable;

/** Somebody who waits for a page of the {@link PageCache}. */
abstract class PageWaiter {
    @Nullable
    PageWaiter nextWaiter;

    /** Whether the page asked for turned out to be unreadable or not to match its reference. */
    boolean pageLost;

    /** Look the page up again, unless {@link #pageLost}. */
    abstract void pageReady();
}
