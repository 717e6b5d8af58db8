package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The default StorageClass `standard` is a pool of `local` PersistentVolumes, which honour fsGroup as hostPath ones do not.
// The supervisor keeps some unclaimed ones ready, and replaces those whose claim was deleted.
const (
	storageClass  = "standard"
	freeVolumes   = 12
	volumeSize    = "100Gi" // what a claim may ask for; the disk is the only true limit
	poolInterval  = 2 * time.Second
	volumePrefix  = "local-"
	trashPrefix   = "released-"
	volumesPath   = "/api/v1/persistentvolumes"
	volumeMode    = 0o777 // any user may write, as a pod without fsGroup expects of a fresh volume
	managedByName = "shopflow-local"
)

type volume struct {
	Metadata struct {
		Name              string  `json:"name"`
		DeletionTimestamp *string `json:"deletionTimestamp"`
	} `json:"metadata"`
	Status struct {
		Phase string `json:"phase"`
	} `json:"status"`
}

// poolPlan is what has to be done so that enough unclaimed volumes are there and no released one is kept.
type poolPlan struct {
	recycle []string
	create  []string
}

// planPool decides from what the API server answered alone. A volume just created has no phase yet and counts as free.
func planPool(volumes []volume, free int) poolPlan {
	var plan poolPlan
	taken, unclaimed := map[string]bool{}, 0
	for _, one := range volumes {
		taken[one.Metadata.Name] = true
		switch phase := one.Status.Phase; {
		case one.Metadata.DeletionTimestamp != nil:
		case phase == "Released" || phase == "Failed":
			plan.recycle = append(plan.recycle, one.Metadata.Name)
		case phase == "Available" || phase == "Pending" || phase == "":
			unclaimed++
		}
	}
	for index := 1; unclaimed < free; index++ {
		if name := fmt.Sprintf("%s%02d", volumePrefix, index); !taken[name] {
			plan.create = append(plan.create, name)
			unclaimed++
		}
	}
	return plan
}

// keepVolumes carries out the plan again and again until the context ends.
func keepVolumes(ctx context.Context, s State, api *apiClient) {
	var reported string
	for ctx.Err() == nil {
		if err := tendVolumes(ctx, s, api); err != nil && ctx.Err() == nil {
			if err.Error() != reported {
				slog.Warn("volume pool", "error", err)
			}
			reported = err.Error()
		} else {
			reported = ""
		}
		select {
		case <-ctx.Done():
		case <-time.After(poolInterval):
		}
	}
}

func tendVolumes(ctx context.Context, s State, api *apiClient) error {
	var list struct {
		Items []volume `json:"items"`
	}
	if err := api.get(ctx, volumesPath+"?labelSelector=app.kubernetes.io/managed-by="+managedByName, &list); err != nil {
		return err
	}
	plan := planPool(list.Items, freeVolumes)
	var failures error
	for _, name := range plan.recycle {
		failures = errors.Join(failures, recycleVolume(ctx, s, api, name))
	}
	for _, name := range plan.create {
		failures = errors.Join(failures, createVolume(ctx, s, api, name))
	}
	return errors.Join(failures, emptyTrash(s))
}

// recycleVolume moves the data away before the object is deleted: only what was seen released is ever removed.
func recycleVolume(ctx context.Context, s State, api *apiClient, name string) error {
	trash := filepath.Join(s.volumes(), fmt.Sprintf("%s%s-%d", trashPrefix, name, time.Now().UnixNano()))
	if err := os.Rename(filepath.Join(s.volumes(), name), trash); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return api.delete(ctx, volumesPath+"/"+name)
}

func emptyTrash(s State) error {
	entries, err := os.ReadDir(s.volumes())
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), trashPrefix) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.volumes(), entry.Name())))
		}
	}
	return err
}

func createVolume(ctx context.Context, s State, api *apiClient, name string) error {
	folder := filepath.Join(s.volumes(), name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(folder, volumeMode); err != nil {
		return err
	}
	return api.create(ctx, volumesPath, volumeObject(name, folder))
}

func volumeObject(name, folder string) object {
	return object{
		"apiVersion": "v1", "kind": "PersistentVolume",
		"metadata": object{"name": name, "labels": object{"app.kubernetes.io/managed-by": managedByName}},
		"spec": object{
			"capacity": object{"storage": volumeSize}, "accessModes": []string{"ReadWriteOnce"}, "storageClassName": storageClass,
			"persistentVolumeReclaimPolicy": "Retain", "local": object{"path": folder},
			"nodeAffinity": object{"required": object{"nodeSelectorTerms": []object{{"matchExpressions": []object{
				{"key": "kubernetes.io/hostname", "operator": "In", "values": []string{nodeName}},
			}}}}},
		},
	}
}

// volumesReady tells why a claim could not be bound yet.
func volumesReady(ctx context.Context, api *apiClient) error {
	var list struct{ Items []volume }
	if err := api.get(ctx, volumesPath, &list); err != nil {
		return err
	}
	for _, one := range list.Items {
		if one.Status.Phase == "Available" {
			return nil
		}
	}
	return errors.New("no volume is available yet")
}
