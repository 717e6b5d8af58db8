package arrivals

import (
	"math"
	"slices"
	"time"
)

// statusNone stands for an answer that did not come: the connection failed or the time was up.
const statusNone = 0

// sample is one request.
type sample struct {
	latency time.Duration
	// late is the part of the latency that the generator's own clock caused.
	late   time.Duration
	status int
	right  bool
}

// Result is what became of a load.
type Result struct {
	Name string
	// Requests that were due, and that were sent. They differ only when the run was cut short.
	Due, Sent int
	// Wrong counts answers of another status than asked for, and those that did not come, by status (0 for none).
	Wrong map[int]int
	// Latencies of all requests, counted from when they were due, sorted.
	Latencies []time.Duration
	// Lateness of the generator, sorted.
	Lateness []time.Duration
}

func summarise(l Load, samples []sample) Result {
	result := Result{Name: l.Name, Due: len(samples), Wrong: map[int]int{}}
	for _, sample := range samples {
		if sample.latency == 0 {
			continue
		}
		result.Sent++
		if !sample.right {
			result.Wrong[sample.status]++
		}
		result.Latencies = append(result.Latencies, sample.latency)
		result.Lateness = append(result.Lateness, sample.late)
	}
	slices.Sort(result.Latencies)
	slices.Sort(result.Lateness)
	return result
}

// WrongCount is the number of wrong and missing answers.
func (r Result) WrongCount() int {
	count := 0
	for _, n := range r.Wrong {
		count += n
	}
	return count
}

// Percentile is the latency that the given share of requests stayed within, such as 0.99. It is exact: every latency is kept.
func (r Result) Percentile(share float64) time.Duration { return percentile(r.Latencies, share) }

// LatenessPercentile is the same for the generator's lateness.
func (r Result) LatenessPercentile(share float64) time.Duration { return percentile(r.Lateness, share) }

// percentile by the nearest rank: the smallest value that at least this share of all is not above.
func percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	// A share such as 0.99 is not exact in binary: without the correction 99 of 100 would become 100.
	rank := int(math.Ceil(share*float64(len(sorted)) - 1e-9))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
