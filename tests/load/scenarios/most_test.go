package scenarios

import "testing"

func TestTheHighestRateThatHoldsIsFoundFromBelowAndFromAbove(t *testing.T) {
	for _, from := range []float64{500, 1000, 2500} {
		got, err := highest(from, func(rate float64) (bool, error) { return rate <= 1500, nil })
		if err != nil || got < 1500/step || got > 1500 {
			t.Errorf("from %v: %v, %v", from, got, err)
		}
	}
}

func TestARateThatFailsOnceGetsASecondTry(t *testing.T) {
	tries := map[float64]int{}
	got, err := highest(1000, func(rate float64) (bool, error) {
		tries[rate]++
		return rate <= 1500 && tries[rate] > 1, nil
	})
	if err != nil || got < 1500/step {
		t.Errorf("%v, %v", got, err)
	}
}

func TestASearchThatFindsNothingEnds(t *testing.T) {
	got, err := highest(1000, func(float64) (bool, error) { return false, nil })
	if err != nil || got != 0 {
		t.Errorf("%v, %v", got, err)
	}
	got, err = highest(1000, func(float64) (bool, error) { return true, nil })
	if err != nil || got < highestRate/step {
		t.Errorf("%v, %v", got, err)
	}
}
