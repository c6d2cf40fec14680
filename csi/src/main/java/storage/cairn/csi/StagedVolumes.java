package storage.cairn.csi;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What was staged on this node, one file for each volume, so that a new process knows what the last one did. */
final class StagedVolumes {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .build();

    private static final String RECORD = ".json";

    private final Path folder;

    StagedVolumes(Path folder) {
        this.folder = folder;
    }

    /** Of all that is recorded, in order. */
    List<String> ids() {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(RECORD))
                    .map(name -> name.substring(0, name.length() - RECORD.length()))
                    .filter(VolumeNames::isId)
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw CsiException.internal(folder + " cannot be listed: " + e, e);
        }
    }

    Optional<StagedVolume> find(String id) {
        Path file = file(id);
        if (!VolumeNames.isId(id) || !Files.exists(file)) {
            return Optional.empty();
        }
        try {
            return Optional.of(JSON.readValue(Files.readAllBytes(file), StagedVolume.class));
        } catch (JsonProcessingException e) {
            throw CsiException.internal(
                    file + " is damaged: " + e.getOriginalMessage() + ". Unmount the volume, then remove the file", e);
        } catch (IOException e) {
            throw CsiException.internal(file + " cannot be read: " + e, e);
        }
    }

    void put(StagedVolume staged) {
        Path file = file(staged.id());
        try {
            Files.createDirectories(folder);
            Path fresh = file.resolveSibling(file.getFileName() + ".new");
            Files.writeString(fresh, JSON.writeValueAsString(staged) + "\n");
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw CsiException.internal(file + " cannot be written: " + e, e);
        }
    }

    void remove(String id) {
        try {
            Files.deleteIfExists(file(id));
        } catch (IOException e) {
            throw CsiException.internal(file(id) + " cannot be removed: " + e, e);
        }
    }

    private Path file(String id) {
        return folder.resolve(id + RECORD);
    }
}
