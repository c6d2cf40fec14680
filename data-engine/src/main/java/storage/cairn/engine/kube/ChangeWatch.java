package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.VolumeId;

/**
 * Hears of changes of memberships by one watch on the API server, names only. A watch that breaks goes on where it
 * was; where the server no longer knows that place, and at the start, every volume counts as changed. One that is
 * silent for longer than the server's bookmarks allow is taken for broken. Idle it costs a bookmark a minute.
 */
final class ChangeWatch implements AutoCloseable {
    private static final long SILENT_MILLIS = 150_000;
    private static final long LEAST_PAUSE_MILLIS = 100;
    private static final long MOST_PAUSE_MILLIS = 10_000;
    private static final int GONE = 410;
    private static final int OK = 200;

    private final ApiClient api;
    private final Consumer<VolumeId> changed;
    private final Consumer<String> problems;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread thread =
            Thread.ofPlatform().daemon().name("config-watch").unstarted(this::run);
    private Set<String> known = new HashSet<>();
    private long pauseMillis = LEAST_PAUSE_MILLIS;
    private boolean reported;

    /**
     * @param api of this watch alone
     * @param changed called on the watching thread
     */
    ChangeWatch(ApiClient api, Consumer<VolumeId> changed, Consumer<String> problems) {
        this.api = api;
        this.changed = changed;
        this.problems = problems;
    }

    void start() {
        thread.start();
    }

    private void run() {
        String place = null;
        try {
            do {
                try {
                    place = follow(place == null ? tellAll() : place);
                } catch (NoReplyException e) {
                    problem(String.valueOf(e.getMessage()));
                }
            } while (!closed.await(pause(), TimeUnit.MILLISECONDS));
        } catch (InterruptedException e) {
            // The store was closed.
            Thread.currentThread().interrupt();
        }
    }

    private long pause() {
        long pause = pauseMillis;
        pauseMillis = Math.min(2 * pauseMillis, MOST_PAUSE_MILLIS);
        return pause;
    }

    /** Once for each time that it is away. */
    private void problem(String what) {
        if (!reported && closed.getCount() > 0) {
            reported = true;
            problems.accept("changes of others are noticed late until the watch is back: " + what);
        }
    }

    /** Tells every volume, also those that went, and answers the place from which a watch tells the rest. */
    private String tellAll() throws NoReplyException {
        List<JsonNode> objects = new ArrayList<>();
        Reply last = Registers.pages(api::listMetadata, objects);
        if (!last.ok()) {
            throw new NoReplyException(last.message());
        }
        Set<String> present = new HashSet<>();
        for (JsonNode object : objects) {
            present.add(Memberships.name(object));
        }
        known.addAll(present);
        known.forEach(this::tell);
        known = present;
        return last.body().path("metadata").path("resourceVersion").asText();
    }

    private void tell(String name) {
        try {
            changed.accept(VolumeId.of(name));
        } catch (IllegalArgumentException notAVolume) {
            problems.accept("unexpected VolumeMembership " + name + " ignored");
        }
    }

    /** Tells changes from {@code from} until the watch ends; answers where to go on, null when all has to be told. */
    private @Nullable String follow(String from) throws NoReplyException, InterruptedException {
        String place = from;
        try (EventStream events =
                api.watch(Memberships.PATH + "?watch=true&allowWatchBookmarks=true&resourceVersion=" + from)) {
            if (events.code() != OK) {
                problem("the API server answered " + events.code());
                return null;
            }
            pauseMillis = LEAST_PAUSE_MILLIS;
            reported = false;
            while (true) {
                EventStream.Item item = events.next(SILENT_MILLIS);
                if (item instanceof EventStream.Item.Event event) {
                    String next = told(event.event());
                    if (next == null) {
                        return null;
                    }
                    place = next;
                } else {
                    if (item == null) {
                        api.renew();
                    }
                    return place;
                }
            }
        }
    }

    /** The place after an event, null when the watch cannot go on from where it is. */
    private @Nullable String told(JsonNode event) {
        JsonNode object = event.path("object");
        switch (event.path("type").asText()) {
            case "ADDED", "MODIFIED" -> {
                known.add(Memberships.name(object));
                tell(Memberships.name(object));
            }
            case "DELETED" -> {
                known.remove(Memberships.name(object));
                tell(Memberships.name(object));
            }
            case "BOOKMARK" -> {
                // Only its place counts.
            }
            default -> {
                if (object.path("code").asInt() != GONE) {
                    problem("the API server sent " + event);
                }
                return null;
            }
        }
        String place = object.path("metadata").path("resourceVersion").asText();
        return place.isEmpty() ? null : place;
    }

    @Override
    public void close() {
        closed.countDown();
        thread.interrupt();
        api.close();
    }
}
