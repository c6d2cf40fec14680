package storage.cairn.engine.nbd;

import static storage.cairn.engine.nbd.NbdWire.*;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import storage.cairn.engine.port.Clock;

/**
 * Negotiates with a client until it chose an export (specification: "Newstyle negotiation", "Option types").
 *
 * <p>Fixed newstyle, without TLS. Options are answered one at a time: while an export opens, what follows waits in
 * the socket.
 */
final class NbdHandshake implements NbdChannel.Phase {
    /** Longest data of an option that is looked at. */
    static final int MAX_OPTION_BYTES = 16 << 10;

    /** Longest data of an option that is skipped; more is an attack. */
    private static final int MAX_SKIPPED_BYTES = 1 << 20;

    private static final int MAX_OPTIONS = 512;
    private static final int MAX_LISTED = 1024;
    private static final int MAX_INFO_REQUESTS = 64;
    private static final int MAX_QUERIES = 64;
    private static final int FIRST_BYTES = 512;

    private final NbdServer server;
    private final NbdChannel owner;
    private final Channel channel;
    private final ByteBuf in;
    private final ByteBuf out;
    private final Clock.Timer timeout;
    private boolean greeted;
    private boolean noZeroes;
    private boolean structured;
    private @Nullable String metaExport;
    private int options;
    private int skip;
    private boolean ending;
    private @Nullable NbdExport export;
    private boolean opening;
    private boolean closed;

    NbdHandshake(NbdServer server, NbdChannel owner) {
        this.server = server;
        this.owner = owner;
        this.channel = owner.channel();
        this.in = channel.alloc().directBuffer(FIRST_BYTES, OPTION_BYTES + MAX_OPTION_BYTES);
        this.out = channel.alloc().directBuffer(FIRST_BYTES);
        this.timeout = server.clock().after(server.settings().handshakeMillis() * 1_000_000, this::tooSlow);
    }

    void greet() {
        greeting(out);
        flush();
    }

    /** Whether it may be closed to make room for another. */
    boolean idle() {
        return !opening;
    }

    private void tooSlow() {
        if (!opening) {
            server.turnedAway(
                    channel, "no export was chosen within " + server.settings().handshakeMillis() + " ms");
        }
    }

    @Override
    public ByteBuf target() {
        in.discardReadBytes();
        if (in.writableBytes() == 0 && in.capacity() < in.maxCapacity()) {
            in.capacity(Math.min(in.maxCapacity(), in.capacity() * 4));
        }
        return in.retain();
    }

    @Override
    public void received(ByteBuf bytes) {
        proceed();
    }

    @Override
    public void flush() {
        if (!closed && out.isReadable()) {
            var unused = channel.writeAndFlush(out.readBytes(out.readableBytes()), channel.voidPromise());
            out.clear();
        }
    }

    @Override
    public void writabilityChanged() {
        proceed();
        flush();
    }

    @Override
    public void closed() {
        closed = true;
        timeout.cancel();
        in.release();
        out.release();
        if (export != null) {
            export.close();
            export = null;
        }
    }

    private void proceed() {
        while (!ending && !closed && !opening && channel.isWritable() && owner.phase() == this && step()) {}
        if (!closed && owner.phase() == this) {
            boolean room = in.readableBytes() < in.maxCapacity();
            channel.config().setAutoRead(room && !ending);
        }
    }

    /** Takes one message; false when it is not all there. */
    private boolean step() {
        if (skip > 0) {
            int n = Math.min(skip, in.readableBytes());
            in.skipBytes(n);
            skip -= n;
            return n > 0;
        }
        if (!greeted) {
            return in.readableBytes() >= CLIENT_FLAGS_BYTES && clientFlags(in.readInt());
        }
        if (in.readableBytes() < OPTION_BYTES) {
            return false;
        }
        int at = in.readerIndex();
        if (in.getLong(at) != IHAVEOPT) {
            return violated("an option without its magic number");
        }
        int option = in.getInt(at + 8);
        int length = in.getInt(at + 12);
        if (++options > MAX_OPTIONS || length < 0 || length > MAX_SKIPPED_BYTES) {
            return violated("option " + option + " of " + Integer.toUnsignedString(length) + " bytes, or more than "
                    + MAX_OPTIONS + " options");
        }
        if (length > MAX_OPTION_BYTES) {
            in.skipBytes(OPTION_BYTES);
            skip = length;
            if (option == OPT_EXPORT_NAME) {
                return violated("an export name of " + length + " bytes");
            }
            optionReply(out, option, REP_ERR_TOO_BIG, "at most " + MAX_OPTION_BYTES + " bytes of option data");
            return true;
        }
        if (in.readableBytes() < OPTION_BYTES + length) {
            options--;
            return false;
        }
        in.skipBytes(OPTION_BYTES);
        option(option, in.readSlice(length));
        return true;
    }

