# shellcheck shell=bash disable=SC2154
# Steps of the trial: pods are placed beside their data, it is said why a node will not do, and the pod of a node whose
# power is cut writes elsewhere in seconds, on top of all that was written before. Sourced by the trial; what it uses is
# defined there.

writers() { kubectl -n default get pods -l app=writer -o "jsonpath={range .items[*]}{$1}{\"\n\"}{end}"; }
# Field $2 of pod $1.
of_pod() { kubectl -n default get pod "$1" -o "jsonpath={$2}" --ignore-not-found; }
# The Volume of pod $1, and the id of that.
volume_of() { kubectl -n default get pvc "data-$1" -o 'jsonpath={.spec.volumeName}'; }
id_of() { field "volume/$(volume_of "$1")" .spec.id; }
# The last line of pod $1 that is durable: when it was written, in seconds since the machine started.
written() { kubectl -n default logs "$1" --tail=1 2> /dev/null; }

writers_write() {
  local number
  for ((number = 0; number < NODES; number++)); do [[ $(written "writer-$number") ]] || return 1; done
}

scheduler_leads() {
  [[ $(field deployment/cairn-scheduler .status.readyReplicas) == 2 && $(field lease/cairn-scheduler .spec.holderIdentity) ]]
}

# Prints what has happened to pod $1 and to node $2 since the pod had the uid $3, and to membership $4 since the epoch $5.
progress() {
  kubectl -n default get "node/$2" "pod/$1" "volumemembership/$4" --ignore-not-found -o json |
    jq -r --arg uid "$3" --argjson epoch "$5" '.items[] |
      if .kind == "Node" then select(any(.spec.taints[]?; .key == "cairn.storage/failed")) | "tainted"
      elif .kind == "Pod" then select(.metadata.uid != $uid) | "replaced",
        (select(.spec.nodeName) | "scheduled"), (select(.status.containerStatuses[0].ready) | "started")
      else select(.spec.epoch > $epoch) | "fenced" end'
}

# Cuts the power of the node of pod $1, and waits until the pod writes elsewhere: tells when what happened.
fail_over() {
  local pod=$1 uid id epoch last cut silence what told='' line=''
  dead=$(of_pod "$pod" .spec.nodeName)
  uid=$(of_pod "$pod" .metadata.uid)
  id=$(id_of "$pod")
  epoch=$(field "volumemembership/$id" .spec.epoch)
  last=$(written "$pod")
  "$cluster" kill-node "${dead#node}"
  cut=$(now)
  read -r silence _ < /proc/uptime
  until [[ $told == *started* ]]; do
    (($(now) - cut < 90000)) || fail "90 s after the power of $dead was cut:${told:- nothing happened}; $(kubectl get events \
      -n default --field-selector "involvedObject.name=$dead" -o 'jsonpath={range .items[*]}{.reason}: {.message}; {end}')"
    while read -r what; do
      [[ $told == *"$what"* ]] || told+=" $what after $(($(now) - cut)) ms,"
    done < <(progress "$pod" "$dead" "$uid" "$id" "$epoch")
  done
  first_line() { line=$(kubectl -n default logs "$pod" 2> /dev/null | head -n 1) && [[ $line ]]; }
  wait_for 30 "the pod does not write" first_line
  first_line
  kubectl -n default exec "$pod" -- grep -q "^$last\$" /data/log || fail "what $pod wrote last is lost: $last"
  figure "power of $dead cut:$told first write after $(awk -v line="$line" -v cut="$silence" 'BEGIN { printf "%.0f", (line - cut) * 1000 }') ms"
}

step podsRunBesideTheirData
wait_for 60 "cairn-scheduler does not lead" scheduler_leads
kubectl apply -f <(sed '/^---$/,$d' "$here/writers.yaml") > /dev/null
# Until the provisioner has said how much room a node has for a new class, kube-scheduler puts nothing there.
room_told() {
  (($(kubectl get csistoragecapacities -A -o json | jq '[.items[] | select(.storageClassName == "cairn-writers")] | length') == NODES))
}
wait_for 90 "nobody says how much room there is" room_told
kubectl -n default apply -f "$here/writers.yaml" > /dev/null
wait_for 120 "the pods do not write" writers_write
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
taint_gone() { [[ ! $(kubectl get node "$dead" -o 'jsonpath={.spec.taints[?(@.key=="cairn.storage/failed")].key}') ]]; }
wait_for 120 "the node keeps our taint" taint_gone
wait_for 120 "its engine does not come back" all_ready
# A pod that comes before kubelet knows the driver again is tried in ever longer intervals.
driver_runs() { kubectl -n "$namespace" rollout status daemonset/cairn-csi-node --timeout=1s; }
wait_for 60 "its driver does not come back" driver_runs
figure "taint gone and replicas in sync $((SECONDS - start)) s after the node was started again"
loading

step drainedNodeGivesItsPodsAway
drained=$(of_pod writer-2 .spec.nodeName)
start=$SECONDS
wait_for 90 "the node cannot be drained" kubectl drain "$drained" --ignore-daemonsets --delete-emptydir-data --timeout=80s
wait_for 60 "the pods do not write" writers_write
[[ $(of_pod writer-2 .spec.nodeName) != "$drained" ]] || fail "the pod is on $drained again"
figure "$drained drained, its pod writes elsewhere after $((SECONDS - start)) s"
kubectl uncordon "$drained" > /dev/null
loading
kubectl -n default delete statefulset writer > /dev/null
kubectl -n default delete pvc -l app=writer > /dev/null
no_volumes() { [[ ! $(kubectl get pv -o name) ]]; }
wait_for 60 "volumes are left" no_volumes
wait_for 60 "not everything is in sync" all_ready
