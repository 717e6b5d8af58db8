// Package report turns measured figures into tables and a chart.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"shopflow.dev/load/processes"
)

// Figures of one turn, by name. The end of a name gives the unit: _ms, _s, _mb, and _cpu for CPU-seconds per 1,000.
type Figures map[string]float64

// Turn is one contender's go at one scenario.
type Turn struct {
	Scenario  string  `json:"scenario"`
	Contender string  `json:"contender"`
	Round     int     `json:"round"`
	Figures   Figures `json:"figures,omitempty"`
	// Failure says why there are no figures.
	Failure string `json:"failure,omitempty"`
}

// Run is everything that one run measured, and where.
type Run struct {
	Started  time.Time         `json:"started"`
	Command  string            `json:"command"`
	Commit   string            `json:"commit"`
	Builds   map[string]string `json:"builds"`
	Machine  processes.Machine `json:"machine"`
	Rounds   int               `json:"rounds"`
	Measured time.Duration     `json:"measured_ns"`
	// Scenarios and Contenders in the order of the tables.
	Scenarios  []Description `json:"scenarios"`
	Contenders []string      `json:"contenders"`
	Turns      []Turn        `json:"turns"`
}

// Description is what a table needs of a scenario.
type Description struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Columns []Column `json:"columns"`
}

// Column is one figure in a scenario's table.
type Column struct {
	Figure string `json:"figure"`
	Title  string `json:"title"`
	// Unit is shown behind numbers; Decimals of them are shown.
	Unit     string `json:"unit"`
	Decimals int    `json:"decimals"`
}

// The kinds of columns.
func Milliseconds(figure, title string) Column { return Column{figure, title, "ms", 1} }
func Seconds(figure, title string) Column      { return Column{figure, title, "s", 1} }
func Megabytes(figure, title string) Column    { return Column{figure, title, "MB", 0} }
func CPU(figure, title string) Column          { return Column{figure, title, "CPU-s", 2} }
func Rate(figure, title string) Column         { return Column{figure, title, "/s", 0} }
func Count(figure, title string) Column        { return Column{figure, title, "", 0} }

// Read reads the file of a run.
func Read(path string) (Run, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Run{}, err
	}
	var run Run
	if err := json.Unmarshal(text, &run); err != nil {
		return Run{}, fmt.Errorf("%s: %w", path, err)
	}
	return run, nil
}

// Write writes it.
func (r Run) Write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// values are a figure's of all rounds in which it was measured, with the round of each.
func (r Run) values(scenario, contender, figure string) map[int]float64 {
	found := map[int]float64{}
	for _, turn := range r.Turns {
		if turn.Scenario != scenario || turn.Contender != contender {
			continue
		}
		if value, measured := turn.Figures[figure]; measured {
			found[turn.Round] = value
		}
	}
	return found
}

// Spread is the median of some values, the smallest and the largest.
type Spread struct{ Median, Least, Most float64 }

// spread of the values; false when there are none.
func spread(values map[int]float64) (Spread, bool) {
	var sorted []float64
	for _, value := range values {
		sorted = append(sorted, value)
	}
	if len(sorted) == 0 {
		return Spread{}, false
	}
	slices.Sort(sorted)
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Spread{median, sorted[0], sorted[len(sorted)-1]}, true
}

// ratios of two contenders' values, each of the same round: what disturbed one round disturbed both in it.
func ratios(values, base map[int]float64) map[int]float64 {
	found := map[int]float64{}
	for round, value := range values {
		if against, measured := base[round]; measured && against != 0 {
			found[round] = value / against
		}
	}
	return found
}
