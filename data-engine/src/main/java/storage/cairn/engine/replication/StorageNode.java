package storage.cairn.engine.replication;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Clock;
import storage.cairn.engine.port.ConfigStore;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.DiskId;
import storage.cairn.engine.port.Log;
import storage.cairn.engine.port.Network;
import storage.cairn.engine.port.VolumeId;
import storage.cairn.engine.store.ReplicaStore;

/**
 * The heart of an engine: serves this node's replicas to its peers and owns the volumes that hosts use here.
 *
 * <p>Everything happens on one loop: calls come on it, answers are given on it. Nothing happens before
 * {@link #start}. The transport behind {@code network} cuts frames with {@code protocol.Frames#FRAMING}. The
 * generator makes identities and nonces: in production it must be cryptographically strong.
 */
public final class StorageNode implements Exports {
    private static final int MAX_UNPROVED = 256;

    private final NodeContext context;
    private final ReplicaServer replicas;
    private final Peers peers;
    private final Owners owners;
    private final Catalog catalog;
    private final Views views;
    private final Attachments attachments;
    private final VolumeAdmin admin;
    private final Replacements replacements;
    private final ExportOpener opener;
    private final Deletions deletions;
    private final Departures departures;
    private final EmptyReplicas emptyReplicas;
    private final Placements placements;
    private final Growths growths;
    private Forgotten forgotten = (disk, held) -> {};
    private final Scrub scrub;
    private final Refusals refusals;
    private final Set<Incoming> incoming = new LinkedHashSet<>();
    private int unproved;
    private boolean started;
    private boolean shuttingDown;
    private boolean closing;

    public StorageNode(
            NodeIdentity identity,
            NodeSettings settings,
            Clock clock,
            RandomGenerator random,
            Network network,
            ConfigStore configStore,
            NodeBuffers buffers,
            Log log) {
        context = new NodeContext(identity, settings, clock, random, network, configStore, buffers, log);
        replicas = new ReplicaServer(context);
        owners = new Owners(context, new Seen());
        peers = new Peers(context, replicas, new Renewals());
        owners.locations(peers);
        deletions = new Deletions(context, replicas, this::knows);
        emptyReplicas = new EmptyReplicas(context, replicas, deletions::made);
        catalog = new Catalog(context, this::learned);
        departures = new Departures(context, replicas, catalog::newest);
        placements = new Placements(context, peers, owners, catalog);
        owners.placements(placements);
        views = new Views(context, replicas, peers, owners, catalog);
        OwnerProbe probe = new OwnerProbe(context, replicas, peers);
        attachments = new Attachments(context, peers, owners, catalog, views, probe);
        admin = new VolumeAdmin(context, replicas, peers, owners, catalog, views, probe, attachments, deletions::made);
        growths = new Growths(context, owners, catalog, placements, admin);
        replacements = new Replacements(context, peers, owners, catalog, views, probe, placements);
        opener = new ExportOpener(context, owners, catalog, probe);
        scrub = new Scrub(context, owners);
        refusals = new Refusals(context);
        replicas.localOwners((session, exception) -> clock.execute(() ->
                owners.excepted(new VolumeId(exception.volume()), new DiskId(exception.disk()), exception.epoch())));
    }

    private final class Seen implements Owners.Witness {
        @Override
        public @Nullable Configuration against(Configuration read) {
            Configuration heard = catalog.newest(read.volume());
            if (heard != null && heard.provesRollBackOf(read)) {
                return heard;
            }
            ServedDisk ahead = aheadOf(read);
            return ahead == null ? null : ahead.held(read.volume());
        }

        @Override
        public void witnessed(Configuration configuration) {
            catalog.witnessed(configuration);
        }
    }

    private final class Renewals implements Peers.Renewed {
        @Override
        public void excepted(VolumeId volume, DiskId disk, long upToEpoch) {
            owners.excepted(volume, disk, upToEpoch);
        }

        @Override
        public void renewed() {
            owners.leasesRenewed();
        }

        @Override
        public void disksChanged() {
            owners.disksChanged();
        }
    }

    /** Accepts peers, connects to them, learns the volumes from the configuration store, resumes deletions. */
    public void start() {
        if (started) {
            throw new IllegalStateException("started twice");
        }
        started = true;
        context.network.accept(this::accept);
        peers.connect();
        renew();
        catalog.start();
        scrub.start();
    }

    private void renew() {
        if (shuttingDown && owners.all().isEmpty()) {
            return;
        }
        peers.renew();
        context.afterMillis(context.settings.leases().renewMillis(), this::renew);
    }

