package storage.cairn.engine.io;

final class UringDeviceIT extends BlockDeviceContract {
    UringDeviceIT() {
        super(EngineLoop.Setting.IO_URING);
    }
}
