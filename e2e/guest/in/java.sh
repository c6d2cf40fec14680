#!/bin/sh -eu
# Shows that Java runs.
java -XX:+UseSerialGC -Xshare:auto -version
ls /opt/cairn
