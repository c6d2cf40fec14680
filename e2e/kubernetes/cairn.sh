# shellcheck shell=bash
# Cairn on a Kubernetes: builds its image, installs and looks at it. Sourced after lib.sh.

# A JDK 25, JAVA_HOME first.
find_jdk() {
  local home
  for home in "${JAVA_HOME-}" /usr/lib/jvm/* /usr/java/* /opt/*; do
    if [[ -x $home/bin/javac ]] && grep -q '^JAVA_VERSION="25' "$home/release" 2> /dev/null; then
      echo "$home"
      return
    fi
  done
  fail "no JDK 25 found: set JAVA_HOME"
}

root=$(cd "$here/../.." && pwd)
namespace=cairn-system
image=registry.local/cairn:dev
guard_image=registry.local/pause:1
scheduler_image=registry.local/kube-scheduler:$kubernetes_version
JAVA_HOME=$(find_jdk)
export JAVA_HOME
command_path="$root/cli/target/classes:$root/cli/target/lib/*"
small_jvm=(-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 --enable-native-access=ALL-UNNAMED
  --sun-misc-unsafe-memory-access=allow)

# Builds Cairn's image for the nodes of the throw-away cluster, unless nothing has changed since. The others of this
# machine's users that build it wait.
build_image() {
  local sources=("$root"/pom.xml "$root"/{api,cli,client,csi,data-engine,operator,replica-manager,scheduler-extender}/{pom.xml,src/main} "$root"/images)
  exec {building}> "$home/image.lock"
  flock "$building"
  if [[ ! -e $images/cairn.tar || $(find "${sources[@]}" -newer "$images/cairn.tar" -print -quit) ||
    $(cat "$images/cairn.from" 2> /dev/null) != "$root" ]]; then
    say "building the jars ..."
    mkdir -p "$root/target"
    (cd "$root" && ./mvnw -B -ntp -Dfast -Dmaven.test.skip=true package) > "$root/target/build.log" 2>&1 ||
      fail "the build failed; all of its output is in $root/target/build.log"
    "$root/images/build" --name "$image" --out "$images/cairn.tar"
    echo "$root" > "$images/cairn.from"
  fi
  exec {building}>&-
}

# helm install with "$@" as further options.
install_chart() {
  helm install cairn "$root/charts/cairn" -n "$namespace" --create-namespace \
    --set image.repository="${image%:*}",image.tag="${image##*:}" "$@" > /dev/null
}

# Those options for images that are on the nodes already.
local_images() {
  echo --set image.pullPolicy=Never --set guard.image="$guard_image" --set scheduler.image="$scheduler_image" \
    --set csi.provisioner.image=registry.local/csi-provisioner:1 --set csi.resizer.image=registry.local/csi-resizer:1
}

# Prints the value of field $2 of resource $1.
field() { kubectl -n "$namespace" get "$1" -o "jsonpath={$2}" 2> /dev/null || true; }

is() { [[ $(field "$1" "$2") == "$3" ]]; }

condition() { field "$1" ".status.conditions[?(@.type==\"$2\")].$3"; }

# Whether every disk that is known is in a pool and serves, or is evacuated.
disks_serve() {
  local disks
  disks=$(kubectl get disks -o 'jsonpath={range .items[*]}{.status.state} {.spec.pool}{"\n"}{end}')
  [[ $disks ]] && ! grep -qvE '^(Ready|Draining) .' <<< "$disks"
}

# Whether that is so and nothing is wrong.
pooled() { is storagecluster/cairn .status.phase Ready && disks_serve; }

engine_of() {
  kubectl -n "$namespace" get pods -l app.kubernetes.io/name=cairn-engine --field-selector "spec.nodeName=$1" -o name
}

# The processes of node $1 that pgrep finds by what follows.
processes_of() {
  local node=$1
  shift
  pgrep --ns "$(init_of "$(pid_of "$node")")" --nslist pid "$@"
}

kubelet_of() { processes_of "$1" -x kubelet; }

# Prints for each pod of ours: component, resident KiB of its processes, and CPU nanoseconds it has used.
usage_of_pods() {
  kubectl -n "$namespace" get pods -l app.kubernetes.io/part-of=cairn \
    -o 'jsonpath={range .items[*]}{.metadata.labels.app\.kubernetes\.io/name} {.metadata.uid}{"\n"}{end}' |
    while read -r component uid; do
      local cpu memory
      cpu=$(find /sys/fs/cgroup/cpuacct/"$PREFIX"-node* -type d -name "pod$uid" -print -quit)
      memory=$(find /sys/fs/cgroup/memory/"$PREFIX"-node* -type d -name "pod$uid" -print -quit)
      [[ $cpu && $memory ]] || continue
      echo "$component $uid $(($(awk '$1 == "total_rss" { print $2 }' "$memory/memory.stat") / 1024)) $(< "$cpu/cpuacct.usage")"
    done | sort
}

# The command for people, from the jars that went into the image.
cairn() {
  "$JAVA_HOME/bin/java" "${small_jvm[@]}" -Dcairn.kubectl=true -Dcairn.command=cairn -Dcairn.columns=0 \
    -cp "$command_path" storage.cairn.cli.Cairn --kubeconfig "$KUBECONFIG" "$@"
}
