package storage.cairn.engine.node;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import java.nio.ByteBuffer;
import java.util.List;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.DeleteVolumeRequest;
import storage.cairn.api.v1alpha1.GetVolumeRequest;
import storage.cairn.api.v1alpha1.MoveVolumeRequest;
import storage.cairn.api.v1alpha1.ReleaseVolumeRequest;
import storage.cairn.api.v1alpha1.ResizeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.engine.fuzz.FuzzTarget;
import storage.cairn.engine.replication.FuzzNode;
import storage.cairn.engine.replication.VolumeAnswer;
import storage.cairn.engine.sim.SimBuffers;

/**
 * Requests to the control service, one after the other: {@code u8 method, u16 length, message}. Each is answered
 * once, with a volume or with a reason.
 */
public final class ControlFuzz implements FuzzTarget {
    private static final int MOST_REQUESTS = 16;
    private static final int METHODS = 8;
    private static final long ANSWER_MILLIS = 200_000;
    private static final long LONGEST_REASON = 16 << 10;

    private final SimBuffers pool = new SimBuffers(64L << 20);
    private int asked;
    private int answered;

    @Override
    public void run(byte[] input) {
        FuzzNode node = new FuzzNode(0, pool);
        asked = 0;
        answered = 0;
        ByteBuffer in = ByteBuffer.wrap(input);
        for (int left = MOST_REQUESTS; left > 0 && in.remaining() >= 3; left--) {
            int method = in.get() & 0xff;
            byte[] message = new byte[Math.min(in.getShort() & 0xffff, in.remaining())];
            in.get(message);
            try {
                ask(node, method % METHODS, message);
            } catch (InvalidProtocolBufferException refused) {
                // gRPC answers that itself.
                continue;
            }
            node.runMillis(method >= 128 ? 1_000 : 20);
        }
        for (long passed = 0; answered < asked && passed < ANSWER_MILLIS; passed += 1_000) {
            node.runMillis(1_000);
        }
        if (answered != asked) {
            throw new AssertionError(asked + " requests and " + answered + " answers");
        }
    }

    private void ask(FuzzNode node, int method, byte[] message) throws InvalidProtocolBufferException {
        VolumeAnswer.Receiver receiver = new Once();
        switch (method) {
            case 0 -> {
                CreateVolumeRequest request = CreateVolumeRequest.parseFrom(message);
                asked++;
                node.node.createVolume(
                        request.getName(),
                        request.getSizeBytes(),
                        request.getReplicas(),
                        request.getMinInSync(),
                        receiver);
            }
            case 1 -> {
                GetVolumeRequest request = GetVolumeRequest.parseFrom(message);
                asked++;
                node.node.getVolume(request.getName(), receiver);
            }
            case 2 -> {
                asked++;
                node.node.listVolumes(receiver);
            }
            case 3 -> {
                DeleteVolumeRequest request = DeleteVolumeRequest.parseFrom(message);
                asked++;
                node.node.deleteVolume(request.getName(), request.getForce(), receiver);
            }
            case 4 -> {
                ResizeVolumeRequest request = ResizeVolumeRequest.parseFrom(message);
                asked++;
                node.node.resizeVolume(request.getName(), request.getSizeBytes(), receiver);
            }
            case 5 -> {
                ServeVolumeRequest request = ServeVolumeRequest.parseFrom(message);
                asked++;
                node.node.serve(request.getName(), receiver);
            }
            case 6 -> {
                ReleaseVolumeRequest request = ReleaseVolumeRequest.parseFrom(message);
                asked++;
                node.node.release(request.getName(), receiver);
            }
            case 7 -> {
                MoveVolumeRequest request = MoveVolumeRequest.parseFrom(message);
                asked++;
                node.node.move(request.getName(), request.getNode(), receiver);
            }
            default -> throw new IllegalStateException("method " + method);
        }
    }

    @Override
    public List<byte[]> seeds() {
        MessageLite create = CreateVolumeRequest.newBuilder()
                .setName("data")
                .setSizeBytes(16 << 20)
                .setReplicas(1)
                .setMinInSync(1)
                .build();
        MessageLite serve = ServeVolumeRequest.newBuilder().setName("data").build();
        MessageLite resize = ResizeVolumeRequest.newBuilder()
                .setName("data")
                .setSizeBytes(32 << 20)
                .build();
        MessageLite move =
                MoveVolumeRequest.newBuilder().setName("data").setNode(1).build();
        MessageLite release = ReleaseVolumeRequest.newBuilder().setName("data").build();
        MessageLite delete =
                DeleteVolumeRequest.newBuilder().setName("data").setForce(true).build();
        return List.of(
                request(0, create),
                joined(
                        request(0, create),
                        request(1, GetVolumeRequest.newBuilder().setName("data").build())),
                joined(request(0, create), request(0, create), request(133, serve), request(4, resize)),
                joined(request(0, create), request(133, serve), request(7, move), request(134, release)),
                joined(request(0, create), request(2, serve), request(131, delete), request(128, create)));
    }

    private static byte[] request(int method, MessageLite message) {
        byte[] bytes = message.toByteArray();
        return ByteBuffer.allocate(3 + bytes.length)
                .put((byte) method)
                .putShort((short) bytes.length)
                .put(bytes)
                .array();
    }

    private static byte[] joined(byte[]... parts) {
        ByteBuffer all = ByteBuffer.allocate(1 << 12);
        for (byte[] part : parts) {
            all.put(part);
        }
        return java.util.Arrays.copyOf(all.array(), all.position());
    }

    @Override
    public long allowedBytes(int inputBytes) {
        // A whole engine, and its timers for the time that an answer may take.
        return (64L << 20) + 4_096L * inputBytes;
    }

    private final class Once implements VolumeAnswer.Receiver {
        private boolean heard;

        @Override
        public void answered(VolumeAnswer answer) {
            if (heard) {
                throw new AssertionError("answered twice: " + answer);
            }
            heard = true;
            answered++;
            if (answer instanceof VolumeAnswer.Failed failed
                    && (failed.reason().isBlank() || failed.reason().length() > LONGEST_REASON)) {
                throw new AssertionError("a reason of " + failed.reason().length() + " characters");
            }
        }
    }
}
