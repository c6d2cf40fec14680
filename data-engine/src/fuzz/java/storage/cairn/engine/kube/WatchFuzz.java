package storage.cairn.engine.kube;

import static storage.cairn.engine.kube.MembershipFuzz.require;

import io.fabric8.kubernetes.client.http.AsyncBody;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import storage.cairn.engine.fuzz.FuzzTarget;

/** The bytes of a watch on the API server, cut into events. The first byte says in which pieces they arrive. */
public final class WatchFuzz implements FuzzTarget {
    @Override
    public void run(byte[] input) throws InterruptedException {
        if (input.length == 0) {
            return;
        }
        EventStream stream = new EventStream();
        Body body = new Body();
        int piece = 1 << (input[0] & 15);
        int lines = 0;
        for (int at = 1; at < input.length && !body.cancelled; at += piece) {
            int length = Math.min(piece, input.length - at);
            stream.consume(List.of(ByteBuffer.wrap(input, at, length).slice()), body);
            for (int i = at; i < at + length; i++) {
                lines += input[i] == '\n' ? 1 : 0;
            }
        }
        int events = 0;
        for (EventStream.Item item = stream.next(0); item != null; item = stream.next(0)) {
            if (item instanceof EventStream.Item.Event event) {
                events++;
                String name = Memberships.name(event.event().path("object"));
                require(name != null, "an event without a name, not even an empty one");
            }
        }
        require(events == lines, events + " events of " + lines + " lines");
    }

    @Override
    public List<byte[]> seeds() {
        String object = Memberships.object(MembershipFuzz.value()).toString();
        String two = "{\"type\":\"ADDED\",\"object\":" + object + "}\n"
                + "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"12\"}}}\n";
        return List.of(
                ('\4' + two).getBytes(StandardCharsets.UTF_8),
                ('\17' + two).getBytes(StandardCharsets.UTF_8),
                "\17{\"type\":\"ERROR\",\"object\":{\"code\":410}}\n\n".getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // A parser for each line, of which an input may have as many as it has bytes.
        return (512 << 10) + 8192L * inputBytes;
    }

    /** Where bytes come from, as far as the stream uses it. */
    private static final class Body implements AsyncBody {
        boolean cancelled;

        @Override
        public void consume() {}

        @Override
        public CompletableFuture<Void> done() {
            return new CompletableFuture<>();
        }

        @Override
        public void cancel() {
            cancelled = true;
        }
    }
}
