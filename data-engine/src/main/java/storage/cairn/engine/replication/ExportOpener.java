package storage.cairn.engine.replication;

import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.ConfigStore.Versioned;
import storage.cairn.engine.port.Configuration;
import storage.cairn.engine.port.Status;

/**
 * Opens exports for frontends, taking a volume over when its last owner is gone.
 *
 * <p>Whether an export is the newest one is asked of the configuration store. While that does not answer, the owner
 * that serves the volume decides by itself, as it does for each request of the clients that it has: a newer attachId
 * comes from this owner itself, which knows it or has it under way, or from another owner, which serves nobody before
 * every grant of this one has ended. So as long as this owner has all of its grants, no newer export has been served
 * (I31); and when it has them no longer it answers no request, also of this client. A takeover needs the store.
 */
final class ExportOpener {
    private final NodeContext context;
    private final Owners owners;
    private final Catalog catalog;
    private final OwnerProbe probe;
    private boolean stopped;

    ExportOpener(NodeContext context, Owners owners, Catalog catalog, OwnerProbe probe) {
        this.context = context;
        this.owners = owners;
        this.catalog = catalog;
        this.probe = probe;
    }

    void stop() {
        stopped = true;
    }

    void open(String exportName, HostVolume.Lost lost, Exports.Answer answer) {
        int slash = exportName.indexOf('/');
        UUID attachId = slash < 1 ? null : parse(exportName.substring(slash + 1));
        if (attachId == null || exportName.getBytes(StandardCharsets.UTF_8).length > Exports.MAX_NAME_BYTES) {
            context.clock.execute(() -> answer.opened(new Exports.Opened.Unknown(
                    "'" + exportName + "' is no export name; it has the form volume/attachId")));
            return;
        }
        if (stopped) {
            context.clock.execute(() -> refuse(answer, "this node shuts down; connect to another one"));
            return;
        }
        String name = exportName.substring(0, slash);
        catalog.find(name, outcome -> {
            switch (outcome) {
                case Catalog.Found.Missing ignored ->
                    answer.opened(new Exports.Opened.Unknown("there is no volume '" + name + "'"));
                case Catalog.Found.Unavailable unavailable ->
                    foundNothing(name, unavailable.reason(), attachId, lost, answer);
                case Catalog.Found.Volume found -> found(found.current(), attachId, lost, answer);
            }
        });
    }

    private static @Nullable UUID parse(String text) {
        try {
            UUID id = UUID.fromString(text);
            return id.toString().equals(text) ? id : null;
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private static void refuse(Exports.Answer answer, String reason) {
        answer.opened(new Exports.Opened.Refused(reason));
    }

    private void found(Versioned current, UUID attachId, HostVolume.Lost lost, Exports.Answer answer) {
        Configuration value = current.value();
        if (!attachId.equals(value.attachId())) {
            answer.opened(new Exports.Opened.Unknown("volume " + value.name() + ": export " + attachId
                    + " was superseded"
                    + (value.attachId() == null ? "; serve the volume again" : ", a newer one is in use")));
            return;
        }
        if (stopped) {
            refuse(answer, "this node shuts down; connect to another one");
            return;
        }
        int promisedTo = owners.promisedTo(value.volume());
        if (promisedTo != 0) {
            refuse(answer, "volume " + value.name() + " moves to node " + promisedTo + "; connect there");
            return;
        }
        Opening opening = new Opening(value.name(), attachId, lost, answer);
        if (owners.of(value.volume()) != null) {
            owners.takeOver(current, attachId, opening.watched());
            return;
        }
        probe.probe(value, (node, reachable) -> {
            if (node != 0) {
                refuse(
                        answer,
                        "volume " + value.name() + " is served by node " + node
                                + (reachable ? "; connect there" : ", which this node cannot reach"));
            } else if (stopped) {
                refuse(answer, "this node shuts down; connect to another one");
            } else {
                owners.takeOver(current, attachId, opening.watched());
            }
        });
    }

    /** The store does not answer. */
    private void foundNothing(String name, String reason, UUID attachId, HostVolume.Lost lost, Exports.Answer answer) {
        VolumeOwner owner = owners.serving(name);
        if (stopped) {
            refuse(answer, "this node shuts down; connect to another one");
        } else if (owner == null || !owner.reads().leased()) {
            refuse(answer, "volume " + name + ": the configuration store does not answer: " + reason);
        } else if (owner.membership().possible().stream().allMatch(each -> attachId.equals(each.attachId()))) {
            new Opening(name, attachId, lost, answer).serving();
        } else {
            refuse(
                    answer,
                    "volume " + name + ": export " + attachId + " is not, or may not be, the one that is served here,"
                            + " and the configuration store does not answer: " + reason);
        }
    }

    /** One client that waits for a takeover. */
    private final class Opening implements VolumeOwner.Started {
        private final String name;
        private final UUID attachId;
        private final HostVolume.Lost lost;
        private final Exports.Answer answer;
        private boolean answered;

        Opening(String name, UUID attachId, HostVolume.Lost lost, Exports.Answer answer) {
            this.name = name;
            this.attachId = attachId;
            this.lost = lost;
            this.answer = answer;
        }

        Opening watched() {
            context.afterMillis(context.settings.failures().queueMillis(), () -> {
                if (!answered) {
                    answered = true;
                    refuse(answer, "volume " + name + " could not be taken over in time; see its status");
                }
            });
            return this;
        }

        @Override
        public void serving() {
            if (answered) {
                return;
            }
            answered = true;
            VolumeOwner owner = owners.serving(name);
            if (owner == null) {
                refuse(answer, "volume " + name + " is no longer served here");
                return;
            }
            if (!attachId.equals(owner.membership().current().attachId())) {
                answer.opened(new Exports.Opened.Unknown(
                        "volume " + name + ": export " + attachId + " was superseded meanwhile"));
                return;
            }
            ClientVolume client = new ClientVolume(context, owner, lost);
            owner.clients().add(client);
            answer.opened(new Exports.Opened.Granted(client));
        }

        @Override
        public void failed(Status status, String reason) {
            if (!answered) {
                answered = true;
                refuse(answer, "volume " + name + " is not served here: " + reason);
            }
        }
    }
}
