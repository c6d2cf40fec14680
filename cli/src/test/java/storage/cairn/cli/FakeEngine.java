package storage.cairn.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import storage.cairn.api.v1alpha1.ControlGrpc;
import storage.cairn.api.v1alpha1.CreateVolumeRequest;
import storage.cairn.api.v1alpha1.DeleteVolumeRequest;
import storage.cairn.api.v1alpha1.DeleteVolumeResponse;
import storage.cairn.api.v1alpha1.Disk;
import storage.cairn.api.v1alpha1.GetStatusRequest;
import storage.cairn.api.v1alpha1.GetVolumeRequest;
import storage.cairn.api.v1alpha1.ListVolumesRequest;
import storage.cairn.api.v1alpha1.ListVolumesResponse;
import storage.cairn.api.v1alpha1.NodeStatus;
import storage.cairn.api.v1alpha1.ReleaseVolumeRequest;
import storage.cairn.api.v1alpha1.ReleaseVolumeResponse;
import storage.cairn.api.v1alpha1.Replica;
import storage.cairn.api.v1alpha1.ResizeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeRequest;
import storage.cairn.api.v1alpha1.ServeVolumeResponse;
import storage.cairn.api.v1alpha1.Volume;

/**
 * An engine without a data path, for tests of the command line: started like a real one, it serves the control socket
 * and keeps the volumes in the configuration folder, one file each.
 */
final class FakeEngine extends ControlGrpc.ControlImplBase {
    private final int node;
    private final Path volumes;
    private final String clusterId;
    private final JsonNode own;

    private FakeEngine(JsonNode engine, JsonNode cluster) {
        this.node = engine.get("node").asInt();
        this.volumes = Path.of(engine.get("configDir").asText());
        this.clusterId = cluster.get("clusterId").asText();
        this.own = cluster.get("nodes").get(node - 1);
    }

