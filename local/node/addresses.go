package node

// The node's addresses. They are fixed so that a kubeconfig stays valid from one `up` to the next.
const (
	hostLink     = "shopflow0" // the host's end of the veth pair
	hostAddress  = "10.243.0.1/30"
	hostGateway  = "10.243.0.1"
	nodeAddress  = "10.243.0.2"
	nodeNetwork  = "10.243.0.0/30"
	nodeName     = "local"
	podRange     = "10.244.0.0/24"
	serviceRange = "10.96.0.0/16"
	// The first address of the Service range is the API server's own Service.
	apiService    = "10.96.0.1"
	clusterDomain = "cluster.local"
	apiPort       = "6443"
	// exposedAddress is where the gateway answers on the host.
	exposedAddress = "127.0.0.1:3000"
)

// clusterRanges are what the host reaches through the node.
var clusterRanges = []string{podRange, serviceRange}

func apiURL() string { return "https://" + nodeAddress + ":" + apiPort }
