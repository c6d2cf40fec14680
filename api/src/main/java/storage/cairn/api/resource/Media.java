package storage.cairn.api.resource;

import com.fasterxml.jackson.annotation.JsonProperty;

/** What a disk is made of. */
public enum Media {
    @JsonProperty("nvme")
    NVME,
    @JsonProperty("ssd")
    SSD,
    @JsonProperty("hdd")
    HDD,
    @JsonProperty("file")
    FILE
}
