// Package node runs a Kubernetes node on one Linux machine: it prepares, starts, watches and removes it.
package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"shopflow.dev/local/image"
)

// Main runs the command line and returns the exit code.
func Main(arguments []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root := command()
	root.SetArgs(arguments)
	if err := root.ExecuteContext(ctx); err != nil {
		if !errors.Is(err, errNotReady) {
			fmt.Fprintf(os.Stderr, "%s: %v\n", commandName, err)
		}
		return 1
	}
	return 0
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use: commandName, Short: "A Kubernetes node on this machine, without Docker", SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(upCommand(), downCommand(), statusCommand(), loadCommand(), logsCommand(), enterCommand(),
		imagesCommand(), imageCommand(), controlPlaneCommand(), superviseInside())
	return root
}

// stateOption makes the folder's path absolute: a supervisor is known by it, wherever it was started from.
func stateOption(command *cobra.Command, into *State) {
	command.Flags().StringVar((*string)(into), "state", string(defaultState()), "state folder of the node (SHOPFLOW_STATE)")
	command.PreRunE = func(*cobra.Command, []string) error {
		folder, err := filepath.Abs(string(*into))
		*into = State(folder)
		return err
	}
}

func cacheOption(command *cobra.Command, into *string) {
	command.Flags().StringVar(into, "cache", defaultCache(), "folder of built programs and images (SHOPFLOW_CACHE)")
}

func upCommand() *cobra.Command {
	var cache string
	options := upOptions{}
	c := &cobra.Command{Use: "up", Short: "Start the node, or wait until a starting one is ready", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options.cache = cache
			return up(c.Context(), options, newProgress(c.ErrOrStderr()))
		}}
	stateOption(c, &options.state)
	cacheOption(c, &cache)
	c.Flags().StringVar(&options.expose, "expose", "shop/gateway:3000", "Service to expose when none has the label "+exposeSelector)
	c.Flags().StringVar(&options.listen, "listen", exposedAddress, "address on this machine that the Service answers on")
	return c
}

func downCommand() *cobra.Command {
	var state State
	var keepData bool
	c := &cobra.Command{Use: "down", Short: "End the node and remove everything of it", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return down(c.Context(), state, keepData, newProgress(c.ErrOrStderr()))
		}}
	stateOption(c, &state)
	c.Flags().BoolVar(&keepData, "keep-data", false, "keep objects, volumes and images for the next up")
	return c
}

func statusCommand() *cobra.Command {
	var state State
	c := &cobra.Command{Use: "status", Short: "Tell how the node's parts are; fails if the node cannot be used", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return printStatus(c.Context(), state, c.OutOrStdout())
		}}
	stateOption(c, &state)
	return c
}

func loadCommand() *cobra.Command {
	var state State
	c := &cobra.Command{Use: "load ARCHIVE...", Short: "Load image archives into the node, those it does not have", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, archives []string) error {
			tell := newProgress(c.ErrOrStderr())
			for _, archive := range archives {
				if err := loadImage(c.Context(), state, archive, tell); err != nil {
					return err
				}
			}
			return nil
		}}
	stateOption(c, &state)
	return c
}

func logsCommand() *cobra.Command {
	var state State
	var follow bool
	c := &cobra.Command{Use: "logs [PART]", Short: "Show the end of a part's log, or list the parts that have one", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			return showLogs(state, append(names, "")[0], follow, c.OutOrStdout())
		}}
	stateOption(c, &state)
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is added")
	return c
}

func enterCommand() *cobra.Command {
	var state State
	c := &cobra.Command{Use: "enter [-- COMMAND...]", Short: "Run a command, or a shell, in the node's namespaces",
		RunE: func(_ *cobra.Command, inside []string) error { return enter(state, inside) }}
	stateOption(c, &state)
	return c
}

func imagesCommand() *cobra.Command {
	var cache string
	c := &cobra.Command{Use: "images", Short: "Make the base images (pause, NATS, PostgreSQL) and print their archives", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			archives, err := baseImages(cache, newProgress(c.ErrOrStderr()))
			for _, archive := range archives {
				fmt.Fprintln(c.OutOrStdout(), archive)
			}
			return err
		}}
	cacheOption(c, &cache)
	return c
}

func imageCommand() *cobra.Command {
	var cache string
	c := &cobra.Command{Use: "image REFERENCE BINARY [ENTRYPOINT...]", Args: cobra.MinimumNArgs(2),
		Short: "Make an image of one static binary and trusted certificates, and print its archive",
		RunE: func(c *cobra.Command, given []string) error {
			archive, fresh, err := image.FromBinary(imageFolder(cache),
				image.Binary{Reference: given[0], Path: given[1], Entrypoint: given[2:], Certificates: true})
			if err != nil {
				return err
			}
			if fresh {
				newProgress(c.ErrOrStderr()).say("made image %s, %s", given[0], fileSize(archive))
			}
			fmt.Fprintln(c.OutOrStdout(), archive)
			return nil
		}}
	cacheOption(c, &cache)
	return c
}

func controlPlaneCommand() *cobra.Command {
	var folder, port string
	c := &cobra.Command{Use: "control-plane", Args: cobra.NoArgs,
		Short: "Run only etcd and an API server, for tests, until standard input ends",
		RunE: func(c *cobra.Command, _ []string) error {
			return controlPlane(folder, port, c.InOrStdin(), c.OutOrStdout())
		}}
	c.Flags().StringVar(&folder, "dir", "", "folder for its files; removed at the end")
	c.Flags().StringVar(&port, "port", "0", "port of the API server on 127.0.0.1; 0 chooses a free one")
	_ = c.MarkFlagRequired("dir")
	return c
}

func superviseInside() *cobra.Command {
	var state State
	var expose string
	c := &cobra.Command{Use: superviseCommand, Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if os.Getpid() != 1 {
				return fmt.Errorf("only `%s up` starts a supervisor", commandName)
			}
			ref, err := parseServiceRef(expose)
			if err != nil {
				return err
			}
			// A part must not see the descriptors that were handed over.
			for _, descriptor := range []int{releaseDescriptor, listenerDescriptor} {
				syscall.CloseOnExec(descriptor)
			}
			return supervise(state, ref, os.Getenv(buildVariable))
		}}
	stateOption(c, &state)
	c.Flags().StringVar(&expose, "expose", "", "")
	return c
}
