# shellcheck shell=bash
# A pod for each node that writes to a volume of its own, and what happens to one whose node's power is cut. Sourced after
# cairn.sh, with figure() for what is found.

writers() { kubectl -n default get pods -l app=writer -o "jsonpath={range .items[*]}{$1}{\"\n\"}{end}"; }
# Field $2 of pod $1.
of_pod() { kubectl -n default get pod "$1" -o "jsonpath={$2}" --ignore-not-found; }
# The Volume of pod $1, and the id of that.
volume_of() { kubectl -n default get pvc "data-$1" -o 'jsonpath={.spec.volumeName}'; }
id_of() { field "volume/$(volume_of "$1")" .spec.id; }
# The last line of pod $1 that is durable: when it was written, in seconds since the machine started.
written() { kubectl -n default logs "$1" --tail=1 2> /dev/null; }
# The first one. All are read: whoever ends before kubectl does makes it fail.
first_written() { kubectl -n default logs "$1" 2> /dev/null | sed -n 1p; }

writers_write() {
  local number
  for ((number = 0; number < NODES; number++)); do [[ $(written "writer-$number") ]] || return 1; done
}

scheduler_leads() {
  [[ $(field deployment/cairn-scheduler .status.readyReplicas) == 2 && $(field lease/cairn-scheduler .spec.holderIdentity) ]]
}

# Cuts the power of node $1. From now on dead is its name, cut when that was in milliseconds since 1970, and silence the
# same in seconds since the machine was started; others are the writers on other nodes.
cut_power() {
  dead=$1
  mapfile -t others < <(writers_beyond "$dead")
  cut=$(now)
  read -r silence _ < /proc/uptime
  "$cluster" kill-node "${dead#node}"
}

# Writes into $work/followed whenever something happens to pod $1: milliseconds, its uid, its node, whether it is ready.
follow_pod() {
  : > "$work/followed"
  kubectl -n default get pod "$1" --watch -o json 2> /dev/null > >(jq --unbuffered -r '[(now * 1000 | floor), .metadata.uid,
    .spec.nodeName // "-", .status.containerStatuses[0].ready // false] | join(" ")' >> "$work/followed") &
  followed=$!
  disown
  wait_for 10 "nobody follows pod $1" test -s "$work/followed"
}

# Waits until pod $1, whose uid was $2, runs anew elsewhere.
awaits_successor() {
  until awk -v uid="$2" -v dead="$dead" '$2 != uid && $3 != dead && $4 == "true" { found = 1 } END { exit !found }' "$work/followed"; do
    (($(now) - cut < 90000)) || fail "90 s after the power of $dead was cut pod $1 does not run: $(kubectl get events \
      -n default --field-selector "involvedObject.name=$dead" -o 'jsonpath={range .items[*]}{.reason}: {.message}; {end}')"
    sleep 0.1
  done
}

# Prints when failover said for the first time since the cut that $1 is true of node $dead.
decided() {
  local pod stamp
  for pod in $(kubectl -n "$namespace" get pods -l app.kubernetes.io/name=cairn-failover \
    --field-selector "spec.nodeName!=$dead" -o name); do
    kubectl -n "$namespace" logs "$pod" 2> /dev/null || true
  done | awk -v what="$1" -v node="node=$dead" '$0 ~ node " " what { print $1 }' | while read -r stamp; do
    date -d "${stamp/,/.}" +%s%3N
  done | awk -v cut="$cut" '$1 >= cut' | sort -n | sed -n 1p
}

# Prints when volume $3 was staged for the successor of pod $1, whose uid was $2: kubelet makes the place where it is
# published at once after that.
staged() {
  local uid node
  read -r uid node < <(awk -v uid="$2" '$2 != uid && $3 != "-" { print $2, $3 }' "$work/followed" | tail -n 1)
  date -d "@$(stat -c %.3Y "$(node_folder "${node#node}")/var/lib/kubelet/pods/$uid/volumes/kubernetes.io~csi/$3")" +%s%3N
}

# Tells when what happened since the cut to pod $1, whose uid was $2 and volume $3, and that this was first written to
# at $4.
time_line() {
  local told='' what when
  while read -r when what; do
    [[ ! $when ]] || told+=" $what after $((when - cut)) ms,"
  done << LINES
$(decided FailoverBegins) detected
$(decided VolumesFenced) fenced
$(decided NodeTainted) tainted
$(decided PodsDeleted) deleted
$(awk -v uid="$2" '$2 != uid { print $1; exit }' "$work/followed") replaced
$(awk -v uid="$2" '$2 != uid && $3 != "-" { print $1; exit }' "$work/followed") scheduled
$(staged "$1" "$2" "$3") staged
$(awk -v uid="$2" '$2 != uid && $4 == "true" { print $1; exit }' "$work/followed") started
LINES
  figure "power of $dead cut:$told first write after $(($4 - cut)) ms"
}

# Cuts the power of the node of the writer $1, and waits until it writes elsewhere: tells when what happened.
fail_over() {
  local pod=$1 uid last line='' volume
  uid=$(of_pod "$pod" .metadata.uid)
  volume=$(volume_of "$pod")
  last=$(written "$pod")
  follow_pod "$pod"
  cut_power "$(of_pod "$pod" .spec.nodeName)"
  awaits_successor "$pod" "$uid"
  kill "$followed"
  first_line() { line=$(first_written "$pod") && [[ $line ]]; }
  wait_for 30 "the pod does not write" first_line
  first_line
  kubectl -n default exec "$pod" -- grep -q "^$last\$" /data/log || fail "what $pod wrote last is lost: $last"
  time_line "$pod" "$uid" "$volume" "$(awk -v line="$line" -v cut="$silence" -v at="$cut" 'BEGIN { printf "%.0f", at + (line - cut) * 1000 }')"
}

# Prints the names of the writers that do not run on node $1.
writers_beyond() {
  kubectl -n default get pods -l app=writer --field-selector "spec.nodeName!=$1" -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}'
}

