# shellcheck shell=bash
# Steps of the trial: claims become volumes, pods write to them, and keep their data while pods, the CSI driver and
# engines are killed, they move to other nodes, and grow. Sourced by the trial; what it uses is defined there.

# shellcheck source=database.sh
. "$here/database.sh"

claim_volume() { pods get pvc "$1" -o 'jsonpath={.spec.volumeName}'; }
node_of() { pods get pod "$1" -o 'jsonpath={.spec.nodeName}'; }
driver_of() {
  kubectl -n "$namespace" get pods -l app.kubernetes.io/name=cairn-csi-node --field-selector "spec.nodeName=$1" -o name
}
step podsGetClaimsOfEveryKind
[[ $(kubectl get csinodes -o json | jq '[.items[].spec.drivers[]? | select(.name == "csi.cairn.storage" and .allocatable.count > 0)] | length') == "$NODES" ]] ||
  fail "the driver is not registered at every node, with a limit of volumes: $(kubectl get csinodes -o json | jq -c '[.items[].spec]')"
start=$(now)
sed -e 's/name: data$/name: archive/' -e 's/pool: fast/pool: default/' -e 's/10Gi/128Mi/' "$root/examples/volume.yaml" |
  kubectl apply -f - > /dev/null
sed -e 's/10Gi/128Mi/' -e 's/storage: 1Gi/storage: 256Mi/' "$root/examples/claims.yaml" | pods apply -f - > /dev/null
pods apply -f "$here/pods.yaml" > /dev/null
wait_for 120 "the pod of examples/claims.yaml does not run: $(pods describe pod three-ways | tail -n 5)" runs three-ways
wait_for 60 "the pod of a ReadWriteOncePod claim does not run" runs alone
wait_for 60 "the pod of a volume that was there before does not run" runs archivist
figure "from claims to running pods: $(($(now) - start)) ms, three pods with five volumes"
[[ $(pods exec alone -- stat -c %g /data) == 2000 ]] || fail "fsGroup does not own the volume"
pods exec alone -- grep -q ' /data ext4 .*noatime' /proc/mounts || fail "it is mounted without its option"
pods exec three-ways -- sh -c 'dd if=/dev/zero of=/dev/data bs=1M count=4 conv=fsync && echo scratch > /scratch/file' 2> /dev/null
is "volume/$(claim_volume alone)" .spec.replicas 2 || fail "the StorageClass's replicas are not the volume's"
refusal() { pods get events --field-selector reason=ProvisioningFailed -o 'jsonpath={.items[*].message}' | grep -q "there is no parameter 'replica'"; }
wait_for 60 "nobody says why the claim with wrong parameters gets no volume" refusal
capacities() { [[ $(kubectl -n "$namespace" get csistoragecapacities -o name) ]]; }
wait_for 60 "there are no CSIStorageCapacities" capacities

if [[ ! -e $images/postgres.tar ]]; then
  for name in $(sed -n 's/^step \(database[a-zA-Z]*\|volume[a-zA-Z]*\)$/\1/p' "$here/pods.sh"); do
    skip "$name" "there is no image of PostgreSQL; see the log of e2e/cluster build"
  done
else

step databaseRunsOnAVolume
start_database 512Mi

step databaseIsKilledAndComesBack
start=$(now)
pods delete pod postgres-0 --grace-period=0 --force > /dev/null 2>&1
wait_for 90 "the pod does not come back" runs postgres-0
inserting 30
figure "database killed; commits again after $(($(now) - start)) ms"
database_whole

step databaseGoesOnWhileTheDriverIsKilled
start=$(now)
kill_pods "$(driver_of "$(node_of postgres-0)")"
inserting 20
figure "driver of its node killed; the next commit after $(($(now) - start)) ms"

step databaseGoesOnWhileTheEngineIsKilled
start=$(now)
kill_pods "$(engine_of "$(node_of postgres-0)")"
inserting 60
figure "engine of its node killed; two commits later after $(($(now) - start)) ms"
driver_ready() { kubectl -n "$namespace" rollout status daemonset/cairn-csi-node --timeout=1s; }
wait_for 60 "the driver is not back" driver_ready
wait_for 60 "the engine is not back" all_ready
database_whole

