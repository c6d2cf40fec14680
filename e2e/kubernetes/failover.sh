# shellcheck shell=bash disable=SC2154
# Steps of the trial: pods are placed beside their data, it is said why a node will not do, and the pod of a node whose
# power is cut writes elsewhere in seconds, on top of all that was written before. Sourced by the trial; what it uses is
# defined there.

# shellcheck source=writers.sh
. "$here/writers.sh"

step podsRunBesideTheirData
start_writers
[[ $(writers .spec.schedulerName | sort -u) == cairn-scheduler ]] || fail "the webhook has not routed them: $(writers .spec.schedulerName)"
cairn locality -n default | tee "$work/locality"
grep -q "^$NODES of $NODES are" "$work/locality" || fail "not all are beside their data"
(($(writers .spec.nodeName | sort -u | wc -l) == NODES)) || fail "several are on one node: $(writers .spec.nodeName)"

step refusalOfANodeIsSaidInWords
kubectl patch volume "$(volume_of writer-0)" --type merge -p '{"spec":{"locality":"required"}}' > /dev/null
members=$(field "volumemembership/$(id_of writer-0)" .spec.inSync)
other=$(kubectl get disks -o json | jq -r --argjson members "$members" '[.items[] | {node: .status.node, name: .metadata.name}] |
  group_by(.node)[] | select(all(.name | IN($members[]) | not)) | .[0].node')
kubectl -n default run pinned --image=registry.local/toolbox:1 --restart=Never --overrides "{\"spec\": {
  \"nodeSelector\": {\"kubernetes.io/hostname\": \"$other\"},
  \"volumes\": [{\"name\": \"data\", \"persistentVolumeClaim\": {\"claimName\": \"data-writer-0\"}}]}}" > /dev/null
refusal() { kubectl -n default describe pod pinned | grep 'wants its pod beside its data'; }
wait_for 60 "nobody says why the pod waits" refusal
refusal
kubectl -n default delete pod pinned --grace-period=0 --force > /dev/null 2>&1
kubectl patch volume "$(volume_of writer-0)" --type merge -p '{"spec":{"locality":"preferred"}}' > /dev/null

# --- our scheduler is away ------------------------------------------------------------------------------------------------

# A pod named $1 with a claim of ours, which names the scheduler $2 if that is said.
pod_with_claim() {
  cat << YAML
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: $1, namespace: default, labels: {app: away}}
spec: {accessModes: [ReadWriteOnce], storageClassName: cairn-writers, resources: {requests: {storage: 16Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: $1, namespace: default, labels: {app: away}}
spec:
  ${2:+schedulerName: $2}
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: registry.local/toolbox:1
    imagePullPolicy: Never
    command: [sh, -c, "echo mine > /data/file && sync && exec sleep infinity"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: $1}}]
YAML
}

# The scheduler that a new pod would get.
scheduler_of_a_new_pod() {
  pod_with_claim probe | sed -e '1,/^---$/d' -e 's/claimName: probe/claimName: data-writer-0/' | kubectl create --dry-run=server -f - -o 'jsonpath={.spec.schedulerName}'
}

routed() { [[ $(scheduler_of_a_new_pod) == cairn-scheduler ]]; }
not_routed() { [[ $(scheduler_of_a_new_pod) == default-scheduler ]]; }

# The processes whose names match $1 in the pods of cairn-scheduler, wherever they run.
scheduler_processes() {
  local uid tasks pid
  for uid in $(kubectl -n "$namespace" get pods -l app.kubernetes.io/name=cairn-scheduler -o 'jsonpath={.items[*].metadata.uid}'); do
    find /sys/fs/cgroup/cpuacct/"$PREFIX"-node*/ -path "*/pod$uid/*" -name cgroup.procs
  done | while read -r tasks; do
    for pid in $(cat "$tasks" 2> /dev/null); do
      [[ ! $(cat "/proc/$pid/comm" 2> /dev/null) =~ ^($1)$ ]] || echo "$pid"
    done
  done
}

# Sends signal $1 to those processes, and to whatever is started in their place, until they are released.
hold() {
  while [[ ! -e $work/released ]]; do
    scheduler_processes "$2" | xargs -r kill "-$1" 2> /dev/null || true
    sleep 0.2
  done
}

release() {
  touch "$work/released"
  wait "$holding" || true
  scheduler_processes "$1" | xargs -r kill -CONT 2> /dev/null || true
}

