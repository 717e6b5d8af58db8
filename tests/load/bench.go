package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"shopflow.dev/load/contenders"
	"shopflow.dev/load/processes"
	"shopflow.dev/load/report"
	"shopflow.dev/load/scenarios"
)

const (
	// quietCores is how much other work the machine may do when a turn begins, for whoever has patience.
	quietCores = 0.3
	quietLook  = time.Second
)

// bench measures every scenario in every round. Only what is measured runs: a contender's servers and services start for
// its turn and end with it.
type bench struct {
	*settings
	folder string
	worlds map[string]contenders.World
}

func (b *bench) measure(ctx context.Context) error {
	for round := 1; round <= b.rounds; round++ {
		for _, scenario := range b.scenarios {
			// The order turns around from round to round, so that nobody always comes first.
			order := slices.Clone(b.contenders)
			if round%2 == 0 {
				slices.Reverse(order)
			}
			for _, contender := range order {
				if !hasAll(contender, scenario.Services) {
					continue
				}
				turn := b.turn(ctx, scenario, contender, round)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				b.run.Turns = append(b.run.Turns, turn)
				if err := b.keep(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func hasAll(contender contenders.Contender, services []string) bool {
	return !slices.ContainsFunc(services, func(service string) bool { return !contender.Has(service) })
}

// turn takes one measurement. What fails is written down, and the others go on.
func (b *bench) turn(ctx context.Context, scenario scenarios.Scenario, contender contenders.Contender, round int) report.Turn {
	turn := report.Turn{Scenario: scenario.Name, Contender: contender.Name(), Round: round}
	fmt.Printf("%d/%d  %-13s %-15s ", round, b.rounds, scenario.Name, contender.Name())
	figures, err := b.figures(ctx, scenario, contender)
	if err != nil {
		turn.Failure = err.Error()
		fmt.Printf("failed: %v\n", err)
		return turn
	}
	turn.Figures = figures
	for _, column := range scenario.Columns[:min(4, len(scenario.Columns))] {
		fmt.Printf(" %s %.*f %s  ", column.Title, column.Decimals, figures[column.Figure], column.Unit)
	}
	fmt.Printf(" (others %.2f cores)\n", figures["others_cores"])
	return turn
}

func (b *bench) figures(ctx context.Context, scenario scenarios.Scenario, contender contenders.Contender) (report.Figures, error) {
	world, err := b.world(ctx, scenario.World, contender)
	if err != nil {
		return nil, err
	}
	if err := b.awaitQuiet(ctx); err != nil {
		return nil, err
	}
	services := scenario.Services
	if scenario.StartsServices {
		services = nil
	}
	running, err := world.Start(ctx, services...)
	if err != nil {
		return nil, err
	}
	figures, err := scenario.Measure(ctx, contender.Name(), running, b.pace)
	return figures, errors.Join(err, running.Stop())
}

// world is the contender's of that name, prepared when it is needed first.
func (b *bench) world(ctx context.Context, name string, contender contenders.Contender) (contenders.World, error) {
	key := contender.Name() + "-" + name
	if world, prepared := b.worlds[key]; prepared {
		return world, nil
	}
	folder := filepath.Join(b.folder, key)
	// Nothing of an attempt that failed.
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o755)); err != nil {
		return nil, err
	}
	world, err := contender.Prepare(ctx, folder, scenarios.Worlds[name])
	if err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	b.worlds[key] = world
	return world, nil
}

// awaitQuiet waits until the machine has little else to do, as long as there is patience.
func (b *bench) awaitQuiet(ctx context.Context) error {
	for deadline := time.Now().Add(b.patience); time.Now().Before(deadline); {
		before, err := processes.Busy()
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(quietLook):
		}
		after, err := processes.Busy()
		if err != nil || (after-before).Seconds()/quietLook.Seconds() <= quietCores {
			return err
		}
	}
	return nil
}
