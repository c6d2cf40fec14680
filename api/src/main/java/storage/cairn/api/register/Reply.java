package storage.cairn.api.register;

import com.fasterxml.jackson.databind.JsonNode;

/** What the API server answered. */
public record Reply(int code, JsonNode body) {
    private static final int OK = 200;
    private static final int NEXT_CLASS = 300;
    private static final int NOT_FOUND = 404;
    private static final int CONFLICT = 409;
    private static final int GONE = 410;
    private static final int INVALID = 422;
    private static final int TOO_MANY = 429;
    private static final int SERVER_ERROR = 500;

    public boolean ok() {
        return code >= OK && code < NEXT_CLASS;
    }

    /** The object is not there; not: the server does not know its kind, which says nothing about the object. */
    public boolean objectMissing() {
        return code == NOT_FOUND && !body.path("details").path("name").asText().isEmpty();
    }

    /** An object of that name is there, or the object was changed meanwhile. */
    public boolean conflict() {
        return code == CONFLICT;
    }

    /** The object would not be valid, or a test of the patch failed. */
    public boolean invalid() {
        return code == INVALID;
    }

    public boolean gone() {
        return code == GONE;
    }

    /** Whether the server could not cope: what was asked may have been done. */
    public boolean overloaded() {
        return code == TOO_MANY || code >= SERVER_ERROR;
    }

    public String message() {
        return "the API server answered " + code + ": " + body.path("message").asText("without a reason");
    }
}
