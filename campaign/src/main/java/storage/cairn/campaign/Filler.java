package storage.cairn.campaign;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import storage.cairn.client.nbd.NbdClient;
import storage.cairn.client.nbd.NbdCommand;
import storage.cairn.client.nbd.NbdUri;

/** Another volume that takes all the space of the disks for a while. */
final class Filler {
    static final String NAME = "fill";

    private static final int PIECE_BYTES = 1 << 20;
    private static final int WAIT_SECONDS = 20;
    private static final int ENOSPC = 28;

    private final Cluster cluster;
    private final Events events;
    private final long sizeBytes;
    private final String export;

    Filler(Cluster cluster, Events events, long sizeBytes, String export) {
        this.cluster = cluster;
        this.events = events;
        this.sizeBytes = sizeBytes;
        this.export = export;
    }

    /** Writes until there is no space, stays full for a while, and gives everything back. */
    void fill(long millis, BooleanSupplier enough) {
        List<NbdUri> uris = cluster.nodes().stream()
                .map(node -> NbdUri.parse("nbd://" + node.place().nbdAddress() + "/" + export))
                .toList();
        try (NbdClient client = new NbdClient(uris, new NbdClient.Settings(4, 60_000), new Silent())) {
            ByteBuffer piece = ByteBuffer.allocate(PIECE_BYTES);
            long written = 0;
            for (long at = 0; at < sizeBytes && !enough.getAsBoolean(); at += PIECE_BYTES) {
                piece.putLong(0, at + 1);
                for (int block = 0; block < PIECE_BYTES; block += 4096) {
                    piece.putLong(block, at + block + 1);
                }
                int error = run(client, at, piece);
                if (error != 0) {
                    events.effects().add(Effects.NO_SPACE, error == ENOSPC ? 1 : 0);
                    events.tell("the filling volume was told: error " + error + " after " + written + " MiB");
                    break;
                }
                written++;
            }
            long until = System.nanoTime() + millis * 1_000_000;
            while (System.nanoTime() < until && !enough.getAsBoolean()) {
                LockSupport.parkNanos(100_000_000);
            }
            giveBack(client);
        }
    }

    private void giveBack(NbdClient client) {
        for (long at = 0; at < sizeBytes; at += 64L << 20) {
            CompletableFuture<Integer> done = new CompletableFuture<>();
            int length = (int) Math.min(64L << 20, sizeBytes - at);
            client.submit(
                    new NbdCommand(command -> done.complete(command.error())).range(NbdCommand.Type.TRIM, at, length));
            if (await(done) != 0) {
                events.tell("the filling volume could not give all space back");
                return;
            }
        }
    }

    private static int run(NbdClient client, long at, ByteBuffer piece) {
        CompletableFuture<Integer> done = new CompletableFuture<>();
        client.submit(
                new NbdCommand(command -> done.complete(command.error())).transfer(NbdCommand.Type.WRITE, at, piece));
        return await(done);
    }

    private static int await(CompletableFuture<Integer> done) {
        try {
            return done.get(WAIT_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            return NbdCommand.UNREACHABLE;
        } catch (ExecutionException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return NbdCommand.CLOSED;
        }
    }

    private static final class Silent implements NbdClient.Listener {
        @Override
        public void connected(NbdUri uri) {}

        @Override
        public void disconnected(NbdUri uri, String reason, int resend) {}

        @Override
        public void refused(NbdUri uri, String reason) {}
    }
}
