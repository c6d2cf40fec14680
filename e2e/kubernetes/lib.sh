# shellcheck shell=bash disable=SC2034
# Where the parts of the throw-away Kubernetes lie, and how its processes are started, found and ended. Sourced by the
# commands here.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${CAIRN_E2E_DIR:-$HOME/.cache/cairn-e2e}
kubernetes_version=v1.34.4
etcd_version=v3.6.16
helm_version=v3.19.0
csi_test_version=v5.6.0
# The newest of each that resolve as Go modules, and the libraries of Kubernetes that they build with.
provisioner_version=v6.3.0
resizer_version=v2.2.0
sidecar_libraries=v0.36.3
bin=$home/bin
images=$home/images
run=$home/run    # all that a running cluster has made; gone after `down`
certificates=$run/certificates
logs=$run/logs

# Everything that carries a name outside of $run begins with it: bridge, links, network namespaces, cgroups.
readonly PREFIX=cairn-e2e
readonly API_ADDRESS=10.99.0.1 API_PORT=6443 SERVICES=10.96.0.0/16 MAX_NODES=9
# The cgroup (version 1) hierarchies that a node has a part of its own in.
readonly CONTROLLERS=(cpu cpuacct cpuset memory devices freezer blkio pids systemd)
# What kubelet and containerd expect at fixed places. Each node mounts folders of its own over them.
readonly NODE_FOLDERS=(/var/lib/kubelet /var/lib/containerd /var/lib/cni /var/lib/cairn /var/log/pods /var/log/containers
  /etc/cni/net.d /dev/cairn-e2e)

readonly API_SERVER_BINARIES=(etcd kube-apiserver kubectl helm csi-sanity)
readonly NODE_BINARIES=(kube-controller-manager kube-scheduler kubelet kube-proxy etcdctl pause
  csi-provisioner csi-resizer)

PATH=$bin:$PATH:/usr/local/go/bin:/usr/sbin:/sbin
callers_kubeconfig=${KUBECONFIG-}
export KUBECONFIG=$run/admin.kubeconfig

say() { echo "cluster: $*" >&2; }

fail() {
  say "$*"
  exit 1
}

# The comment at the head of the command, up to its first line of code.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

node_address() { echo "10.99.0.1$1"; }
node_folder() { echo "$run/node$1"; }

# A process by number and moment of its start: numbers are used again.
identity() {
  local stat fields
  stat=$(< "/proc/$1/stat") 2> /dev/null || return 1
  read -ra fields <<< "${stat##*) }"
  echo "$1 ${fields[19]}"
}

# Prints the number of process $1 of the cluster if it lives.
pid_of() {
  local recorded
  recorded=$(cat "$run/$1.pid" 2> /dev/null) || return 1
  [[ $(identity "${recorded% *}" 2> /dev/null) == "$recorded" ]] || return 1
  echo "${recorded% *}"
}

# The only child of a node's outermost process: the first one in the node's process namespace.
init_of() { tr -d ' ' < "/proc/$1/task/$1/children"; }

# Closes every file but the three usual ones: what outlives its caller must not hold his locks and pipes open.
close_files() {
  local file
  for file in /proc/"$BASHPID"/fd/*; do
    file=${file##*/}
    ((file <= 2)) || eval "exec $file>&-"
  done
}

# Starts "$2..." as process $1 of the cluster, unless it runs already.
start_process() {
  local name=$1
  shift
  if pid_of "$name" > /dev/null; then return; fi
  (close_files && exec setsid "$@") >> "$logs/$name.log" 2>&1 < /dev/null &
  identity $! > "$run/$name.pid" || fail "$name ended at once; see $logs/$name.log"
  disown
}

# Ends process $1 of the cluster by SIGKILL, and waits until it is gone.
kill_process() {
  local pid
  if pid=$(pid_of "$1"); then
    kill -KILL "$pid"
    tail --pid="$pid" -s 0.05 -f /dev/null
  fi
  rm -f "$run/$1.pid"
}

# Waits until "$3..." succeeds, which on a machine with nothing else to do takes less than $1 seconds, and on a busy one
# at most three times as long; otherwise fails saying that $2.
wait_for() {
  local seconds=$((3 * $1)) start=$SECONDS what=$2
  shift 2
  until "$@" > /dev/null 2>&1; do
    ((SECONDS - start < seconds)) || fail "$what, after $seconds s; see the logs in $logs"
    sleep 0.1
  done
}
