# shellcheck shell=bash
# The PostgreSQL of examples/postgres.yaml, into which somebody inserts all the time, and what has to be true of it after
# whatever happened. Sourced after cairn.sh, with the folder $work and the list of processes $background.

pods() { kubectl -n default "$@"; }
# Whether field $2 of resource $1 is $3, in the namespace of the pods.
pod_is() { [[ $(pods get "$1" -o "jsonpath={$2}" 2> /dev/null) == "$3" ]]; }
runs() { pod_is "pod/$1" '.status.conditions[?(@.type=="Ready")].status' True; }

# One that does not answer has a node that is gone: another connection may reach its successor.
sql() { timeout 10 "$bin/kubectl" -n default exec postgres-0 -- psql -U postgres -qtAX -c "$1" 2> "$work/psql"; }

# Inserts one number after the other, each in a transaction of its own. The last one that was committed is in the file
# inserted, and in the file commits when each of them was, in milliseconds.
insert() {
  local number=0
  while [[ ! -e $work/inserted.enough ]]; do
    if sql "INSERT INTO numbers VALUES ($((number + 1))) ON CONFLICT DO NOTHING" > /dev/null; then
      number=$((number + 1))
      echo "$(now) $number" >> "$work/commits"
      echo "$number" > "$work/inserted.new" && mv "$work/inserted.new" "$work/inserted"
    fi
  done
}

inserted() { cat "$work/inserted" 2> /dev/null || echo 0; }
more_than() { (($(inserted) > $1)); }
# Waits until the database commits again.
inserting() { wait_for "$1" "the database commits nothing any more: $(cat "$work/psql")" more_than "$(($(inserted) + 1))"; }

# All that was committed is there, and neither a table nor an index nor a page is damaged.
database_whole() {
  local committed
  committed=$(inserted)
  [[ $(sql "SELECT count(*) FROM numbers WHERE number <= $committed") == "$committed" ]] ||
    fail "of $committed rows that were committed there are $(sql "SELECT count(*) FROM numbers WHERE number <= $committed")"
  pods exec postgres-0 -- pg_amcheck -U postgres --install-missing --heapallindexed > "$work/amcheck" 2>&1 ||
    fail "the database is damaged: $(< "$work/amcheck")"
}

# Starts it on a volume of size $1, and inserts from now on.
start_database() {
  sed "s/storage: 10Gi/storage: $1/" "$root/examples/postgres.yaml" | pods apply -f - > /dev/null
  wait_for 120 "PostgreSQL does not run" runs postgres-0
  sql 'CREATE TABLE numbers (number bigint PRIMARY KEY)' || fail "the database answers: $(< "$work/psql")"
  insert &
  background+=($!)
  inserting 30
}

# Ends it, and deletes its volume for good.
remove_database() {
  local volume
  touch "$work/inserted.enough"
  volume=$(pods get pvc data-postgres-0 -o 'jsonpath={.spec.volumeName}' --ignore-not-found)
  pods delete statefulset/postgres service/postgres --ignore-not-found > /dev/null
  [[ ! $volume ]] || kubectl patch pv "$volume" --type merge -p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}' > /dev/null
  pods delete pvc data-postgres-0 --ignore-not-found > /dev/null
  kubectl delete storageclass cairn-database --ignore-not-found > /dev/null
}
