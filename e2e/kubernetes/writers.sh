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
  first_line() { line=$(first_written "$pod") && [[ $line ]]; }
  wait_for 30 "the pod does not write" first_line
  first_line
  kubectl -n default exec "$pod" -- grep -q "^$last\$" /data/log || fail "what $pod wrote last is lost: $last"
  figure "power of $dead cut:$told first write after $(awk -v line="$line" -v cut="$silence" 'BEGIN { printf "%.0f", (line - cut) * 1000 }') ms"
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

remove_writers() {
  kubectl -n default delete statefulset writer > /dev/null
  kubectl -n default delete pvc -l app=writer > /dev/null
  wait_for 60 "volumes are left" no_volumes
  kubectl delete storageclass cairn-writers > /dev/null
}

no_volumes() { [[ ! $(kubectl get pv -o name) ]]; }
