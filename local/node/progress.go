package node

import (
	"fmt"
	"io"
	"time"
)

// progress tells what a command is doing and how long it has taken so far.
type progress struct {
	out     io.Writer
	started time.Time
	last    string
}

func newProgress(out io.Writer) *progress { return &progress{out: out, started: time.Now()} }

// say prints a line, unless it is the one printed last.
func (p *progress) say(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	if text == p.last {
		return
	}
	p.last = text
	fmt.Fprintf(p.out, "%6.1fs  %s\n", time.Since(p.started).Seconds(), text)
}
