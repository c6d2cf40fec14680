package storage.cairn.csi;

import io.grpc.stub.StreamObserver;
import java.nio.file.Path;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import storage.cairn.csi.registration.InfoRequest;
import storage.cairn.csi.registration.PluginInfo;
import storage.cairn.csi.registration.RegistrationGrpc;
import storage.cairn.csi.registration.RegistrationStatus;
import storage.cairn.csi.registration.RegistrationStatusResponse;

/** Tells kubelet, which found our socket in its folder for plugins, where the driver is. */
final class RegistrationService extends RegistrationGrpc.RegistrationImplBase {
    private static final Logger LOG = LogManager.getLogger(RegistrationService.class);
    private static final String TYPE = "CSIPlugin";
    private static final String VERSION = "1.0.0";

    private final Path endpoint;
    private final Runnable known;

    /**
     * @param endpoint socket of the driver, as kubelet sees it
     * @param known told when kubelet has taken the driver
     */
    RegistrationService(Path endpoint, Runnable known) {
        this.endpoint = endpoint;
        this.known = known;
    }

    @Override
    public void getInfo(InfoRequest request, StreamObserver<PluginInfo> observer) {
        observer.onNext(PluginInfo.newBuilder()
                .setType(TYPE)
                .setName(IdentityService.DRIVER)
                .setEndpoint(endpoint.toString())
                .addSupportedVersions(VERSION)
                .build());
        observer.onCompleted();
    }

    /** After a refusal kubelet asks again by itself, when it sees the socket made anew: the process ends for that. */
    @Override
    public void notifyRegistrationStatus(
            RegistrationStatus request, StreamObserver<RegistrationStatusResponse> observer) {
        if (request.getPluginRegistered()) {
            LOG.info("kubelet knows the driver");
            known.run();
        } else {
            LOG.error("kubelet refused the driver: {}", request.getError());
        }
        observer.onNext(RegistrationStatusResponse.getDefaultInstance());
        observer.onCompleted();
        if (!request.getPluginRegistered()) {
            Runtime.getRuntime().halt(1);
        }
    }
}
