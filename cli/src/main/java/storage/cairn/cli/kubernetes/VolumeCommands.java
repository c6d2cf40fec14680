package storage.cairn.cli.kubernetes;

import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Quantity;
import io.fabric8.kubernetes.client.KubernetesClient;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import storage.cairn.api.resource.StoragePool;
import storage.cairn.api.resource.StoragePoolSpec;
import storage.cairn.api.resource.Volume;
import storage.cairn.api.resource.VolumeMembership;
import storage.cairn.api.resource.VolumeSpec;
import storage.cairn.cli.base.ExitCode;
import storage.cairn.cli.base.Failure;
import storage.cairn.cli.base.Sizes;

/** {@code kubectl cairn volume ...}. */
@Command(
        name = "volume",
        description = "Makes, shows, deletes and restores volumes.",
        synopsisSubcommandLabel = "COMMAND")
final class VolumeCommands {
    private static final int USUAL_REPLICAS = 3;

    private final KubernetesCairn cairn;

    VolumeCommands(KubernetesCairn cairn) {
        this.cairn = cairn;
    }

    @Command(name = "create", description = "Makes a volume. A name that is in use is refused.", sortOptions = false)
    int create(
            @Parameters(paramLabel = "NAME", description = "1 to 63 of a-z, 0-9 and '-'.") String name,
            @Option(names = "--size", required = true, paramLabel = "SIZE", description = "Such as 10Gi or 10GiB.")
                    String size,
            @Option(names = "--pool", paramLabel = "POOL", description = "Default: the only pool there is.") @Nullable
                    String pool,
            @Option(names = "--replicas", paramLabel = "N", description = "1 to 5. Default: as the pool says.")
                    @Nullable
                    Integer replicas,
            @Option(
                            names = "--min-in-sync",
                            paramLabel = "N",
                            description = "Writes wait while fewer replicas are in sync. Default: half, rounded up.")
                    @Nullable
                    Integer minInSync) {
        long bytes = bytes(size);
        return cairn.with(client -> {
            StoragePool chosen = pool(client, pool);
            StoragePoolSpec usual = chosen.getSpec();
            int copies = replicas != null ? replicas : usual.replicas() != null ? usual.replicas() : USUAL_REPLICAS;
            Volume present = client.resources(Volume.class).withName(name).get();
            if (present != null) {
                throw new Failure(
                        ExitCode.REFUSED,
                        "there is a volume '" + name + "' already, of "
                                + present.getSpec().size() + " with "
                                + present.getSpec().replicas() + " replicas; choose another name");
            }
            Volume volume = new Volume();
            volume.setMetadata(new ObjectMetaBuilder().withName(name).build());
            volume.setSpec(new VolumeSpec(
                    UUID.randomUUID().toString(),
                    new Quantity(Sizes.exact(bytes)),
                    Tables.name(chosen),
                    copies,
                    minInSync,
                    null,
                    null,
                    null,
                    null,
                    null,
                    null));
            show(client, client.resource(volume).create());
            return ExitCode.OK.number();
        });
    }

    private static long bytes(String size) {
        try {
            return Sizes.parse(size);
        } catch (IllegalArgumentException e) {
            throw new Failure(ExitCode.USAGE, String.valueOf(e.getMessage()), e);
        }
    }

    private static StoragePool pool(KubernetesClient client, @Nullable String name) {
        List<StoragePool> pools = client.resources(StoragePool.class).list().getItems();
        if (name == null && pools.size() == 1) {
            return pools.getFirst();
        }
        for (StoragePool pool : pools) {
            if (Tables.name(pool).equals(name)) {
                return pool;
            }
        }
        String there = "; there are " + pools.stream().map(Tables::name).toList();
        throw new Failure(
                name == null ? ExitCode.USAGE : ExitCode.NOT_FOUND,
                name == null ? "name a pool with --pool" + there : "there is no StoragePool '" + name + "'" + there);
    }

    @Command(name = "grow", description = "Makes a volume larger while it is used; it never shrinks.")
    int grow(
            @Parameters(paramLabel = "NAME", description = "Name of the volume.") String name,
            @Option(names = "--size", required = true, paramLabel = "SIZE", description = "Such as 20Gi.")
                    String size) {
        long bytes = bytes(size);
        return cairn.with(client -> {
            find(client, name);
            Edit.of(client.resources(Volume.class).withName(name), each -> {
                each.setSpec(each.getSpec().withSize(new Quantity(Sizes.exact(bytes))));
                return each;
            });
            cairn.err().println("Asked for. 'cairn volume inspect " + name + "' tells what size it has.");
            return ExitCode.OK.number();
        });
    }

    @Command(name = "list", description = "Lists all volumes.")
    int list() {
        return cairn.with(client -> {
            List<Volume> volumes = client.resources(Volume.class).list().getItems();
            cairn.print(Map.of("volumes", volumes), () -> Tables.volumes(cairn.out(), volumes));
            return ExitCode.OK.number();
        });
    }

    @Command(name = "inspect", description = "Shows everything about one volume.")
    int inspect(@Parameters(paramLabel = "NAME", description = "Name of the volume.") String name) {
        return cairn.with(client -> {
            show(client, find(client, name));
            return ExitCode.OK.number();
        });
    }

    private static Volume find(KubernetesClient client, String name) {
        Volume volume = client.resources(Volume.class).withName(name).get();
        if (volume == null) {
            throw new Failure(ExitCode.NOT_FOUND, "there is no volume '" + name + "'");
        }
        return volume;
    }

    private void show(KubernetesClient client, Volume volume) {
        VolumeMembership membership = client.resources(VolumeMembership.class)
                .withName(volume.getSpec().id())
                .get();
        Map<String, Object> all = new HashMap<>();
        all.put("volume", volume);
        if (membership != null) {
            all.put("membership", membership);
        }
        cairn.print(all, () -> {
            Tables.volumes(cairn.out(), List.of(volume));
            if (membership != null) {
                cairn.out()
                        .println("Id " + volume.getSpec().id() + ", term "
                                + membership.getSpec().storeTerm() + ", epoch "
                                + membership.getSpec().epoch() + ", minInSync "
                                + membership.getSpec().minInSync());
            }
        });
    }

    @Command(
            name = "delete",
            description = {
                "Asks for a volume's data to be erased, which happens after a time; until then undelete keeps it.",
                "Deleting the resource alone (kubectl delete) erases nothing."
            })
    int delete(@Parameters(paramLabel = "NAME", description = "Name of the volume.") String name) {
        return cairn.with(client -> {
            request(client, find(client, name), true);
            cairn.err()
                    .println("Volume " + name + " will be erased; 'cairn volume inspect " + name
                            + "' tells when, 'cairn volume undelete " + name + "' keeps it.");
            return ExitCode.OK.number();
        });
    }

    @Command(name = "undelete", description = "Keeps a volume that was to be erased.")
    int undelete(@Parameters(paramLabel = "NAME", description = "Name of the volume.") String name) {
        return cairn.with(client -> {
            Volume volume = find(client, name);
            if (volume.getSpec().deleteRequest() == null) {
                throw new Failure(ExitCode.REFUSED, "nobody asked for volume '" + name + "' to be erased");
            }
            request(client, volume, false);
            cairn.err().println("Volume " + name + " is kept.");
            return ExitCode.OK.number();
        });
    }

    private static void request(KubernetesClient client, Volume volume, boolean erase) {
        Edit.of(client.resources(Volume.class).withName(Tables.name(volume)), each -> {
            each.setSpec(each.getSpec().withDeleteRequest(erase ? each.getSpec().id() : null));
            return each;
        });
    }
}
