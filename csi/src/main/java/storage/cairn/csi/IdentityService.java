package storage.cairn.csi;

import io.grpc.stub.StreamObserver;
import java.util.function.BooleanSupplier;
import storage.cairn.csi.spec.BoolValue;
import storage.cairn.csi.spec.GetPluginCapabilitiesRequest;
import storage.cairn.csi.spec.GetPluginCapabilitiesResponse;
import storage.cairn.csi.spec.GetPluginInfoRequest;
import storage.cairn.csi.spec.GetPluginInfoResponse;
import storage.cairn.csi.spec.IdentityGrpc;
import storage.cairn.csi.spec.PluginCapability;
import storage.cairn.csi.spec.PluginCapability.Service;
import storage.cairn.csi.spec.PluginCapability.VolumeExpansion;
import storage.cairn.csi.spec.ProbeRequest;
import storage.cairn.csi.spec.ProbeResponse;

/** Says who this is, what it can do in general, and whether it is ready. */
final class IdentityService extends IdentityGrpc.IdentityImplBase {
    static final String DRIVER = "csi.cairn.storage";

    private final String version;
    private final BooleanSupplier ready;
    private final Calls calls;

    IdentityService(String version, BooleanSupplier ready, Calls calls) {
        this.version = version;
        this.ready = ready;
        this.calls = calls;
    }

    @Override
    public void getPluginInfo(GetPluginInfoRequest request, StreamObserver<GetPluginInfoResponse> observer) {
        calls.answer(
                "GetPluginInfo",
                "",
                observer,
                () -> GetPluginInfoResponse.newBuilder()
                        .setName(DRIVER)
                        .setVendorVersion(version)
                        .build());
    }

    @Override
    public void getPluginCapabilities(
            GetPluginCapabilitiesRequest request, StreamObserver<GetPluginCapabilitiesResponse> observer) {
        calls.answer(
                "GetPluginCapabilities",
                "",
                observer,
                () -> GetPluginCapabilitiesResponse.newBuilder()
                        .addCapabilities(service(Service.Type.CONTROLLER_SERVICE))
                        .addCapabilities(service(Service.Type.VOLUME_ACCESSIBILITY_CONSTRAINTS))
                        .addCapabilities(PluginCapability.newBuilder()
                                .setVolumeExpansion(VolumeExpansion.newBuilder().setType(VolumeExpansion.Type.ONLINE)))
                        .build());
    }

    private static PluginCapability service(Service.Type type) {
        return PluginCapability.newBuilder()
                .setService(Service.newBuilder().setType(type))
                .build();
    }

    @Override
    public void probe(ProbeRequest request, StreamObserver<ProbeResponse> observer) {
        calls.answer(
                "Probe",
                "",
                observer,
                () -> ProbeResponse.newBuilder()
                        .setReady(BoolValue.newBuilder().setValue(ready.getAsBoolean()))
                        .build());
    }
}
