package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"shopflow.dev/load/contenders"
	"shopflow.dev/load/processes"
	"shopflow.dev/load/report"
	"shopflow.dev/load/scenarios"
)

// settings of a run.
type settings struct {
	contenders []contenders.Contender
	scenarios  []scenarios.Scenario
	rounds     int
	pace       scenarios.Pace
	patience   time.Duration
	out        string
	run        report.Run
}

func measure(ctx context.Context, arguments []string) error {
	s, err := parse(arguments)
	if err != nil {
		return err
	}
	folder, err := claimFolder()
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	bench := &bench{settings: s, folder: folder, worlds: map[string]contenders.World{}}
	err = bench.measure(ctx)
	if len(s.run.Turns) == 0 {
		return err
	}
	return errors.Join(err, s.show())
}

// shortestTrial is the least time of a step in the search for the highest rate.
const shortestTrial = 2 * time.Second

// file of this run's figures.
func (s *settings) file() string {
	return filepath.Join(s.out, s.run.Started.Format("20060102-150405")+".json")
}

// keep writes down what was measured so far, so that a run that is cut short leaves its figures.
func (s *settings) keep() error {
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return err
	}
	return errors.Join(s.run.Write(s.file()), s.run.Write(filepath.Join(s.out, "latest.json")))
}

// show prints the tables.
func (s *settings) show() error {
	fmt.Println()
	if err := s.run.Markdown(os.Stdout); err != nil {
		return err
	}
	fmt.Printf("\nEvery figure: %s\n", s.file())
	return nil
}

func parse(arguments []string) (*settings, error) {
	s := &settings{}
	flags := flag.NewFlagSet("load run", flag.ContinueOnError)
	var (
		shopflow, shopflowB contenders.Shopflow
		peers               []contenders.Peer
		seconds             = flags.Float64("seconds", 15, "length of a measured load")
		warmup              = flags.Float64("warmup", 3, "seconds of each load that are not measured")
		postgres            = flags.String("postgres", "", "folder of PostgreSQL's programs")
		nats                = flags.String("nats", "", "nats-server")
	)
	flags.StringVar(&shopflow.Binary, "shopflow", "", "the services' binary")
	flags.StringVar(&shopflow.Operator, "operator", "", "the operator that provisions them")
	flags.StringVar(&shopflowB.Binary, "shopflow-b", "", "a second build, to compare with the first")
	flags.StringVar(&shopflowB.Operator, "operator-b", "", "the operator that provisions the second")
	flags.IntVar(&s.rounds, "rounds", 3, "how often everything is measured, contenders taking turns")
	flags.DurationVar(&s.patience, "patience", 0, "how long a turn waits for other work on the machine to end")
	flags.StringVar(&s.out, "out", ".state/bench", "folder of the figures")
	flags.StringVar(&s.run.Commit, "commit", "", "what was built")
	flags.StringVar(&s.run.Command, "command", "", "how this was called")
	flags.Func("peer", "NAME=COMMAND of a peer; `BATCHED=1` and the like may precede the command", func(text string) error {
		peer, err := parsePeer(text)
		peers = append(peers, peer)
		return err
	})
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	s.pace = scenarios.Pace{Measured: ofSeconds(*seconds), Warmup: ofSeconds(*warmup), Trial: max(ofSeconds(*seconds/4), shortestTrial)}
	for label, build := range map[string]*contenders.Shopflow{"shopflow": &shopflow, "shopflow-b": &shopflowB} {
		build.Label, build.PostgresPrograms, build.NatsServer = label, *postgres, *nats
	}
	return s, s.choose(flags.Args(), shopflow, shopflowB, *postgres, peers)
}

// choose decides on contenders and scenarios.
func (s *settings) choose(names []string, a, b contenders.Shopflow, postgres string, peers []contenders.Peer) error {
	for _, build := range []contenders.Shopflow{a, b} {
		if build.Binary != "" {
			s.contenders = append(s.contenders, build)
		}
	}
	for _, peer := range peers {
		peer.PostgresPrograms = postgres
		s.contenders = append(s.contenders, peer)
	}
	if len(s.contenders) == 0 {
		return errors.New("there is nothing to measure: give -shopflow or -peer")
	}
	if len(names) == 0 {
		s.scenarios = scenarios.All
	}
	for _, name := range names {
		scenario, err := scenarios.Named(name)
		if err != nil {
			return err
		}
		s.scenarios = append(s.scenarios, scenario)
	}
	s.describe(a, b)
	return nil
}

// describe writes down what everybody must know to take the measurement again.
func (s *settings) describe(a, b contenders.Shopflow) {
	s.run.Started, s.run.Machine = time.Now(), processes.ThisMachine()
	s.run.Rounds, s.run.Measured = s.rounds, s.pace.Measured
	s.run.Builds = map[string]string{a.Label: a.Binary, b.Label: b.Binary}
	for _, contender := range s.contenders {
		s.run.Contenders = append(s.run.Contenders, contender.Name())
	}
	for _, scenario := range s.scenarios {
		description := report.Description{Name: scenario.Name, Title: scenario.Title, Columns: scenario.Columns}
		s.run.Scenarios = append(s.run.Scenarios, description)
	}
}

// parsePeer reads `NAME=[VARIABLE=VALUE…] PROGRAM ARGUMENT…`.
func parsePeer(text string) (contenders.Peer, error) {
	name, rest, found := strings.Cut(text, "=")
	words := strings.Fields(rest)
	command := slices.IndexFunc(words, func(word string) bool { return !strings.Contains(word, "=") })
	if !found || command < 0 {
		return contenders.Peer{}, fmt.Errorf("%q is not NAME=COMMAND", text)
	}
	return contenders.Peer{Label: name, Environment: words[:command], Command: words[command:]}, nil
}

func ofSeconds(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
