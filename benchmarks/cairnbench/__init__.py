"""The parts of `cairn bench`: see ../bench."""
