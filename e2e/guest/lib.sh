# shellcheck shell=bash disable=SC2034
# Where the parts of the guest lie and how its packages' programs are started. Sourced by the commands here.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${CAIRN_GUEST_DIR:-$HOME/.cache/cairn-guest}
packages_root=$home/root    # Debian packages, unpacked and never installed
kernel=$home/vmlinux
base_archive=$home/base.cpio
layers=$home/layers
# Cairn's own layer: one for each checkout, so that one does not test the classes of another.
cairn_layer=cairn-$(cksum <<< "$here" | cut -d ' ' -f 1)
libraries=$packages_root/usr/lib/x86_64-linux-gnu

# Exit codes of `run` that are its own and not the script's.
readonly EXIT_TIMED_OUT=124 EXIT_BROKEN=125 EXIT_POWER_CUT=137

fail() {
  echo "${0##*/}: $*" >&2
  exit "$EXIT_BROKEN"
}

# The comment at the head of the command, up to its first line of code.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0"; }

# Runs program $1 of the packages with the rest as arguments. Their C library and the host's need not match,
# so the packages' own loader starts it.
packaged() {
  local program=$1
  shift
  "${packaged_loader[@]}" "$packages_root/usr/$program" "$@"
}
packaged_loader=("$packages_root/usr/lib64/ld-linux-x86-64.so.2" --inhibit-cache
  --library-path "$libraries:$libraries/systemd:$libraries/ceph")

# Packs the tree $1 into the cpio archive $2, as the kernel wants it, all owned by root.
pack_tree() {
  (cd "$1" && find . -print0 | sort -z | tr '\0' '\n' |
    "$packages_root/usr/bin/busybox" cpio -o -H newc -R 0:0 2> /dev/null) > "$2.part"
  mv "$2.part" "$2"
}

# The home of a JDK 25: JAVA_HOME's, the PATH's or one of the usual folders.
find_jdk() {
  local candidate on_path
  on_path=$(command -v java || true)
  for candidate in "${JAVA_HOME:-}" ${on_path:+"$(dirname "$(dirname "$(realpath "$on_path")")")"} \
    /usr/lib/jvm/* /opt/java/* "$HOME"/.sdkman/candidates/java/* "$HOME"/.jdks/*; do
    if [[ -x $candidate/bin/jlink ]] && grep -q '^JAVA_VERSION="25' "$candidate/release" 2> /dev/null; then
      echo "$candidate"
      return
    fi
  done
  fail "no JDK 25 with jlink found: set JAVA_HOME"
}

# The class path of this tree as Maven's package phase leaves it, with the engine's test classes.
tree_classpath() {
  local repository
  repository=$(cd "$here/../.." && pwd)
  if [[ ! -d $repository/cli/target/lib || ! -d $repository/data-engine/target/test-classes ]]; then
    fail "no built classes: run ./mvnw -Dfast -DskipTests package first"
  fi
  printf '%s:' "$repository"/cli/target/lib/*.jar
  echo "$repository/data-engine/target/test-classes"
}