    private boolean violated(String what) {
        ending = true;
        owner.violated("handshake: " + what);
        return false;
    }

    private boolean clientFlags(int flags) {
        if ((flags & ~(FIXED_NEWSTYLE | NO_ZEROES)) != 0) {
            return violated("unknown client flags 0x" + Integer.toHexString(flags));
        }
        greeted = true;
        noZeroes = (flags & NO_ZEROES) != 0;
        return true;
    }

    private void option(int option, ByteBuf data) {
        switch (option) {
            case OPT_EXPORT_NAME -> exportName(data);
            case OPT_ABORT -> {
                ending = true;
                optionReply(out, option, REP_ACK, 0);
                flush();
                server.closeGently(channel);
            }
            case OPT_LIST -> list(data);
            case OPT_STARTTLS ->
                optionReply(out, option, REP_ERR_POLICY, "this server does not do TLS: connect without it");
            case OPT_INFO, OPT_GO -> info(option, data);
            case OPT_STRUCTURED_REPLY -> {
                if (data.isReadable()) {
                    optionReply(out, option, REP_ERR_INVALID, "this option takes no data");
                } else {
                    structured = true;
                    optionReply(out, option, REP_ACK, 0);
                }
            }
            case OPT_LIST_META_CONTEXT, OPT_SET_META_CONTEXT -> metaContext(option, data);
            default ->
                optionReply(
                        out, option, REP_ERR_UNSUP, "option " + Integer.toUnsignedString(option) + " is unknown here");
        }
    }

    private void list(ByteBuf data) {
        if (data.isReadable()) {
            optionReply(out, OPT_LIST, REP_ERR_INVALID, "this option takes no data");
            return;
        }
        for (String name : server.exports().names(MAX_LISTED)) {
            byte[] bytes = bounded(name);
            optionReply(out, OPT_LIST, REP_SERVER, 4 + bytes.length);
            out.writeInt(bytes.length).writeBytes(bytes);
        }
        optionReply(out, OPT_LIST, REP_ACK, 0);
    }

    private void exportName(ByteBuf data) {
        String name = text(data, data.readableBytes());
        if (name == null) {
            violated("an export name that is no UTF-8 text of at most " + MAX_STRING_BYTES + " bytes");
            return;
        }
        open(OPT_EXPORT_NAME, name, 0);
    }

    private void info(int option, ByteBuf data) {
        String name = null;
        int wanted = 0;
        if (data.readableBytes() >= 6) {
            long length = data.readUnsignedInt();
            name = length <= data.readableBytes() - 2 ? text(data, (int) length) : null;
        }
        if (name != null) {
            int requests = data.readUnsignedShort();
            if (requests > MAX_INFO_REQUESTS || data.readableBytes() != 2 * requests) {
                name = null;
            } else {
                for (int i = 0; i < requests; i++) {
                    int request = data.readUnsignedShort();
                    wanted |= request < Integer.SIZE ? 1 << request : 0;
                }
            }
        }
        if (name == null) {
            optionReply(out, option, REP_ERR_INVALID, "the lengths inside of this option do not fit together");
        } else {
            open(option, name, wanted);
        }
    }

    private void open(int option, String name, int wanted) {
        NbdExport current = export;
        if (current != null && current.usable(name)) {
            opened(option, current, wanted);
            return;
        }
        if (current != null) {
            current.close();
            export = null;
        }
        if (server.shuttingDown()) {
            refuse(option, REP_ERR_SHUTDOWN, "this node is shutting down: connect to another one");
            return;
        }
        opening = true;
        new NbdExport(server, name).open((opened, reply, reason) -> {
            opening = false;
            if (closed) {
                opened.close();
                return;
            }
            if (reply != REP_ACK) {
                opened.close();
                refuse(option, reply, reason);
            } else {
                export = opened;
                opened(option, opened, wanted);
            }
            proceed();
            owner.phase().flush();
        });
    }

