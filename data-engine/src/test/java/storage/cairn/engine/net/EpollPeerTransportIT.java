package storage.cairn.engine.net;

import storage.cairn.engine.io.EngineLoop;

final class EpollPeerTransportIT extends PeerTransportContract {
    EpollPeerTransportIT() {
        super(EngineLoop.Setting.POOL);
    }
}
