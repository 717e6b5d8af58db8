package report

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// panels of the chart: what the stacks have in common.
var panels = []struct {
	scenario string
	Column
}{
	{"orders", CPU("order_cpu", "POST /orders: CPU-seconds of the service per 1,000")},
	{"orders", Milliseconds("p99_ms", "POST /orders: p99, milliseconds")},
	{"orders", Rate("most", "POST /orders: requests a second with p99 ≤ 20 ms")},
	{"lists", CPU("order_cpu", "GET /orders: CPU-seconds of the service per 1,000")},
	{"lists", Rate("most", "GET /orders: requests a second with p99 ≤ 10 ms")},
	{"validate", CPU("auth_cpu", "POST /auth/validate: CPU-seconds of the service per 1,000")},
	{"orders", Megabytes("memory_mb", "Memory of auth and order under load, megabytes")},
}

// Sizes of the chart, in pixels.
const (
	chartWidth  = 760
	labelWidth  = 130
	barWidth    = 470
	barHeight   = 16
	lineHeight  = 22
	titleHeight = 34
)

// colours tell ShopFlow from its peers, on light and on dark pages.
func colour(contender string) string {
	if strings.HasPrefix(contender, "shopflow") {
		return "#c2571a"
	}
	return "#7a8794"
}

// Chart draws a panel of bars for each figure: medians, and a line from the least to the most. The rate that a figure was
// taken at stands beside it where contenders differ in it.
func (r Run) Chart(out io.Writer) error {
	body := &strings.Builder{}
	y := 10
	for _, panel := range panels {
		y = r.panel(body, panel.scenario, panel.Column, y)
	}
	_, err := fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" `+
		`font-family="system-ui, sans-serif" font-size="12" fill="#6b7683">
<title>ShopFlow and peers, %s</title>
%s</svg>
`, chartWidth, y, chartWidth, y, r.Started.Format("2006-01-02"), body)
	return err
}

// panel draws one figure and returns where the next panel begins.
func (r Run) panel(body *strings.Builder, scenario string, column Column, y int) int {
	most, spreads := 0.0, map[string]Spread{}
	for _, contender := range r.Contenders {
		if found, measured := spread(r.values(scenario, contender, column.Figure)); measured {
			spreads[contender] = found
			most = max(most, found.Most)
		}
	}
	if most == 0 {
		return y
	}
	fmt.Fprintf(body, `<text x="10" y="%d" font-weight="600">%s</text>`+"\n", y+20, html.EscapeString(column.Title))
	y += titleHeight
	for _, contender := range r.Contenders {
		if found, measured := spreads[contender]; measured {
			note := r.rateNote(scenario, contender, column)
			bar(body, contender, column.number(found.Median)+note, found, barWidth/most, y)
			y += lineHeight
		}
	}
	return y + 8
}

// rateNote names the rate of a peer that was measured at a lower one.
func (r Run) rateNote(scenario, contender string, column Column) string {
	own, _ := spread(r.values(scenario, contender, "rate"))
	usual, _ := spread(r.values(scenario, r.Contenders[0], "rate"))
	if own == usual || column.Figure == "most" {
		return ""
	}
	return " at " + Column{}.number(own.Median) + "/s"
}

func bar(body *strings.Builder, name, value string, found Spread, scale float64, y int) {
	middle := y + barHeight/2
	fmt.Fprintf(body, `<text x="%d" y="%d" text-anchor="end">%s</text>`, labelWidth, middle+4, html.EscapeString(name))
	fmt.Fprintf(body, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" fill="%s"/>`,
		labelWidth+10, y, found.Median*scale, barHeight, colour(name))
	if found.Least < found.Most {
		fmt.Fprintf(body, `<path d="M%.1f %dH%.1f" stroke="#2f3a45" stroke-opacity=".55" stroke-width="2"/>`,
			labelWidth+10+found.Least*scale, middle, labelWidth+10+found.Most*scale)
	}
	fmt.Fprintf(body, `<text x="%.1f" y="%d">%s</text>`+"\n", labelWidth+18+found.Most*scale, middle+4, html.EscapeString(value))
}