step databaseGoesOnWhileKubeletIsStartedAgain
before=$(node_of postgres-0)
killed=$(kubelet_of "$before") || fail "$before has no kubelet"
kill -KILL "$killed"
another_kubelet() { [[ $(kubelet_of "$before") && $(kubelet_of "$before") != "$killed" ]]; }
wait_for 30 "no kubelet is started again" another_kubelet
inserting 20
runs postgres-0 || fail "the pod was hurt: $(pods describe pod postgres-0 | tail -n 5)"

step volumeGrowsWhileTheDatabaseWrites
pods patch pvc data-postgres-0 --type merge -p '{"spec":{"resources":{"requests":{"storage":"640Mi"}}}}' > /dev/null
grown() { (($(pods exec postgres-0 -- df -m /var/lib/postgresql/data | awk 'END { print $2 }') > 520)); }
wait_for 90 "the filesystem does not grow: $(pods describe pvc data-postgres-0 | tail -n 5)" grown
inserting 30

step databaseMovesToAnotherNode
before=$(node_of postgres-0)
kubectl cordon "$before" > /dev/null
start=$(now)
pods delete pod postgres-0 > /dev/null
wait_for 120 "the pod does not run elsewhere: $(pods describe pod postgres-0 2>&1 | tail -n 5)" runs postgres-0
kubectl uncordon "$before" > /dev/null
[[ $(node_of postgres-0) != "$before" ]] || fail "it runs at $before again"
inserting 30
figure "database moved from $before to $(node_of postgres-0); commits again after $(($(now) - start)) ms"
database_whole

step volumeIsKeptAndBoundAgain
touch "$work/inserted.enough"
kept=$(claim_volume data-postgres-0)
pods delete statefulset/postgres service/postgres > /dev/null
wait_for 60 "the pod does not end" bash -c '! kubectl -n default get pod postgres-0 2> /dev/null'
pods delete pvc data-postgres-0 > /dev/null
wait_for 30 "the volume is not kept" is "pv/$kept" .status.phase Released
kubectl patch pv "$kept" --type merge -p '{"spec":{"claimRef":null}}' > /dev/null
pods apply -f - > /dev/null << YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data-postgres-0, labels: {app: postgres}}
spec:
  accessModes: [ReadWriteOncePod]
  storageClassName: cairn-database
  volumeName: $kept
  resources: {requests: {storage: 640Mi}}
YAML
sed 's/storage: 10Gi/storage: 640Mi/' "$root/examples/postgres.yaml" | pods apply -f - > /dev/null
wait_for 120 "PostgreSQL does not run on the volume that was kept" runs postgres-0
wait_for 30 "the database does not answer" sql 'SELECT 1'
database_whole

pods delete statefulset/postgres service/postgres --wait=false > /dev/null
pods delete pvc data-postgres-0 --wait=false > /dev/null
kubectl patch pv "$kept" --type merge -p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}' > /dev/null
kubectl delete storageclass cairn-database > /dev/null

fi

step deletedClaimsLeaveNothing
pods exec three-ways -- cat /files/log > /dev/null
pods delete -f "$here/pods.yaml" --wait=false > /dev/null 2>&1
pods delete pod/three-ways --wait=false > /dev/null
pods delete pvc files device data --wait=false > /dev/null
wait_for 60 "a volume that was there before is not kept" is pv/data .status.phase Released
kubectl delete pv data > /dev/null
no_claims() { [[ ! $(pods get pvc -o name) && ! $(kubectl get pv -o name) ]]; }
wait_for 120 "claims or volumes are left: $(pods get pvc,pv 2>&1)" no_claims

step podWritesFarMoreThanItsMemoryHolds
pods apply -f "$here/large.yaml" > /dev/null
wait_for 60 "the pod does not run" runs hog
start=$(now)
pods exec hog -- sh -c 'dd if=/dev/urandom of=/data/file bs=1M count=8 && i=1 && while [ $i -lt 40 ]; do
  dd if=/data/file of=/data/file bs=1M count=8 seek=$((8 * i)) conv=notrunc || exit 1; i=$((i + 1)); done && sync' 2> "$work/hog" ||
  fail "it cannot write: $(tail -n 3 "$work/hog")"
