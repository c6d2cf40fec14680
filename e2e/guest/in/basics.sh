#!/bin/sh -eu
# Shows that arguments, the kernel's modules and device mapper work. Exits with the code $2.
test "$1" = "two words, it's quoted"
uname -r
modprobe -a nbd dm-log-writes dm-flakey dm-delay ext4 xfs

truncate -s 64M /tmp/data /tmp/log
data=$(losetup -f --show /tmp/data)
log=$(losetup -f --show /tmp/log)
sectors=$(blockdev --getsz "$data")
write() { yes "$2" 2>/dev/null | dd of="$1" bs=4k count=1 oflag=direct iflag=fullblock status=none; }
word_at() { dd if="$1" bs=4k count=1 skip="$2" iflag=direct status=none | head -c 3; }

dmsetup create flaky --table "0 $sectors linear $data 0"
write /dev/mapper/flaky old
dmsetup suspend flaky
dmsetup reload flaky --table "0 $sectors flakey $data 0 0 60 1 drop_writes"
dmsetup resume flaky
write /dev/mapper/flaky new
test "$(word_at /dev/mapper/flaky 0)" = old
dmsetup remove flaky
echo "flakey dropped a write"

dmsetup create logged --table "0 $sectors log-writes $data $log"
write /dev/mapper/logged one
dmsetup message logged 0 mark hello
dmsetup remove logged
dd if="$log" bs=4k count=8 status=none | grep -q hello
echo "log-writes kept a mark"
exit "$2"
