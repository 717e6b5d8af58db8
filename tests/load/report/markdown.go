package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// comparisons are the pairs of contenders whose ratios are shown, where both were measured.
var comparisons = [][2]string{{"shopflow", "go"}, {"shopflow-b", "go"}, {"shopflow-b", "shopflow"}}

// Markdown writes a table for each scenario: medians with the smallest and largest round, and ratios of the same rounds.
func (r Run) Markdown(out io.Writer) error {
	text := &strings.Builder{}
	m := r.Machine
	fmt.Fprintf(text, "%s, commit %s, `%s`. %d rounds of %s, median (least–most).\n", r.Started.Format("2006-01-02 15:04"),
		r.Commit, r.Command, r.Rounds, r.Measured)
	fmt.Fprintf(text, "%s, %d cores, %d MB, %s, Linux %s; the load generator and PostgreSQL on the same cores.\n",
		m.Processor, m.Cores, m.MemoryMB, m.System, m.Kernel)
	fmt.Fprintf(text, "CPU-seconds are per 1,000 requests.\n")
	for _, scenario := range r.Scenarios {
		r.table(text, scenario)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func (r Run) table(text *strings.Builder, scenario Description) {
	fmt.Fprintf(text, "\n### %s: %s\n", scenario.Name, scenario.Title)
	columns := r.measured(scenario)
	if len(columns) == 0 {
		fmt.Fprintf(text, "Not measured.\n%s", r.failures(scenario.Name))
		return
	}
	text.WriteString("| |")
	for _, column := range columns {
		fmt.Fprintf(text, " %s |", column.heading())
	}
	text.WriteString("\n|---" + strings.Repeat("|---", len(columns)) + "|\n")
	for _, contender := range r.Contenders {
		row(text, contender, columns, func(column Column) string {
			return column.cell(r.values(scenario.Name, contender, column.Figure))
		})
	}
	for _, pair := range comparisons {
		row(text, pair[0]+" ÷ "+pair[1], columns, func(column Column) string {
			values := r.values(scenario.Name, pair[0], column.Figure)
			return Column{Decimals: 2}.cell(ratios(values, r.values(scenario.Name, pair[1], column.Figure)))
		})
	}
	text.WriteString(r.circumstances(scenario.Name) + r.failures(scenario.Name))
}

// measured are the columns that any contender has figures for.
func (r Run) measured(scenario Description) []Column {
	return slices.DeleteFunc(slices.Clone(scenario.Columns), func(column Column) bool {
		return !slices.ContainsFunc(r.Contenders, func(contender string) bool {
			return len(r.values(scenario.Name, contender, column.Figure)) > 0
		})
	})
}

// row writes a row, unless all its cells are empty.
func row(text *strings.Builder, name string, columns []Column, cell func(Column) string) {
	cells := make([]string, len(columns))
	for i, column := range columns {
		cells[i] = cell(column)
	}
	if strings.Join(cells, "") != "" {
		fmt.Fprintf(text, "| %s | %s |\n", name, strings.Join(cells, " | "))
	}
}

func (c Column) heading() string {
	if c.Unit == "" {
		return c.Title
	}
	return c.Title + ", " + c.Unit
}

// cell is `median (least–most)`, and the median alone where there is nothing between the others.
func (c Column) cell(values map[int]float64) string {
	found, measured := spread(values)
	if !measured {
		return ""
	}
	least, most := c.number(found.Least), c.number(found.Most)
	if least == most {
		return least
	}
	return fmt.Sprintf("%s (%s–%s)", c.number(found.Median), least, most)
}

func (c Column) number(value float64) string {
	return grouped(strconv.FormatFloat(value, 'f', c.Decimals, 64))
}

// grouped puts a comma between thousands.
func grouped(number string) string {
	whole, rest, _ := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole
}

// circumstances say how busy the machine was, and how exact the generator.
func (r Run) circumstances(scenario string) string {
	others, late, wrong := map[int]float64{}, map[int]float64{}, 0.0
	for i, turn := range r.Turns {
		if turn.Scenario != scenario || turn.Figures == nil {
			continue
		}
		others[i] = turn.Figures["others_cores"]
		if lateness, measured := turn.Figures["late_p99_ms"]; measured {
			late[i] = lateness
		}
		wrong += turn.Figures["wrong"]
	}
	two := Column{Decimals: 2}
	line := fmt.Sprintf("\nOther work on the machine: %s cores.", two.cell(others))
	if len(late) > 0 {
		line += fmt.Sprintf(" Generator late by (p99, part of every latency): %s ms. Wrong answers: %.0f.", two.cell(late), wrong)
	}
	return line + "\n"
}

func (r Run) failures(scenario string) string {
	text := ""
	for _, turn := range r.Turns {
		if turn.Scenario == scenario && turn.Failure != "" {
			text += fmt.Sprintf("Round %d of %s failed: %s\n", turn.Round, turn.Contender, turn.Failure)
		}
	}
	return text
}
