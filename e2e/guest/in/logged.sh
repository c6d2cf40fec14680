#!/bin/sh -eu
# Runs a crash test on /dev/vda below dm-log-writes, which logs to /dev/vdb, until $1 operations are acked.
# Target $2, seed $3, I/O mode $4. Marks in the log tell how many acks had been printed by then.
dmsetup create logged --table "0 $(blockdev --getsz /dev/vda) log-writes /dev/vda /dev/vdb"
: > /tmp/empty
: > /tmp/ledger
(
  until grep -q '^boot ' /tmp/ledger; do sleep 0.05; done
  while sleep 0.05; do
    # Lines are counted first: a mark must not tell of acks that come after it.
    acks=$(grep -c '^acked .*\.$' /tmp/ledger) || true
    dmsetup message logged 0 mark "acked-$acks"
  done
) & marker=$!
code=0
# Not by way of a pipe: a line is in the ledger when it counts as printed.
/job/crash.sh /dev/mapper/logged "$2" /tmp/empty "$3" "$1" "$4" > /tmp/ledger 2> /tmp/errors || code=$?
kill $marker
wait $marker 2>/dev/null || true
cat /tmp/ledger /tmp/errors
test $code = 0
dmsetup status logged
dmsetup remove logged
