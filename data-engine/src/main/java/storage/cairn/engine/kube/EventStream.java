package storage.cairn.engine.kube;

import com.fasterxml.jackson.databind.JsonNode;
import io.fabric8.kubernetes.client.http.AsyncBody;
import io.fabric8.kubernetes.client.http.HttpResponse;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The events of one watch, cut from its bytes at the ends of lines. One thread reads it; more bytes are asked for only
 * when all events that are here were taken.
 */
final class EventStream implements AsyncBody.Consumer<List<ByteBuffer>>, AutoCloseable {
    private static final int MAX_LINE_BYTES = 1 << 20;

    private final BlockingQueue<Item> items = new LinkedBlockingQueue<>();
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private @Nullable AsyncBody body;
    private int code;
    private boolean asked;

    /** What comes next. */
    sealed interface Item {
        record Event(JsonNode event) implements Item {}

        /** The server, or the network, ended it. */
        record End(String reason) implements Item {}

        /** Bytes came that complete no event. */
        record More() implements Item {}
    }

    void opened(HttpResponse<AsyncBody> response) {
        code = response.code();
        body = response.body();
        var _ = response.body()
                .done()
                .whenComplete((nothing, failure) ->
                        items.add(new Item.End(failure == null ? "the API server ended it" : failure.toString())));
    }

    /** Status of the answer: 200 when events follow. */
    int code() {
        return code;
    }

    @Override
    public void consume(List<ByteBuffer> buffers, AsyncBody from) {
        for (ByteBuffer buffer : buffers) {
            while (buffer.hasRemaining()) {
                byte next = buffer.get();
                if (next == '\n') {
                    items.add(new Item.Event(ApiClient.parse(line.toByteArray())));
                    line.reset();
                } else if (line.size() < MAX_LINE_BYTES) {
                    line.write(next);
                } else {
                    items.add(new Item.End("an event is longer than " + MAX_LINE_BYTES + " bytes"));
                    from.cancel();
                    return;
                }
            }
        }
        items.add(new Item.More());
    }

    /** The next event, or the end, or null when nothing at all came for that long. */
    @Nullable
    Item next(long atMostMillis) throws InterruptedException {
        while (true) {
            Item item = items.poll();
            if (item == null) {
                AsyncBody from = body;
                if (!asked && from != null) {
                    asked = true;
                    from.consume();
                }
                item = items.poll(atMostMillis, TimeUnit.MILLISECONDS);
            }
            if (!(item instanceof Item.More)) {
                return item;
            }
            asked = false;
        }
    }

    @Override
    public void close() {
        AsyncBody from = body;
        if (from != null) {
            from.cancel();
        }
    }
}
