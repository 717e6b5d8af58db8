package node

import (
	"context"
	"errors"
	"time"
)

// object is a Kubernetes object as it is sent.
type object = map[string]any

// bootstrapObjects are what a fresh cluster needs besides what the API server makes itself.
func bootstrapObjects() []struct {
	path string
	object
} {
	const rbac = "/apis/rbac.authorization.k8s.io/v1/"
	return []struct {
		path string
		object
	}{
		{"/apis/storage.k8s.io/v1/storageclasses", object{
			"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
			"metadata":    object{"name": storageClass, "annotations": object{"storageclass.kubernetes.io/is-default-class": "true"}},
			"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer",
		}},
		{rbac + "clusterroles", object{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": object{"name": dnsUser},
			"rules": []object{
				{"apiGroups": []string{""}, "resources": []string{"services", "pods", "namespaces"}, "verbs": []string{"list", "watch"}},
				{"apiGroups": []string{"discovery.k8s.io"}, "resources": []string{"endpointslices"}, "verbs": []string{"list", "watch"}},
			},
		}},
		{rbac + "clusterrolebindings", object{
			"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": object{"name": dnsUser},
			"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": dnsUser},
			"subjects": []object{{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": dnsUser}},
		}},
	}
}

func bootstrap(ctx context.Context, api *apiClient) error {
	for _, one := range bootstrapObjects() {
		if err := api.create(ctx, one.path, one.object); err != nil {
			return err
		}
	}
	return nil
}

// nodeStatusObject is the part of a Node that tells whether it takes pods.
type nodeStatusObject struct {
	Status struct {
		Conditions []struct {
			Type, Status, Message string
			LastHeartbeatTime     time.Time
		}
	}
}

// readySince tells why the node is not ready for pods. What the kubelet said before the given time was about an earlier run.
func (n nodeStatusObject) readySince(start time.Time) error {
	for _, condition := range n.Status.Conditions {
		switch {
		case condition.Type != "Ready":
		case condition.LastHeartbeatTime.Before(start.Truncate(time.Second)):
			return errors.New("the kubelet has not reported yet")
		case condition.Status != "True":
			return errors.New(condition.Message)
		default:
			return nil
		}
	}
	return errors.New("no condition yet")
}

func nodeReady(ctx context.Context, api *apiClient, start time.Time) error {
	var node nodeStatusObject
	if err := api.get(ctx, "/api/v1/nodes/"+nodeName, &node); err != nil {
		return err
	}
	return node.readySince(start)
}