    private void refuse(int option, int reply, String reason) {
        if (option == OPT_EXPORT_NAME) {
            // This option cannot be answered by an error.
            ending = true;
            server.turnedAway(channel, reason);
        } else {
            optionReply(out, option, reply, reason);
        }
    }

    private void opened(int option, NbdExport opened, int wanted) {
        long size = opened.volume().sizeBytes();
        int flags = transmissionFlags(structured);
        if (option == OPT_EXPORT_NAME) {
            out.writeLong(size).writeShort(flags).writeZero(noZeroes ? 0 : ZEROES_BYTES);
        } else {
            optionReply(out, option, REP_INFO, 12);
            out.writeShort(INFO_EXPORT).writeLong(size).writeShort(flags);
            byte[] name = bounded(opened.name());
            if ((wanted & 1 << INFO_NAME) != 0) {
                optionReply(out, option, REP_INFO, 2 + name.length);
                out.writeShort(INFO_NAME).writeBytes(name);
            }
            if ((wanted & 1 << INFO_DESCRIPTION) != 0) {
                byte[] text = bounded("Cairn volume " + opened.volumeName());
                optionReply(out, option, REP_INFO, 2 + text.length);
                out.writeShort(INFO_DESCRIPTION).writeBytes(text);
            }
            if ((wanted & 1 << INFO_BLOCK_SIZE) != 0) {
                optionReply(out, option, REP_INFO, 14);
                out.writeShort(INFO_BLOCK_SIZE)
                        .writeInt(MIN_BLOCK_BYTES)
                        .writeInt(PREFERRED_BLOCK_BYTES)
                        .writeInt(
                                structured
                                        ? MAX_PAYLOAD_BYTES
                                        : (int) server.settings().gatherBytes());
            }
            optionReply(out, option, REP_ACK, 0);
        }
        if (option != OPT_INFO) {
            transmit(opened);
        }
    }

    private void transmit(NbdExport opened) {
        flush();
        timeout.cancel();
        export = null;
        boolean status = structured && opened.name().equals(metaExport);
        NbdSession session = new NbdSession(server, owner, opened, structured, status);
        owner.become(session);
        session.begin(in);
        in.release();
        out.release();
    }

    private void metaContext(int option, ByteBuf data) {
        boolean set = option == OPT_SET_META_CONTEXT;
        if (set) {
            metaExport = null;
        }
        if (!structured) {
            optionReply(out, option, REP_ERR_INVALID, "ask for structured replies first");
            return;
        }
        String name = data.readableBytes() >= 8 ? prefixed(data) : null;
        long queries = name != null && data.readableBytes() >= 4 ? data.readUnsignedInt() : -1;
        if (queries > MAX_QUERIES) {
            optionReply(out, option, REP_ERR_TOO_BIG, "at most " + MAX_QUERIES + " queries");
            return;
        }
        boolean found = queries == 0 && !set;
        for (long i = 0; i < queries; i++) {
            String query = prefixed(data);
            if (query == null) {
                queries = -1;
            } else {
                found |= query.equals(ALLOCATION) || (!set && query.equals("base:"));
            }
        }
        if (name == null || queries < 0 || data.isReadable()) {
            optionReply(out, option, REP_ERR_INVALID, "the lengths inside of this option do not fit together");
            return;
        }
        if (found) {
            byte[] context = bounded(ALLOCATION);
            optionReply(out, option, REP_META_CONTEXT, 4 + context.length);
            out.writeInt(set ? ALLOCATION_ID : 0).writeBytes(context);
            metaExport = set ? name : metaExport;
        }
        optionReply(out, option, REP_ACK, 0);
    }

    private static @Nullable String prefixed(ByteBuf data) {
        if (data.readableBytes() < 4) {
            return null;
        }
        long length = data.readUnsignedInt();
        return length <= data.readableBytes() ? text(data, (int) length) : null;
    }

    /** The next {@code length} bytes as text; null when they are too many or no UTF-8. */
    private static @Nullable String text(ByteBuf data, int length) {
        if (length > MAX_STRING_BYTES) {
            return null;
        }
        ByteBuffer bytes = data.nioBuffer(data.readerIndex(), length);
        data.skipBytes(length);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }
}