# Prints for how many milliseconds one of the writers $3... did not write at most, from $1 to $2 (seconds since the machine
# was started).
longest_wait() {
  local from=$1 to=$2 pod
  shift 2
  for pod; do
    kubectl -n default logs "$pod" | awk -v from="$from" -v to="$to" '
      before != "" && $1 > from && before < to && $1 - before > most { most = $1 - before }
      { before = $1 }
      END { if (before < to && to - before > most) most = to - before; printf "%.0f\n", most * 1000 }'
  done | sort -n | tail -n 1
}

# Prints the same of the writers that were on other nodes when the power was cut, for the 20 s since then.
wait_of_others() {
  local until
  until=$(awk -v cut="$silence" 'BEGIN { print cut + 20 }')
  sleep "$(awk -v until="$until" '{ print (until > $1 ? until - $1 : 0) }' /proc/uptime)"
  longest_wait "$silence" "$until" "${others[@]}"
}

tainted() { ! taint_gone "$1"; }

# Moves all writers away from node $1.
empty_of_writers() {
  kubectl cordon "$1" > /dev/null
  kubectl -n default delete pods -l app=writer --field-selector "spec.nodeName=$1" > /dev/null
  wait_for 60 "the pods do not write" writers_write
  kubectl uncordon "$1" > /dev/null
}

# Waits until the pods of writers.yaml write.
start_writers() {
  wait_for 60 "cairn-scheduler does not lead" scheduler_leads
  kubectl apply -f <(sed '/^---$/,$d' "$here/writers.yaml") > /dev/null
  # Until the provisioner has said how much room a node has for a new class, kube-scheduler puts nothing there.
  wait_for 90 "nobody says how much room there is" room_told
  kubectl -n default apply -f "$here/writers.yaml" > /dev/null
  wait_for 120 "the pods do not write" writers_write
}

room_told() {
  (($(kubectl get csistoragecapacities -A -o json | jq '[.items[] | select(.storageClassName == "cairn-writers")] | length') == NODES))
}

# Waits until node $1, whose power or network was cut, is one of us again.
returned() {
  wait_for 120 "$1 keeps our taint" taint_gone "$1"
  # A pod that comes before kubelet knows the driver again is tried in ever longer intervals.
  wait_for 120 "the driver of $1 does not come back" driver_runs
}

taint_gone() { [[ ! $(kubectl get node "$1" -o 'jsonpath={.spec.taints[?(@.key=="cairn.storage/failed")].key}') ]]; }
driver_runs() { kubectl -n "$namespace" rollout status daemonset/cairn-csi-node --timeout=1s; }

# The writer on the node of the pod that leads by the Lease $1, which says the pod's name and a random number.
writer_beside() {
  local leader node
  leader=$(field "lease/$1" .spec.holderIdentity)
  node=$(kubectl -n "$namespace" get pod "${leader%_*}" -o 'jsonpath={.spec.nodeName}') || return 1
  kubectl -n default get pods -l app=writer --field-selector "spec.nodeName=$node" -o 'jsonpath={.items[0].metadata.name}'
}

node_without_writers() {
  comm -23 <(kubectl get nodes -o 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}' | sort) \
    <(writers .spec.nodeName | sort -u) | sed -n 1p
}

remove_writers() {
  kubectl -n default delete statefulset writer > /dev/null
  kubectl -n default delete pvc -l app=writer > /dev/null
  wait_for 60 "volumes are left" no_volumes
  kubectl delete storageclass cairn-writers > /dev/null
}

no_volumes() { [[ ! $(kubectl get pv -o name) ]]; }
