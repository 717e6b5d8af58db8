package node

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"shopflow.dev/local/image"
)

const pauseImage = image.PauseReference

func (s State) ctr(ctx context.Context, arguments ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "ctr", append([]string{"--address", s.containerdSocket(), "--namespace", "k8s.io"}, arguments...)...)
}

// loadImage imports an archive, unless the node has all its images by digest already.
func loadImage(ctx context.Context, s State, archive string, tell *progress) error {
	named, err := image.Inspect(archive)
	if err != nil {
		return err
	}
	present, err := presentImages(ctx, s)
	if err != nil {
		return err
	}
	if allPresent(named, present) {
		tell.say("%s is loaded already", filepath.Base(archive))
		return nil
	}
	if output, err := s.ctr(ctx, "images", "import", archive).CombinedOutput(); err != nil {
		return fmt.Errorf("import %s: %w: %s; log: %s", archive, err, strings.TrimSpace(string(output)), s.log("containerd"))
	}
	tell.say("loaded %s", filepath.Base(archive))
	return nil
}

// allPresent is false for an archive that names nothing: it has to be imported to know.
func allPresent(named []image.Named, present map[string]string) bool {
	for _, one := range named {
		if present[one.Reference] != one.Digest {
			return false
		}
	}
	return len(named) > 0
}

// presentImages maps the node's image names to digests.
func presentImages(ctx context.Context, s State) (map[string]string, error) {
	output, err := s.ctr(ctx, "images", "ls").Output()
	if err != nil {
		return nil, fmt.Errorf("the node's container runtime does not answer: %w; start the node with `%s up`, or see %s", err, commandName, s.log("containerd"))
	}
	return parseImageList(string(output)), nil
}

// parseImageList reads the table that `ctr images ls` prints: name, type, digest, and more.
func parseImageList(table string) map[string]string {
	images := map[string]string{}
	for _, line := range strings.Split(table, "\n") {
		if fields := strings.Fields(line); len(fields) > 2 && strings.Contains(fields[2], ":") {
			images[fields[0]] = fields[2]
		}
	}
	return images
}
