package storage.cairn.engine.io;

final class PooledDeviceIT extends BlockDeviceContract {
    PooledDeviceIT() {
        super(EngineLoop.Setting.POOL);
    }
}