    private Network.Listener accept(Network.Stream stream) {
        Incoming fresh = new Incoming(
                context,
                replicas,
                admin,
                new Incoming.Streams() {
                    @Override
                    public void proved(Incoming which) {
                        unproved--;
                    }

                    @Override
                    public void refused(Network.Stream which, String reason) {
                        refusals.refused(which.peer(), reason);
                    }

                    @Override
                    public void ended(Incoming which) {
                        if (incoming.remove(which) && !which.isProved()) {
                            unproved--;
                        }
                    }
                },
                stream);
        incoming.add(fresh);
        unproved++;
        if (closing || unproved > MAX_UNPROVED) {
            stream.close(closing ? "this node shuts down" : "too many streams that have proved nothing");
        }
        return fresh;
    }

    /** Takes an open disk into use, before or after {@link #start}. */
    public void addStore(ReplicaStore store) {
        replicas.add(store);
        deletions.check(store.disk());
        departures.check(store.disk());
        for (Configuration volume : catalog.volumes()) {
            emptyReplicas.check(volume);
            placements.learned(volume);
            testifyIfAhead(volume);
        }
        owners.disksChanged();
    }

    /** Stops using a disk: its replicas here count as gone. The caller closes it. */
    public void removeStore(DiskId disk, String reason) {
        replicas.remove(disk, reason);
        owners.disksChanged();
    }

    /** Until the store was read every volume may be in it. */
    private boolean knows(VolumeId volume) {
        return !catalog.loaded() || catalog.knows(volume);
    }

    private void learned(Configuration value) {
        VolumeOwner owner = owners.of(value.volume());
        if (owner != null && owner.membership().isSurprising(value)) {
            owner.membership().read();
        }
        if (value.deleted()) {
            deletions.tombstone(value);
        } else {
            emptyReplicas.check(value);
            placements.learned(value);
        }
        testifyIfAhead(value);
    }

    private void testifyIfAhead(Configuration known) {
        if (aheadOf(known) != null) {
            testify(known.volume());
        }
    }

    /** A disk here that holds a configuration which {@code value} cannot follow from. */
    private @Nullable ServedDisk aheadOf(Configuration value) {
        for (ServedDisk disk : replicas.disks()) {
            Configuration held = disk.held(value.volume());
            if (held != null && held.provesRollBackOf(value)) {
                return disk;
            }
        }
        return null;
    }

    /** Tells of each replica here that is ahead of the store, if it still is by a fresh read. */
    private void testify(VolumeId volume) {
        context.configStore.get(volume, outcome -> {
            if (!(outcome instanceof ConfigStore.Read.Found found)) {
                return;
            }
            for (ServedDisk disk : replicas.disks()) {
                Configuration held = disk.held(volume);
                if (held != null && held.provesRollBackOf(found.current().value())) {
                    forgotten.ahead(disk.id(), held);
                }
            }
        });
    }

    /** Hears of replicas whose configuration the store forgot. */
    public interface Forgotten {
        void ahead(DiskId disk, Configuration held);
    }

    /** Before {@link #start}. */
    public void whenForgotten(Forgotten listener) {
        forgotten = listener;
    }

    /** A node joined the cluster; one that is known already may be told again. */
    public void addNode(int node) {
        peers.join(node);
    }

    /** The disks that somebody wants a volume on, no other; empty: nobody minds any more. */
    public void want(VolumeId volume, List<DiskId> disks) {
        placements.want(volume, disks);
    }

    /** How large somebody wants a volume; 0: nobody minds. It only grows. */
    public void wantSize(VolumeId volume, long sizeBytes) {
        growths.want(volume, sizeBytes);
    }

    /**
     * Refuses new exports, hands every owned volume to a node that can take it (else releases it), waits for what is
     * under way, has its replicas taken out, which serve until then, gives its leases back and closes all streams. The
     * stores stay open: close each with what {@code done} tells.
     */
    public void shutdown(ShutDown done) {
        shuttingDown = true;
        scrub.stop();
        placements.stop();
        growths.stop();
        opener.stop();
        owners.close();
        List<String> problems = new ArrayList<>();
        List<VolumeOwner> owned = new ArrayList<>(owners.all());
        Set<VolumeId> succeeded = new LinkedHashSet<>();
        int[] open = {owned.size() + 1};
        Runnable one = () -> {
            if (--open[0] == 0) {
                catalog.stop();
                replicas.leave(succeeded, () -> close(problems, done));
            }
        };
        for (VolumeOwner owner : owned) {
            attachments.evacuate(owner, problems, expected -> {
                if (expected) {
                    succeeded.add(owner.volume());
                }
                one.run();
            });
        }
        context.clock.execute(one);
    }

