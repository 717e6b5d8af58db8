package node

import (
	"fmt"
	"os"
	"path/filepath"

	"shopflow.dev/local/image"
)

// baseImages makes the archives of the images that every node has, those that are not in the cache, and returns them.
func baseImages(cache string, tell *progress) ([]string, error) {
	folder, logs := imageFolder(cache), filepath.Join(cache, "log")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return nil, err
	}
	pause, err := pauseBinary()
	if err != nil {
		return nil, err
	}
	recipes := []struct {
		reference string
		make      func() (string, bool, error)
	}{
		{image.PauseReference, func() (string, bool, error) { return image.Pause(folder, pause) }},
		{image.NATSReference, func() (string, bool, error) {
			return image.NATS(folder, filepath.Join(cache, "bin"), filepath.Join(logs, "nats.log"))
		}},
		{image.PostgresReference, func() (string, bool, error) { return image.Postgres(folder, filepath.Join(logs, "postgres.log")) }},
	}
	var archives []string
	for _, recipe := range recipes {
		if _, err := os.Stat(filepath.Join(folder, image.FileName(recipe.reference))); err != nil {
			tell.say("making image %s", recipe.reference)
		}
		archive, fresh, err := recipe.make()
		if err != nil {
			return nil, err
		}
		if fresh {
			tell.say("made image %s, %s", recipe.reference, fileSize(archive))
		}
		archives = append(archives, archive)
	}
	return archives, nil
}

func imageFolder(cache string) string { return filepath.Join(cache, "images") }

// pauseBinary lies beside this executable, where the build script puts it.
func pauseBinary() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(filepath.Dir(self), "pause")
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("%w; build both with the shopflow-node script", err)
	}
	return binary, nil
}

func fileSize(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return "size unknown"
	}
	return fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
}