# Signal $1 holds processes $2 of our scheduler down. New pods run all the same, and when they are back pods go to our
# scheduler again. When $3 is said, those that were sent there before anybody knew run then.
pods_run_without() {
  local name=away-${1,,}-${2//|/-and-} begun early=${3-}
  wait_for 60 "pods are not sent to our scheduler" routed
  rm -f "$work/released"
  hold "$1" "$2" &
  holding=$!
  background+=("$holding")
  begun=$(now)
  if [[ $early ]]; then
    pod_with_claim "$name-early" | kubectl create -f - > /dev/null
    if [[ $(of_pod "$name-early" .spec.schedulerName) != cairn-scheduler ]]; then
      figure "$1 of $2 of cairn-scheduler: known before a pod could be sent there"
      early=''
    fi
  fi
  wait_for 20 "pods are still sent to our scheduler, which does not serve" not_routed
  figure "$1 of $2 of cairn-scheduler: pods go to the usual scheduler after $(($(now) - begun)) ms"
  begun=$(now)
  pod_with_claim "$name" | kubectl create -f - > /dev/null
  [[ $(of_pod "$name" .spec.schedulerName) == default-scheduler ]] || fail "it was sent to a scheduler that does not serve"
  pod_ready() { [[ $(of_pod "$1" '.status.conditions[?(@.type=="Ready")].status') == True ]]; }
  wait_for 60 "a new pod does not run" pod_ready "$name"
  figure "and a new pod with a claim runs after $(($(now) - begun)) ms"
  if [[ $2 == java ]]; then
    # kube-scheduler goes on without its extender.
    pod_with_claim "$name-named" cairn-scheduler | kubectl create -f - > /dev/null
    wait_for 60 "a pod of ours is not scheduled without the extender" pod_ready "$name-named"
  fi
  begun=$(now)
  release "$2"
  wait_for 120 "pods are not sent to our scheduler again" routed
  figure "released, pods go to cairn-scheduler again after $(($(now) - begun)) ms"
  [[ ! $early ]] || wait_for 120 "a pod that was sent to our scheduler before it was down does not run" pod_ready "$name-early"
  kubectl -n default delete pods,pvc -l app=away --wait=false > /dev/null
}

step podsRunWhileOurSchedulerIsKilled
pods_run_without KILL 'java|kube-scheduler'

step podsRunWhileOurSchedulerHangs
pods_run_without STOP 'java|kube-scheduler'

step podsRunWhileOnlyTheExtenderHangs
pods_run_without STOP java

step podsRunWhileOnlyKubeSchedulerHangs
pods_run_without STOP kube-scheduler early
wait_for 60 "cairn-scheduler is not whole again" is deployment/cairn-scheduler .status.readyReplicas 2
loading

step podOfADeadNodeWritesElsewhere
fail_over writer-1
loading

step deadNodeReturns
start=$SECONDS
"$cluster" start-node "${dead#node}"
returned "$dead"
wait_for 120 "its engine does not come back" all_ready
figure "taint gone and replicas in sync $((SECONDS - start)) s after the node was started again"
loading

step nodeOfTheFailoverLeaderDies
victim=$(writer_beside cairn-failover) || fail "nobody leads cairn-failover, or no writer runs beside it"
fail_over "$victim"
"$cluster" start-node "${dead#node}"
returned "$dead"
wait_for 120 "its engine does not come back" all_ready
loading

step volumesOfPodsElsewhereGoOnWhenANodeDies
empty_of_writers "$(of_pod writer-2 .spec.nodeName)"
wait_for 60 "not everything is in sync" all_ready
start=$(now)
cut_power "$(node_without_writers)"
wait_for 30 "$dead is not tainted" tainted "$dead"
waited=$(wait_of_others)
figure "a node that hosts no pod of ours dies: pods on others wait for $waited ms at most"
# Three seconds, and one for what a busy machine adds.
((waited <= 4000)) || fail "a pod that was not on $dead waited for $waited ms"
window "a node that hosts no pod of ours dies" "$start"
"$cluster" start-node "${dead#node}"
returned "$dead"
wait_for 120 "its engine does not come back" all_ready
loading

step nodeThatIsCutOffWritesNoMore
cut_off=$(of_pod writer-0 .spec.nodeName)
uid=$(of_pod writer-0 .metadata.uid)
id=$(id_of writer-0)
old_log=$(node_folder "${cut_off#node}")/var/log/pods
"$cluster" cut-node "${cut_off#node}"
start=$(now)
elsewhere() { [[ $(of_pod writer-0 .metadata.uid) != "$uid" && $(kubectl -n default logs writer-0 2> /dev/null) ]]; }
wait_for 90 "writer-0 does not write elsewhere" elsewhere
figure "$cut_off cut off: its pod writes elsewhere after $(($(now) - start)) ms"
many_lines() { (($(kubectl -n default logs writer-0 | wc -l) > 20)); }
wait_for 60 "writer-0 does not go on" many_lines
# By one clock, since the nodes are one machine: what the old pod was told of as durable came before the new one's first
# write, also while both ran on.
first=$(first_written writer-0)
last=$(awk '$2 == "stdout" { print $NF }' "$old_log"/default_writer-0_"$uid"/main/*.log | tail -n 1)
[[ $last ]] || fail "the pod that was cut off has no log in $old_log"
awk -v old="$last" -v new="$first" 'BEGIN { exit !(old < new) }' ||
  fail "two pods wrote: the old one still at $last, the new one from $first on"
kubectl -n default exec writer-0 -- grep -q "^$last\$" /data/log || fail "what the old pod wrote last is lost: $last"
loading

# Kubelet hangs meanwhile, so that nobody else takes the old pod and its mount away.
step nodeThatWasCutOffIsCleanedBeforeItHostsVolumesAgain
# The mounts that node $1 has of volume $2, and the process that reaches it.
left_of() {
  awk -v id="$2" -v device="$old_device" 'index($0, id) || $10 == device { print "mount " $5 }' "/proc/$(init_of "$(pid_of "$1")")/mountinfo"
  processes_of "$1" -fa "/$2/relay.jar" || true
}
nothing_left_of() { [[ ! $(left_of "$1" "$2") ]]; }
# What the old container, which has a copy of the mount, kept from ending is gone too.
nothing_behind() { ! processes_of "$1" -f "/$2" && ! losetup -n -O NAME,BACK-FILE | grep ' /volume$'; }
old_device=$(awk -v uid="/$uid/" 'index($5, uid) && / - [a-z0-9]+ \/dev\/loop/ { print $10; exit }' "/proc/$(init_of "$(pid_of "$cut_off")")/mountinfo")
[[ $old_device && $(left_of "$cut_off" "$id") == *mount*relay* ]] ||
  fail "the node that was cut off has not got the old mount and device any more: $(left_of "$cut_off" "$id")"
kubelet=$(kubelet_of "$cut_off")
kill -STOP "$kubelet"
start=$(now)
"$cluster" join-node "${cut_off#node}"
wait_for 60 "its driver does not take the old mount and device away: $(left_of "$cut_off" "$id")" nothing_left_of "$cut_off" "$id"
figure "connected again, kubelet hanging: old mount and device are gone after $(($(now) - start)) ms"
tainted "$cut_off" || fail "$cut_off may host volumes again, and its kubelet hangs"
[[ $(awk '$2 == "stdout" { print $NF }' "$old_log"/default_writer-0_"$uid"/main/*.log | tail -n 1) == "$last" ]] ||
  fail "the old pod was told that it wrote something after it was fenced"
grep -q 'stderr' "$old_log"/default_writer-0_"$uid"/main/*.log || fail "the old pod was not told that it cannot write"
kill -CONT "$kubelet"
while tainted "$cut_off"; do
  (($(now) - start < 200000)) || fail "$cut_off keeps our taint"
  sleep 0.2
done
nothing_left_of "$cut_off" "$id" || fail "$cut_off may host volumes again, and still has $(left_of "$cut_off" "$id")"
figure "its kubelet runs again, and it may host volumes, $(($(now) - start)) ms after it was connected"
wait_for 30 "something is left behind the old device" nothing_behind "$cut_off" "$id"
returned "$cut_off"
wait_for 120 "its engine does not come back" all_ready
# It can be the writer's node again, which reads from the disks, not from the page cache.
for ((number = 1; number <= NODES; number++)); do [[ node$number == "$cut_off" ]] || kubectl cordon "node$number" > /dev/null; done
kubectl -n default delete pod writer-0 > /dev/null
wait_for 60 "writer-0 does not write on $cut_off" writers_write
[[ $(of_pod writer-0 .spec.nodeName) == "$cut_off" ]] || fail "writer-0 is not on $cut_off"
for ((number = 1; number <= NODES; number++)); do kubectl uncordon "node$number" > /dev/null; done
for line in "$last" "$first"; do
  kubectl -n default exec writer-0 -- grep -q "^$line\$" /data/log || fail "a line that was durable is lost: $line"
done
kubectl -n default exec writer-0 -- cat /data/log | sort -c -n 2> "$work/order" || fail "two pods wrote: $(< "$work/order")"
loading

step nodesAreDrainedOneAfterTheOther
start=$SECONDS
for ((number = 1; number <= NODES; number++)); do
  drained=node$number
  wait_for 90 "$drained cannot be drained" kubectl drain "$drained" --ignore-daemonsets --delete-emptydir-data --timeout=80s
  wait_for 60 "the pods do not write" writers_write
  [[ ! $(kubectl -n default get pods -l app=writer --field-selector "spec.nodeName=$drained" -o name) ]] ||
    fail "a pod is on $drained again"
  kubectl uncordon "$drained" > /dev/null
  loading
  wait_for 120 "not everything is in sync" all_ready
done
figure "all nodes drained one after the other, pods writing again after each, in $((SECONDS - start)) s"
remove_writers
wait_for 60 "not everything is in sync" all_ready
