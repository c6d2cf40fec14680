#!/bin/sh -eu
# Attaches the volume at the URIs "$@" by the nbd driver of this kernel; see the command `attach`.
echo "up after $(cut -d " " -f 1 /proc/uptime) s"
modprobe -a nbd ext4
folder=/tmp/cluster
log=$folder/attachments/data.log
attachments() {
  java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "/opt/attach/classes:/opt/attach/tests:/opt/attach/*" \
    storage.cairn.client.attach.GuestAttach "$@"
}
problem() { echo "$1"; cat "$log"; exit 1; }
served() { grep -c ' served by ' "$log"; }
# within SECONDS CONDITION...
within() {
  tries=$(($1 * 5))
  shift
  while ! "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || return 1
    sleep 0.2
  done
}

attached=$(attachments attach $folder data "$@") || problem "cannot attach"
echo "attached: $attached"
device=${attached#nbd }
test "$(blockdev --getss "$device")" = 4096
echo "make a file system"
mkfs.ext4 -q -F "$device"
mount "$device" /mnt
echo "fill it"

# Each file is synced before its number is.
fill() {
  n=0
  while [ ! -e /tmp/enough ]; do
    n=$((n + 1))
    head -c 65536 /dev/urandom > /tmp/content
    dd if=/tmp/content of=/mnt/f$((n % 300)) bs=64k conv=fsync status=none || { touch /tmp/failed; return; }
    echo "$(md5sum < /tmp/content) f$((n % 300))" > /tmp/sum.$((n % 300))
    echo $n > /tmp/count.new
    mv /tmp/count.new /tmp/count
  done
}
echo 0 > /tmp/count
fill &
filling=$!
more_than() { [ -e /tmp/failed ] || [ "$(cat /tmp/count)" -gt "$1" ]; }
within 60 more_than 10 || problem "nothing is written"
before=$(served)
echo "kill the owner"
elsewhere() { [ "$(served)" -gt "$before" ]; }
within 120 elsewhere || problem "it did not go on at another node"
within 60 more_than $(($(cat /tmp/count) + 10)) || problem "nothing is written at the other node"
touch /tmp/enough
wait $filling
[ ! -e /tmp/failed ] || problem "a write failed"
echo "went on at another node: $(cat /tmp/count) files written"

echo "check it"
umount /mnt
echo 3 > /proc/sys/vm/drop_caches
fsck.ext4 -fn "$device" > /tmp/fsck 2>&1 || { cat /tmp/fsck; exit 1; }
mount "$device" /mnt
for sum in /tmp/sum.*; do
  read -r wanted _ name < "$sum"
  [ "$(md5sum < "/mnt/$name" | cut -d ' ' -f 1)" = "$wanted" ] || problem "$name is not what was written"
done
umount /mnt
echo "ext4 is clean, and every synced file is whole"

echo "detach"
attachments detach $folder data || problem "cannot detach"
! nbd-client -c "$device" > /dev/null || problem "$device is still connected"
[ -z "$(ls $folder/attachments)" ] || problem "left: $(ls $folder/attachments)"
gone() { ! grep -qs 'relay[.]Relay' /proc/[0-9]*/cmdline; }
within 20 gone || problem "the relay still runs"
echo "detached, and nothing is left"
