#!/bin/sh -eu
# One boot of a crash test on disk $1: see CrashRun for the arguments.
classpath="/opt/cairn/*"
for folder in /opt/cairn/classes-*; do classpath="$classpath:$folder"; done
# The second compiler does not pay off under emulation in so short a run.
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m -XX:MaxDirectMemorySize=256m \
  --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow \
  --add-opens=java.base/java.lang.reflect=ALL-UNNAMED \
  -cp "$classpath" storage.cairn.engine.crash.CrashRun "$@"
