#!/bin/sh -eu
# `write` leaves a flushed and an unflushed block on /dev/vda and waits for the power cut.
# `check` expects the flushed one, and the unflushed one to be $2: kept or lost.
put() {
  yes "$1" 2>/dev/null |
    dd of=/dev/vda bs=4k count=1 seek="$2" oflag=direct iflag=fullblock conv="$3" status=none
}
word() { dd if=/dev/vda bs=4k count=1 skip="$1" iflag=direct status=none | head -c 3; }
case $1 in
  write)
    put one 0 notrunc,fsync
    put two 100 notrunc
    echo "cut me"
    sleep 1000 ;;
  check)
    test "$(word 0)" = one
    if test "$(word 100)" = two; then found=kept; else found=lost; fi
    echo "the unflushed block was $found"
    test $found = "$2" ;;
esac
