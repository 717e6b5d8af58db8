package node

import "time"

// The certificates of the node's servers.
var servers = map[string]identity{
	"apiserver": {
		user:      "kube-apiserver",
		names:     []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + clusterDomain},
		addresses: []string{"127.0.0.1", apiService, nodeAddress},
	},
	"kubelet": {user: "system:node:" + nodeName, groups: []string{"system:nodes"}, names: []string{nodeName}, addresses: []string{nodeAddress}},
	// What the API server shows to the kubelet, for logs, exec and port-forward.
	"kubelet-client": {user: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}},
}

// The users that call the API server; the names are those that Kubernetes' built-in roles are bound to.
var users = map[string]identity{
	"controllers": {user: "system:kube-controller-manager"},
	"scheduler":   {user: "system:kube-scheduler"},
	"proxy":       {user: "system:kube-proxy"},
	"dns":         {user: dnsUser},
	"kubelet":     {user: "system:node:" + nodeName, groups: []string{"system:nodes"}},
}

const dnsUser = "system:coredns"

var administrator = identity{user: "admin", groups: []string{"system:masters"}}

func writePKI(s State) error {
	now := time.Now()
	folder := s.path("pki")
	ca, err := loadOrCreateAuthority(folder, now)
	if err != nil {
		return err
	}
	if err := createServiceAccountKey(folder); err != nil {
		return err
	}
	for name, who := range servers {
		if err := ca.issueFiles(folder, name, who, now); err != nil {
			return err
		}
	}
	for name, who := range users {
		if err := ca.issueKubeconfig(s.kubeconfigOf(name), apiURL(), who, now); err != nil {
			return err
		}
	}
	if err := ca.issueFiles(folder, "admin", administrator, now); err != nil {
		return err
	}
	return ca.issueKubeconfig(s.Kubeconfig(), apiURL(), administrator, now)
}
