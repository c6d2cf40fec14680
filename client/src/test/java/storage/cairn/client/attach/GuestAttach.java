package storage.cairn.client.attach;

import java.nio.file.Path;
import java.util.List;

/** Attaches and detaches as {@code cairn volume} does, in the guest of {@code e2e/guest}, which has no engines of its own. */
final class GuestAttach {
    /** Only a strategy that limits the size itself asks for it. */
    private static final long GUEST_BYTES = 128L << 20;

    private GuestAttach() {}

    /** Arguments: {@code attach FOLDER VOLUME URI...}, which prints the device, or {@code detach FOLDER VOLUME}. */
    public static void main(String[] args) {
        Attachments attachments = new Attachments(Path.of(args[1]));
        switch (args[0]) {
            case "attach" -> {
                List<String> uris = List.of(args).subList(3, args.length);
                Attachment made =
                        attachments.attach(args[2], () -> new Attachments.Export("export", uris, GUEST_BYTES));
                System.out.println(made.kind() + " " + made.device());
            }
            case "detach" -> attachments.detach(args[2]);
            default -> throw new IllegalArgumentException("attach or detach, not " + args[0]);
        }
    }
}
