package storage.cairn.cli.base;

/** What the exit code of a command says. */
public enum ExitCode {
    OK(0, "done"),
    FAILED(1, "it failed; the message says why"),
    USAGE(2, "wrong arguments or options"),
    NOT_FOUND(3, "the volume, node or cluster does not exist"),
    REFUSED(4, "refused: it conflicts with what is there, or its preconditions do not hold"),
    UNREACHABLE(5, "no engine answered, or not in time");

    private final int number;
    private final String meaning;

    ExitCode(int number, String meaning) {
        this.number = number;
        this.meaning = meaning;
    }

    public int number() {
        return number;
    }

    public String meaning() {
        return meaning;
    }
}
