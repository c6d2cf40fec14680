package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What no two replicas of a volume share. */
public enum Spread {
    @JsonProperty("node")
    NODE,
    @JsonProperty("zone")
    ZONE,
    @JsonProperty("rack")
    RACK
}