    private void close(List<String> problems, ShutDown done) {
        peers.farewell(() -> {
            closing = true;
            peers.close();
            for (Incoming each : List.copyOf(incoming)) {
                each.close("node " + context.identity.node() + " shuts down");
            }
            context.clock.execute(() -> done.done(replicas.grantsOutstanding(), problems));
        });
    }

    /**
     * Makes a volume with its replicas on the disks of distinct nodes with the most free space.
     *
     * @param name 1 to 63 of a-z, 0-9 and '-', beginning and ending with a letter or digit
     * @param sizeBytes a multiple of 4,096, at least 1 MiB
     * @param replicaCount 1 to 5; 0: 3, or the number of nodes if that is less
     * @param minInSync 1 to replicas; 0: half of them, rounded up
     */
    public void createVolume(
            String name, long sizeBytes, int replicaCount, int minInSync, VolumeAnswer.Receiver receiver) {
        admin.create(name, sizeBytes, replicaCount, minInSync, receiver);
    }

    /** Deletes a volume and its data; refused while it is served, unless {@code force}. */
    public void deleteVolume(String name, boolean force, VolumeAnswer.Receiver receiver) {
        admin.delete(name, force, receiver);
    }

    /** Grows a volume. Takes it over for that if nobody serves it; refused when another node serves it. */
    public void resizeVolume(String name, long sizeBytes, VolumeAnswer.Receiver receiver) {
        admin.resize(name, sizeBytes, receiver);
    }

    /**
     * Gives a volume another disk in the place of one that is lost. Takes it over for that if nobody serves it; refused
     * when another node serves it, and while the disk is not lost.
     *
     * @param fresh null: the disk with the most free space on a node that has no other replica of the volume
     */
    public void replaceDisk(String name, DiskId lost, @Nullable DiskId fresh, VolumeAnswer.Receiver receiver) {
        replacements.replace(name, lost, fresh, receiver);
    }

    /** Makes this node the owner, with a new attachId: every older export is refused from then on. */
    public void serve(String name, VolumeAnswer.Receiver receiver) {
        attachments.serve(name, receiver);
    }

    /** The same, but refused while a living owner serves another export than {@code replaces}; null: than none. */
    public void serveIfFree(String name, @Nullable UUID replaces, VolumeAnswer.Receiver receiver) {
        attachments.serveIfFree(name, replaces, receiver);
    }

    /** Records that somebody made a filesystem on the volume, by way of its present export. */
    public void markFormatted(String name, UUID attachId, VolumeAnswer.Receiver receiver) {
        attachments.markFormatted(name, attachId, receiver);
    }

    /** Ends the export and gives up the ownership, wherever it is. */
    public void release(String name, VolumeAnswer.Receiver receiver) {
        attachments.release(name, null, receiver);
    }

    /** The same if that export is the present one; else it ended already, and nothing is done. */
    public void release(String name, UUID attachId, VolumeAnswer.Receiver receiver) {
        attachments.release(name, attachId, receiver);
    }

    /** Hands the ownership to another node under the same attachId. */
    public void move(String name, int toNode, VolumeAnswer.Receiver receiver) {
        attachments.move(name, toNode, receiver);
    }

    /** The volume as the configuration store has it now. */
    public void getVolume(String name, VolumeAnswer.Receiver receiver) {
        admin.get(name, receiver);
    }

    /** All volumes that are not deleted, as the configuration store has them now. */
    public void listVolumes(VolumeAnswer.Receiver receiver) {
        admin.list(receiver);
    }

    /** What is known now; asks nobody. */
    public NodeView view() {
        return views.node();
    }

    /** Whether the disks of this node are served and the volumes are known: ready for clients. */
    public boolean ready() {
        return started && !shuttingDown && catalog.loaded() && !replicas.disks().isEmpty();
    }

    @Override
    public List<String> names(int limit) {
        List<String> names = new ArrayList<>();
        for (Configuration each : catalog.volumes()) {
            @Nullable UUID attachId = each.attachId();
            if (attachId != null && names.size() < limit) {
                names.add(each.name() + "/" + attachId);
            }
        }
        return names;
    }

    @Override
    public void open(String exportName, HostVolume.Lost lost, Answer answer) {
        opener.open(exportName, lost, answer);
    }

    /** Told when a shutdown is complete. */
    public interface ShutDown {
        /**
         * @param grantsOutstanding whether some owner elsewhere may still rely on a grant of this node: what
         *     {@link ReplicaStore#close} must be told
         * @param problems what could not be handed over, in words
         */
        void done(boolean grantsOutstanding, List<String> problems);
    }
}
