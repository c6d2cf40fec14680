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

step nodeThatIsCutOffWritesNoMore
cut_off=$(of_pod writer-0 .spec.nodeName)
uid=$(of_pod writer-0 .metadata.uid)
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
"$cluster" join-node "${cut_off#node}"
returned "$cut_off"
wait_for 120 "its engine does not come back" all_ready
# Read from the disks, not from the page cache.
kubectl -n default delete pod writer-0 > /dev/null
wait_for 60 "the pods do not write" writers_write
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
