#!/bin/sh -eu
# The kernel's NBD client on export $2 of the host's port $1: a file system's life, discards, parts of blocks.
# What is there is overwritten.
export=$2
modprobe -a nbd ext4

attach() {    # attach SECTOR_BYTES CONNECTIONS
  nbd-client 10.0.2.2 "$port" /dev/nbd0 -N "$export" -b "$1" -C "$2" > /tmp/attach 2>&1 ||
    { cat /tmp/attach; exit 1; }
  test "$(blockdev --getss /dev/nbd0)" = "$1"
}
port=$1
detach() { nbd-client -d /dev/nbd0 > /dev/null; }
forget() { echo 3 > /proc/sys/vm/drop_caches; }

attach 4096 2
echo "attached: $(blockdev --getsize64 /dev/nbd0) bytes"
mkfs.ext4 -q -F /dev/nbd0
mount /dev/nbd0 /mnt
mkdir /mnt/small
for i in $(seq 200); do echo "file $i" > "/mnt/small/$i"; done
dd if=/dev/urandom of=/mnt/large bs=1M count=32 conv=fsync status=none
(cd /mnt && find . -type f -exec md5sum {} +) > /tmp/sums
umount /mnt
forget
fsck.ext4 -fn /dev/nbd0 > /tmp/fsck 2>&1 || { cat /tmp/fsck; exit 1; }
detach
attach 4096 1
mount /dev/nbd0 /mnt
(cd /mnt && md5sum --quiet -c /tmp/sums)
echo "ext4: $(wc -l < /tmp/sums) files are the same after unmount, fsck, detach and attach"

rm -r /mnt/small
fstrim /mnt
umount /mnt
forget
fsck.ext4 -fn /dev/nbd0 > /tmp/fsck 2>&1 || { cat /tmp/fsck; exit 1; }
mount /dev/nbd0 /mnt
grep ' ./large$' /tmp/sums > /tmp/large
(cd /mnt && md5sum --quiet -c /tmp/large)
umount /mnt
echo "ext4: clean and whole after fstrim"

yes old 2>/dev/null | dd of=/dev/nbd0 bs=64k count=16 oflag=direct iflag=fullblock status=none
blkdiscard -o 65536 -l 65536 /dev/nbd0
blkdiscard -z -o 262144 -l 65536 /dev/nbd0
forget
is_zero() {
  dd if=/dev/nbd0 bs=64k skip="$1" count=1 iflag=direct status=none | tr -d '\0' | wc -c | grep -qx 0
}
is_zero 4
for chunk in 0 2 3 5; do if is_zero $chunk; then echo "chunk $chunk was zeroed, too"; exit 1; fi; done
echo "discard and write zeroes hit what they were meant for"

fio --name=verify --filename=/dev/nbd0 --direct=1 --ioengine=libaio --rw=randwrite --bsrange=4k-64k \
  --iodepth=8 --offset=16M --size=32M --verify=crc32c --verify_fatal=1 --verify_state_save=0 --minimal \
  > /tmp/fio || { cat /tmp/fio; exit 1; }
echo "fio verified 32 MiB of random writes"
detach

attach 512 1
yes new 2>/dev/null | dd of=/dev/nbd0 bs=512 seek=3 count=1 oflag=direct iflag=fullblock status=none
forget
word() { dd if=/dev/nbd0 bs=512 skip="$1" count=1 iflag=direct status=none | head -c 3; }
test "$(word 2)" = old
test "$(word 3)" = new
test "$(word 4)" = old
detach
echo "a part of a block is written and its neighbours are not"
