package node

import "fmt"

// part is one process of the node.
type part struct {
	name    string
	command []string // the program, by name, and its arguments
	program string   // path of the executable; empty means this binary called by the program's name
	// probe is the address that accepts connections, or the URL that answers 200, once the part can be used.
	probe string
	needs []string // parts that must be ready before this one starts
}

// nodeParts lists the processes of a node. Order does not matter: each waits for what it needs.
func nodeParts(s State) []part {
	return []part{
		{name: "containerd", program: "containerd", command: []string{"containerd", "--config", s.config("containerd.toml")}, probe: "unix:" + s.containerdSocket()},
		etcdPart(s.path("etcd"), "2379", "2380", true),
		{
			name: "apiserver", needs: []string{"etcd"}, probe: "https://127.0.0.1:" + apiPort + "/readyz",
			command: append(apiserverCommand(s.path("pki"), "2379", apiPort),
				"--bind-address=0.0.0.0", "--advertise-address="+nodeAddress, "--authorization-mode=Node,RBAC",
				"--enable-admission-plugins=NodeRestriction",
				"--service-cluster-ip-range="+serviceRange, "--kubelet-preferred-address-types=InternalIP",
				"--kubelet-certificate-authority="+s.pki("ca.crt"),
				"--kubelet-client-certificate="+s.pki("kubelet-client.crt"), "--kubelet-client-key="+s.pki("kubelet-client.key")),
		},
		{
			name: "controllers", needs: []string{"apiserver"}, probe: "https://127.0.0.1:10257/healthz",
			command: []string{"kube-controller-manager", "--kubeconfig=" + s.kubeconfigOf("controllers"),
				"--service-account-private-key-file=" + s.pki("service-accounts.key"), "--root-ca-file=" + s.pki("ca.crt"),
				"--use-service-account-credentials", "--leader-elect=false", "--bind-address=127.0.0.1",
				"--flex-volume-plugin-dir=" + s.path("kubelet/volume-plugins"),
				// Each controller asks for a token of its own; at the default rate that alone takes four seconds.
				"--kube-api-qps=300", "--kube-api-burst=400"},
		},
		{
			name: "scheduler", needs: []string{"apiserver"}, probe: "https://127.0.0.1:10259/healthz",
			command: []string{"kube-scheduler", "--kubeconfig=" + s.kubeconfigOf("scheduler"), "--leader-elect=false", "--bind-address=127.0.0.1"},
		},
		{
			name: "kubelet", needs: []string{"apiserver", "containerd"}, probe: "http://127.0.0.1:10248/healthz",
			command: []string{"kubelet", "--kubeconfig=" + s.kubeconfigOf("kubelet"), "--config=" + s.config("kubelet.yaml"),
				"--root-dir=" + s.path("kubelet"), "--cert-dir=" + s.path("pki"), "--hostname-override=" + nodeName, "--node-ip=" + nodeAddress},
		},
		{
			name: "proxy", needs: []string{"apiserver"}, probe: "http://127.0.0.1:10256/livez",
			command: []string{"kube-proxy", "--config=" + s.config("proxy.yaml")},
		},
		{
			name: "dns", needs: []string{"apiserver"}, probe: "http://127.0.0.1:8181/ready",
			command: []string{"coredns", "-conf", s.config("Corefile")},
		},
	}
}

// controlPlaneParts is what a test of a controller needs: the API, and nothing that acts on it.
func controlPlaneParts(folder string, ports controlPlanePorts) []part {
	return []part{
		etcdPart(folder+"/etcd", ports.etcd, ports.peer, false),
		{
			name: "apiserver", needs: []string{"etcd"}, probe: "https://127.0.0.1:" + ports.api + "/readyz",
			command: append(apiserverCommand(folder+"/pki", ports.etcd, ports.api),
				"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--authorization-mode=RBAC",
				"--service-cluster-ip-range=10.0.0.0/16",
				// No controller makes the default service accounts that this plugin demands of every pod.
				"--disable-admission-plugins=ServiceAccount"),
		},
	}
}

// etcdPart keeps its data safe from a power cut only if durable; a throw-away control plane starts sooner without.
func etcdPart(folder, port, peer string, durable bool) part {
	client, peers := "http://127.0.0.1:"+port, "http://127.0.0.1:"+peer
	command := []string{"etcd", "--data-dir", folder, "--log-level=warn",
		"--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default=" + peers}
	if !durable {
		command = append(command, "--unsafe-no-fsync")
	}
	return part{name: "etcd", command: command, probe: client + "/health"}
}

func apiserverCommand(pki, etcdPort, port string) []string {
	file := func(name string) string { return fmt.Sprintf("%s/%s", pki, name) }
	return []string{"kube-apiserver", "--etcd-servers=http://127.0.0.1:" + etcdPort, "--secure-port=" + port,
		"--tls-cert-file=" + file("apiserver.crt"), "--tls-private-key-file=" + file("apiserver.key"), "--client-ca-file=" + file("ca.crt"),
		"--service-account-key-file=" + file("service-accounts.pub"), "--service-account-signing-key-file=" + file("service-accounts.key"),
		"--service-account-issuer=https://kubernetes.default.svc." + clusterDomain,
		"--allow-privileged=true", "--profiling=false"}
}