# Far more than the cache may hold: what is read comes from the volume.
[[ $(pods exec hog -- sh -c 'i=0; while [ $i -lt 40 ]; do dd if=/data/file bs=1M count=8 skip=$((8 * i)) 2> /dev/null | md5sum
  i=$((i + 1)); done | sort | uniq -c' | awk '{ print $1 }') == 40 ]] || fail "it reads other than it wrote"
pod_is pod/hog '.status.containerStatuses[0].restartCount' 0 || fail "the container was ended: $(pods describe pod hog | tail -n 8)"
figure "a pod with 48 MiB of memory wrote 320 MiB through its page cache in $(($(now) - start)) ms"

pods delete -f "$here/large.yaml" --wait=false > /dev/null
wait_for 120 "claims or volumes are left: $(pods get pvc,pv 2>&1)" no_claims

step fullDisksRefuseWritesUntilDisksAreAdded
# More than a disk holds, and volumes that can still be restored have their share promised: as thin as it gets.
kubectl patch storagepool default --type merge -p '{"spec":{"overProvisioningPercent":500}}' > /dev/null
pods apply -f "$here/flood.yaml" > /dev/null
wait_for 60 "the pod does not run" runs flood
pods exec flood -- sh -c 'dd if=/dev/urandom of=/tmp/piece bs=1M count=10 && echo 0 > /tmp/written' 2> "$work/flood" || fail "$(< "$work/flood")"
# Writes on where it was refused.
flood() {
  pods exec flood -- sh -c 'while read -r written < /tmp/written && [ "$written" -lt 99 ]; do
    dd if=/tmp/piece of=/dev/data bs=1M seek=$((10 * written)) oflag=direct || exit 1
    echo $((written + 1)) > /tmp/written; done' 2> "$work/flood"
}
is_told() {
  [[ $(condition "volume/$(claim_volume flood)" HasRoom reason) == DiskFull ]] && pods get events -o json |
    jq -e '.items[] | select(.involvedObject.kind == "PersistentVolumeClaim" and .reason == "DiskFull")'
}
full_and_told() {
  if flood; then fail "990 MiB went onto disks of 1 GiB"; fi
  grep -q 'No space left' "$work/flood" || fail "it is not told that there is no space: $(< "$work/flood")"
  is_told
}
wait_for 60 "nobody says that disks are full" full_and_told
condition "volume/$(claim_volume flood)" HasRoom message
loading
written=$(pods exec flood -- cat /tmp/written)
for ((number = 1; number <= NODES; number++)); do "$cluster" add-disk "$number" 2G; done
start=$(now)
wait_for 120 "writes are refused though disks were added: $(kubectl get disks,volumes -o wide)" flood
figure "disks full after ${written}0 MiB; all that was refused is written $(($(now) - start)) ms after larger disks were added"
[[ $(pods exec flood -- sh -c 'i=0; while [ $i -lt 99 ]; do dd if=/dev/data bs=1M count=10 skip=$((10 * i)) iflag=direct 2> /dev/null |
  md5sum; i=$((i + 1)); done | sort | uniq -c' | awk '{ print $1 }') == 99 ]] || fail "it reads other than it wrote"
has_room() { [[ $(condition "volume/$(claim_volume flood)" HasRoom status) == True ]]; }
wait_for 120 "a replica stays on a full disk: $(kubectl get disks,volumes -o wide)" has_room
pods delete -f "$here/flood.yaml" --wait=false > /dev/null
wait_for 120 "claims or volumes are left: $(pods get pvc,pv 2>&1)" no_claims
left_disks_are_empty() {
  kubectl get disks -o json | jq -e '[.items[].status | select(.replicas == 0) | .capacity.usedBytes / .capacity.usableBytes] | all(. < 0.15)'
}
wait_for 60 "disks without replicas are not empty: $(kubectl get disks -o json | jq -c '.items[].status.capacity')" left_disks_are_empty
wait_for 60 "not everything is in sync" all_ready
