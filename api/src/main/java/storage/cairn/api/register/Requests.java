package storage.cairn.api.register;

import com.fasterxml.jackson.databind.JsonNode;

/** Requests to the API server, each sent once. */
public interface Requests {
    Reply get(String path) throws NoReplyException;

    Reply create(String path, JsonNode object) throws NoReplyException;

    /** Changes an object by the operations of RFC 6902, all of them or none. */
    Reply patch(String path, JsonNode operations) throws NoReplyException;
}
