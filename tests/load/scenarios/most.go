package scenarios

import (
	"context"
	"math"
	"time"

	"shopflow.dev/load/arrivals"
)

const (
	// step is the factor between two rates of the search.
	step = 1.2
	// lowestPart of the first rate ends a search that finds nothing that holds.
	lowestPart = 0.2
	// highestRate is far above what two cores can do with the generator beside.
	highestRate = 40_000
)

// most finds the highest rate that holds: every answer right, 99 % of them within the limit, and events that keep up. It
// climbs from the load's rate in steps of a fifth until one fails twice, and then tries the middle of the last step.
func (t *Turn) most(ctx context.Context, load arrivals.Load, limit time.Duration, rest rest) (float64, error) {
	load.Duration = t.Pace.Trial
	return highest(load.Rate, func(rate float64) (bool, error) {
		load.Rate = rate
		results, err := arrivals.Run(ctx, load)
		if err != nil {
			return false, err
		}
		behind, err := rest(results[0])
		return holds(results[0], limit) && behind <= relayMayBehind, err
	})
}

func holds(result arrivals.Result, limit time.Duration) bool {
	return result.Sent == result.Due && result.WrongCount() == 0 && result.Percentile(0.99) <= limit
}

// highest is the highest rate that holds, or zero. One that does not hold gets a second try, because other work on the
// machine may have been in its way.
func highest(from float64, try func(rate float64) (bool, error)) (float64, error) {
	twice := func(rate float64) (bool, error) {
		held, err := try(rate)
		if held || err != nil {
			return held, err
		}
		return try(rate)
	}
	held, failed := 0.0, 0.0
	for rate := from; rate >= lowestPart*from && rate <= highestRate; {
		ok, err := twice(rate)
		if err != nil {
			return 0, err
		}
		if ok {
			held = rate
			rate = round(rate * step)
		} else {
			failed = rate
			rate = round(rate / step)
		}
		if held > 0 && failed > 0 {
			break
		}
	}
	if held == 0 || failed == 0 {
		return held, nil
	}
	middle := round((held + failed) / 2)
	ok, err := twice(middle)
	if ok {
		return middle, err
	}
	return held, err
}

// round gives rates that people can compare: multiples of 10.
func round(rate float64) float64 { return math.Round(rate/10) * 10 }
