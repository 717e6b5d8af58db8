// Command load measures ShopFlow and its peers; scripts/bench.sh builds what it needs and calls it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"shopflow.dev/load/report"
)

const usage = `usage:
  load run FLAGS SCENARIO…     measures, and writes the figures
  load table RUN.json          prints the tables of a run
  load chart RUN.json          prints the chart of a run, as SVG`

func main() {
	// The first signal ends what runs in good order; whatever comes after it ends this process, and with it the others.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "load: %v\n", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, arguments []string) error {
	if len(arguments) < 2 {
		return errors.New(usage)
	}
	switch name, rest := arguments[0], arguments[1:]; name {
	case "run":
		return measure(ctx, rest)
	case "table", "chart":
		run, err := report.Read(rest[0])
		if err != nil {
			return err
		}
		if name == "table" {
			return run.Markdown(os.Stdout)
		}
		return run.Chart(os.Stdout)
	default:
		return errors.New(usage)
	}
}
