# shellcheck shell=bash
# The files of a node: what its programs are told. Sourced by `cluster`.

node_pods() { echo "10.244.$1.0/24"; }

# Writes the files of node $1.
write_node_files() {
  local number=$1 folder target
  folder=$(node_folder "$1")
  for target in "${NODE_FOLDERS[@]}" /etc; do mkdir -p "$folder$target"; done
  echo "node$number" > "$folder/etc/hostname"
  # There is no DNS server in this cluster.
  echo "nameserver ${SERVICES%.0/*}.10" > "$folder/etc/resolv.conf"
  printf '127.0.0.1 localhost\n%s node%s\n' "$(node_address "$number")" "$number" > "$folder/etc/hosts"
  printf '%032x\n' "$number" > "$folder/etc/machine-id"
  cat /proc/sys/kernel/random/uuid > "$folder/etc/boot_id"
  write_containerd_file > "$folder/containerd.toml"
  write_network_file "$number" > "$folder/etc/cni/net.d/10-bridge.conflist"
  write_kubelet_file "$number" > "$folder/kubelet.yaml"
  write_proxy_file "$number" > "$folder/kube-proxy.yaml"
}

# Without CAP_SYS_RESOURCE nobody may become less likely to be killed for memory than he is.
write_containerd_file() {
  cat << 'TOML'
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "registry.local/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
TOML
}

write_network_file() {
  cat << JSON
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true, "ipMasq": false, "ipam": {
    "type": "host-local", "ranges": [[{"subnet": "$(node_pods "$1")"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
JSON
}

# Images cannot be pulled again: none is ever collected. A node reports each 4 s, and mounts that wait for kubelet's
# round wait 10 s at most, so that tests of both end sooner.
write_kubelet_file() {
  cat << YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(node_address "$1")
healthzBindAddress: 127.0.0.1
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $certificates/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
oomScoreAdj: 0
makeIPTablesUtilChains: false
clusterDomain: cluster.local
clusterDNS: [${SERVICES%.0/*}.10]
resolvConf: /etc/resolv.conf
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard:
  memory.available: 100Mi
  nodefs.available: 1%
  nodefs.inodesFree: 1%
  imagefs.available: 1%
syncFrequency: 10s
volumeStatsAggPeriod: 10s
nodeStatusUpdateFrequency: 4s
nodeLeaseDurationSeconds: 16
YAML
}

write_proxy_file() {
  cat << YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
hostnameOverride: node$1
clusterCIDR: 10.244.0.0/16
clientConnection: {kubeconfig: $run/kube-proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0}
oomScoreAdj: 0
YAML
}
