package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const endPatience = 15 * time.Second

// down ends the node and removes everything of it. With keepData, `up` later goes on where the node was.
// It can be run at any time and again.
func down(ctx context.Context, s State, keepData bool, tell *progress) error {
	if os.Geteuid() != 0 {
		return errors.New("not root; run the command with sudo")
	}
	unlock, err := lock(ctx, s, tell)
	if err != nil {
		return err
	}
	defer unlock()
	if err := refuseForeignFolder(s); err != nil {
		return err
	}
	another := false
	for _, one := range supervisors() {
		if one.state != s {
			another = true
			continue
		}
		tell.say("ending the node")
		if err := one.end(keepData, endPatience); err != nil {
			return fmt.Errorf("%w; see its state in /proc/%d/stack", err, one.pid)
		}
	}
	// These have fixed names; while another node runs, they are that one's.
	if !another {
		// The kernel removes devices and processes a moment after; waiting here makes the end a sure one.
		if err := errors.Join(detachNetwork(), removeCgroups()); err != nil {
			return err
		}
		removeHostFolders(s)
	}
	if keepData {
		return nil
	}
	if err := unmountBelow(string(s)); err != nil {
		return err
	}
	if err := os.RemoveAll(string(s)); err != nil {
		return err
	}
	tell.say("nothing of the node is left")
	return nil
}

// unmountBelow makes sure that removing the state folder removes no one else's files: nothing of the node is mounted on
// the host, but someone may have.
func unmountBelow(folder string) error {
	content, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	points := mountsBelow(string(content), folder)
	for i := len(points) - 1; i >= 0; i-- {
		if err := unix.Unmount(points[i], 0); err != nil {
			return fmt.Errorf("%s is mounted and busy: %w; end what uses it and run down again", points[i], err)
		}
	}
	return nil
}

// mountsBelow reads mount points from the text of /proc/self/mountinfo, in the order they were mounted.
func mountsBelow(mountinfo, folder string) []string {
	var found []string
	for _, line := range strings.Split(mountinfo, "\n") {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], folder+"/") {
			found = append(found, fields[4])
		}
	}
	return found
}
