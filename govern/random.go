package govern

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// A random is where random numbers come from; nil is rand.Uint64.
type random func() uint64

// randomOf returns that of the fleet of nodes.
func randomOf(nodes []*Node) random { return nodes[0].random }

func (r random) uint64() uint64 {
	if r == nil {
		return rand.Uint64()
	}
	return r()
}

// below returns a number from 0 to n-1.
func (r random) below(n int) int {
	high, _ := bits.Mul64(r.uint64(), uint64(n))
	return int(high)
}

// float64 returns a number from 0 to below 1.
func (r random) float64() float64 { return float64(r.uint64()>>11) / (1 << 53) }

// jitter returns a duration from d/2 to d: equal jitter.
func (r random) jitter(d time.Duration) time.Duration {
	return d - time.Duration(r.below(int(d/2)+1))
}
