package report

import (
	"encoding/xml"
	"strings"
	"testing"
)

func run() Run {
	turn := func(contender string, round int, cpu float64) Turn {
		return Turn{Scenario: "orders", Contender: contender, Round: round, Figures: Figures{"order_cpu": cpu, "rate": 1200}}
	}
	return Run{
		Scenarios:  []Description{{Name: "orders", Title: "placing", Columns: []Column{CPU("order_cpu", "order"), CPU("nats_cpu", "NATS")}}},
		Contenders: []string{"shopflow", "go"},
		Turns: []Turn{
			turn("shopflow", 1, 0.4), turn("go", 1, 0.2),
			// A round in which the machine was busy: both took twice as long.
			turn("shopflow", 2, 0.8), turn("go", 2, 0.4),
			turn("shopflow", 3, 0.3), turn("go", 3, 0.2),
			{Scenario: "orders", Contender: "fastify", Round: 1, Failure: "did not start"},
		},
	}
}

func TestATableHasMediansSpreadsAndRatiosOfTheSameRounds(t *testing.T) {
	var text strings.Builder
	if err := run().Markdown(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| | order, CPU-s |\n",
		"| shopflow | 0.40 (0.30–0.80) |",
		"| go | 0.20 (0.20–0.40) |",
		"| shopflow ÷ go | 2.00 (1.50–2.00) |",
		"Round 1 of fastify failed: did not start",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in:\n%s", want, text.String())
		}
	}
	if strings.Contains(text.String(), "NATS") {
		t.Error("a column that nobody has figures for is shown")
	}
}

func TestTheChartIsWellFormed(t *testing.T) {
	var text strings.Builder
	if err := run().Chart(&text); err != nil {
		t.Fatal(err)
	}
	var any struct {
		Rects []struct{} `xml:"rect"`
	}
	if err := xml.Unmarshal([]byte(text.String()), &any); err != nil {
		t.Fatalf("%v:\n%s", err, text.String())
	}
	if len(any.Rects) != 2 {
		t.Errorf("%d bars", len(any.Rects))
	}
}

func TestThousandsAreGrouped(t *testing.T) {
	for number, want := range map[string]string{"0": "0", "999.5": "999.5", "1200": "1,200", "-1234567.25": "-1,234,567.25"} {
		if got := grouped(number); got != want {
			t.Errorf("%s is written %s", number, got)
		}
	}
}
