package node

import (
	"bytes"
	"text/template"
)

// The configuration files of the parts, rendered from the state folder alone.
var configTemplates = map[string]string{
	// The pods of one node: a veth pair each and routes, no bridge, so all traffic between pods is routed and
	// Service addresses need no bridge-netfilter module. Nothing is masqueraded: the host has a route to the pods.
	"cni/10-pods.conflist": `{"cniVersion": "1.0.0", "name": "pods", "plugins": [
  {"type": "ptp", "ipMasq": false,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "{{.PodRange}}"}]], "routes": [{"dst": "0.0.0.0/0"}]}}
]}
`,
	// restrict_oom_score_adj: where root may not lower its own score, runc otherwise dies with
	// "can't get final child's PID from pipe".
	"containerd.toml": `version = 2
root = "{{.State}}/containerd"
state = "{{.State}}/run/containerd"
[grpc]
address = "{{.State}}/run/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{{.Pause}}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{{.State}}/etc/cni"
[plugins."io.containerd.internal.v1.opt"]
path = "{{.State}}/run/opt"
`,
	// makeIPTablesUtilChains off: nothing here reads those chains, and iptables need not be installed.
	// The eviction limits are absolute: a percentage of a large disk would evict while there is room for years.
	"kubelet.yaml": `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: {{.State}}/pki/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: {{.State}}/pki/kubelet.crt
tlsPrivateKeyFile: {{.State}}/pki/kubelet.key
containerRuntimeEndpoint: unix://{{.State}}/run/containerd.sock
podLogsDir: {{.State}}/pod-logs
volumePluginDir: {{.State}}/kubelet/volume-plugins
cgroupDriver: cgroupfs
cgroupRoot: /{{.Cgroup}}
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
makeIPTablesUtilChains: false
clusterDNS: [{{.Node}}]
clusterDomain: {{.Domain}}
resolvConf: {{.State}}/etc/resolv.conf
evictionHard: {memory.available: 100Mi, nodefs.available: 500Mi, imagefs.available: 500Mi}
imageMinimumGCAge: 8760h
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
nodeStatusUpdateFrequency: 10s
shutdownGracePeriod: 0s
`,
	// Zero conntrack limits: those are settings of the whole machine, which the node leaves alone.
	"proxy.yaml": `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: {{.PodRange}}
hostnameOverride: {{.NodeName}}
clientConnection: {kubeconfig: {{.State}}/pki/proxy.kubeconfig}
conntrack: {maxPerCore: 0, min: 0}
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
`,
	"Corefile": `.:53 {
  bind {{.Node}}
  errors
  ready 127.0.0.1:8181
  cache 5
  kubernetes {{.Domain}} in-addr.arpa {
    kubeconfig {{.State}}/pki/dns.kubeconfig
  }
}
`,
	// Pods get no name server of the host: there is no way out of the node, and waiting for one would be slow.
	"resolv.conf": "# The node resolves cluster names only.\n",
}

// renderConfig returns each configuration file by its path below etc/.
func renderConfig(s State) (map[string][]byte, error) {
	values := map[string]string{
		"State": string(s), "Node": nodeAddress, "NodeName": nodeName, "PodRange": podRange, "Domain": clusterDomain,
		"Pause": pauseImage, "Cgroup": cgroupName,
	}
	files := map[string][]byte{}
	for name, text := range configTemplates {
		parsed, err := template.New(name).Option("missingkey=error").Parse(text)
		if err != nil {
			return nil, err
		}
		var out bytes.Buffer
		if err := parsed.Execute(&out, values); err != nil {
			return nil, err
		}
		files[name] = out.Bytes()
	}
	return files, nil
}

// writeConfig makes keys, certificates, kubeconfigs and configuration files. The certificate authority and the
// service-account key of an earlier start are kept.
func writeConfig(s State) error {
	files, err := renderConfig(s)
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := writeFile(s.config(name), content, 0o644); err != nil {
			return err
		}
	}
	return writePKI(s)
}
