package storage.cairn.engine.node;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Keeps a second engine out of a node's folder for as long as this process lives. */
final class EngineLock implements AutoCloseable {
    private final FileChannel channel;

    private EngineLock(FileChannel channel) {
        this.channel = channel;
    }

    static EngineLock take(Path dataDir) throws IOException, ConfigException {
        Files.createDirectories(dataDir);
        Path file = dataDir.resolve("engine.lock");
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock();
        if (lock == null) {
            channel.close();
            throw new ConfigException("another engine runs in " + dataDir + " (it holds " + file + "): stop it first");
        }
        return new EngineLock(channel);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