    private static void endWithInput() {
        try {
            System.in.transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Runtime.getRuntime().halt(0);
    }

    public static void main(String[] args) throws Exception {
        if (List.of(args).contains("--end-with-input")) {
            Thread.ofPlatform().daemon().start(FakeEngine::endWithInput);
        }
        ObjectMapper mapper = new ObjectMapper();
        JsonNode engine = mapper.readTree(Files.readAllBytes(Path.of(args[1])));
        JsonNode cluster = mapper.readTree(
                Files.readAllBytes(Path.of(engine.get("clusterFile").asText())));
        if (Files.exists(Path.of(engine.get("dataDir").asText(), "broken"))) {
            System.out.println("disk-1 carries an ext4 filesystem: wipe it first");
            System.exit(1);
        }
        FakeEngine fake = new FakeEngine(engine, cluster);
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        Server server = NettyServerBuilder.forAddress(
                        UnixDomainSocketAddress.of(fake.own.get("controlSocket").asText()))
                .channelType(NioServerDomainSocketChannel.class)
                .bossEventLoopGroup(loop)
                .workerEventLoopGroup(loop)
                .addService(fake)
                .build()
                .start();
        System.out.println("ready");
        server.awaitTermination();
    }

    @Override
    public void getStatus(GetStatusRequest request, StreamObserver<NodeStatus> answer) {
        reply(
                answer,
                () -> NodeStatus.newBuilder()
                        .setClusterId(clusterId)
                        .setNode(node)
                        .setVersion("fake")
                        .setUptimeMillis(61_000)
                        .setIoMode("pool")
                        .setIoModeReason("io_uring is not permitted here")
                        .addDisks(Disk.newBuilder()
                                .setId("d" + node)
                                .setNode(node)
                                .setPath("/disk-" + node)
                                .setCapacityBytes(1L << 30)
                                .setUsedBytes(3 << 20)
                                .setState("Ready")
                                .setDurability("write-back")
                                .setKind("file")
                                .setDirect(true))
                        .addAllVolumes(all())
                        .build());
    }

    @Override
    public void createVolume(CreateVolumeRequest request, StreamObserver<Volume> answer) {
        reply(answer, () -> {
            if (Files.exists(file(request.getName()))) {
                throw refused(Status.ALREADY_EXISTS, "Volume " + request.getName() + " exists with another size");
            }
            if (request.getSizeBytes() % 4096 != 0) {
                throw refused(Status.INVALID_ARGUMENT, "The size must be a multiple of 4096");
            }
            Volume.Builder volume = Volume.newBuilder()
                    .setId(UUID.randomUUID().toString())
                    .setName(request.getName())
                    .setSizeBytes(request.getSizeBytes())
                    .setPhase("Ready")
                    .setEpoch(1)
                    .setMinInSync(2);
            for (int i = 1; i <= 3; i++) {
                volume.addReplicas(
                        Replica.newBuilder().setDisk("d" + i).setNode(i).setState("InSync"));
            }
            return save(volume.build());
        });
    }

    @Override
    public void getVolume(GetVolumeRequest request, StreamObserver<Volume> answer) {
        reply(answer, () -> load(request.getName()));
    }

    @Override
    public void listVolumes(ListVolumesRequest request, StreamObserver<ListVolumesResponse> answer) {
        reply(
                answer,
                () -> ListVolumesResponse.newBuilder().addAllVolumes(all()).build());
    }

    @Override
    public void serveVolume(ServeVolumeRequest request, StreamObserver<ServeVolumeResponse> answer) {
        reply(answer, () -> {
            Volume old = load(request.getName());
            Volume served = save(old.toBuilder()
                    .setOwnerNode(node)
                    .setEpoch(old.getEpoch() + 1)
                    .setAttachId("a" + (old.getEpoch() + 1))
                    .build());
            return ServeVolumeResponse.newBuilder()
                    .setAttachId(served.getAttachId())
                    .setExportName(served.getName() + "/" + served.getAttachId())
                    .setOwnerNode(node)
                    .build();
        });
    }

    @Override
    public void releaseVolume(ReleaseVolumeRequest request, StreamObserver<ReleaseVolumeResponse> answer) {
        reply(answer, () -> {
            save(load(request.getName()).toBuilder()
                    .setOwnerNode(0)
                    .setAttachId("")
                    .build());
            return ReleaseVolumeResponse.getDefaultInstance();
        });
    }

    @Override
    public void resizeVolume(ResizeVolumeRequest request, StreamObserver<Volume> answer) {
        reply(
                answer,
                () -> save(load(request.getName()).toBuilder()
                        .setSizeBytes(request.getSizeBytes())
                        .build()));
    }

    @Override
    public void deleteVolume(DeleteVolumeRequest request, StreamObserver<DeleteVolumeResponse> answer) {
        reply(answer, () -> {
            if (load(request.getName()).getOwnerNode() != 0 && !request.getForce()) {
                throw refused(Status.FAILED_PRECONDITION, "Volume " + request.getName() + " is served: release it");
            }
            Files.delete(file(request.getName()));
            return DeleteVolumeResponse.getDefaultInstance();
        });
    }

    private interface Work<T> {
        T get() throws IOException;
    }

    private static <T> void reply(StreamObserver<T> answer, Work<T> work) {
        try {
            answer.onNext(work.get());
            answer.onCompleted();
        } catch (IOException e) {
            answer.onError(Status.INTERNAL.withDescription(e.toString()).asRuntimeException());
        } catch (StatusRuntimeException e) {
            answer.onError(e);
        }
    }

    private static StatusRuntimeException refused(Status status, String reason) {
        return status.withDescription(reason).asRuntimeException();
    }

    private Path file(String name) {
        return volumes.resolve(name + ".volume");
    }

    private Volume load(String name) throws IOException {
        if (!Files.exists(file(name))) {
            throw refused(Status.NOT_FOUND, "There is no volume " + name);
        }
        return Volume.parseFrom(Files.readAllBytes(file(name)));
    }

    private Volume save(Volume volume) throws IOException {
        Files.write(file(volume.getName()), volume.toByteArray());
        return volume;
    }

    private List<Volume> all() {
        try (Stream<Path> files = Files.list(volumes)) {
            return files.map(FakeEngine::parse).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Volume parse(Path file) {
        try {
            return Volume.parseFrom(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
