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
import storage.cairn.api.register.NoReplyException;
import storage.cairn.api.register.Reply;

/**
 * Follows the objects of one kind by one watch on the API server. A watch that breaks goes on where it was; where the
 * server no longer knows that place, and at the start, every object is told. One that is silent for longer than the
 * server's bookmarks allow is taken for broken. Idle it costs a bookmark a minute.
 */
final class ObjectWatch implements AutoCloseable {
    private static final long SILENT_MILLIS = 150_000;
    private static final long LEAST_PAUSE_MILLIS = 100;
    private static final long MOST_PAUSE_MILLIS = 10_000;
    private static final int GONE = 410;
    private static final int OK = 200;

    private final ApiClient api;
    private final String path;
    private final Content content;
    private final Follower follower;
    private final Consumer<String> problems;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread thread;
    private Set<String> known = new HashSet<>();
    private long pauseMillis = LEAST_PAUSE_MILLIS;
    private boolean reported;

    /** How much of each object is told. */
    enum Content {
        METADATA,
        WHOLE
    }

    /** Called on the watching thread. */
    interface Follower {
        /** It is there, and perhaps changed. */
        void present(JsonNode object);

        void gone(String name);
    }

    /**
     * @param api of this watch alone
     * @param path of the kind
     */
    ObjectWatch(ApiClient api, String path, Content content, Follower follower, Consumer<String> problems) {
        this.api = api;
        this.path = path;
        this.content = content;
        this.follower = follower;
        this.problems = problems;
        this.thread = Thread.ofPlatform()
                .daemon()
                .name("watch-" + path.substring(path.lastIndexOf('/') + 1))
                .unstarted(this::run);
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
            problems.accept("changes of " + path + " are noticed late until the watch is back: " + what);
        }
    }

    /** Tells every object, also those that went, and answers the place from which a watch tells the rest. */
    private String tellAll() throws NoReplyException {
        List<JsonNode> objects = new ArrayList<>();
        Reply last = Registers.pages(content == Content.METADATA ? api::listMetadata : api::get, path, objects);
        if (!last.ok()) {
            throw new NoReplyException(last.message());
        }
        Set<String> before = known;
        known = new HashSet<>();
        for (JsonNode object : objects) {
            known.add(Memberships.name(object));
            follower.present(object);
        }
        for (String name : before) {
            if (!known.contains(name)) {
                follower.gone(name);
            }
        }
        return last.body().path("metadata").path("resourceVersion").asText();
    }

    /** Tells changes from {@code from} until the watch ends; answers where to go on, null when all has to be told. */
    private @Nullable String follow(String from) throws NoReplyException, InterruptedException {
        String place = from;
        try (EventStream events =
                api.watch(path + "?watch=true&allowWatchBookmarks=true&resourceVersion=" + from, content)) {
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
                follower.present(object);
            }
            case "DELETED" -> {
                known.remove(Memberships.name(object));
                follower.gone(Memberships.name(object));
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
    }
}
