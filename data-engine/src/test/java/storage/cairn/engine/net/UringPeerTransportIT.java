package storage.cairn.engine.net;

import storage.cairn.engine.io.EngineLoop;

final class UringPeerTransportIT extends PeerTransportContract {
    UringPeerTransportIT() {
        super(EngineLoop.Setting.IO_URING);
    }
}
