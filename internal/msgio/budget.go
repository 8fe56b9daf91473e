package msgio

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A Budget bounds the bytes that many Readers together hold for long messages that have not come whole. Chunks that every
// connection may have, up to bigChunk, do not count: so short messages cost nothing.
type Budget struct {
	evicted atomic.Int64

	mu   sync.Mutex
	max  int64
	used int64
	held map[*Account]struct{} // those with bytes
}

// NewBudget returns a Budget of max bytes, nil, which has no bound, if max is not above 0.
func NewBudget(max int64) *Budget {
	if max <= 0 {
		return nil
	}
	return &Budget{max: max, held: make(map[*Account]struct{})}
}

// SetMax replaces the bound, which must be above 0, for what is held from now on.
func (b *Budget) SetMax(max int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.max = max
}

// Evicted returns how often a message was given up because the Budget was used up.
func (b *Budget) Evicted() int64 {
	if b == nil {
		return 0
	}
	return b.evicted.Load()
}

// Used returns how many bytes are held.
func (b *Budget) Used() int64 {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// ErrBudget ends the slowest connection when a Budget is used up.
var ErrBudget = errors.New("the messages that have not come whole are too long together, and this is the slowest")

// An Account is what one Reader has of a Budget.
type Account struct {
	budget *Budget
	end    func(error) // closes the connection; any goroutine calls it

	came  atomic.Int64 // bytes of the message
	holds bool         // likewise, by Hold; of its goroutine

	// With budget.mu:
	bytes   int64
	since   time.Time // the message began to be long
	evicted bool
}

// NewAccount returns an Account of b, which may be nil. When it is the slowest of a Budget that is used up, end is called with ErrBudget.
func (b *Budget) NewAccount(end func(error)) *Account {
	if b == nil {
		return nil
	}
	return &Account{budget: b, end: end}
}

// take sets how many bytes the Reader is about to hold, of a message of which came bytes have come. To make room the slowest others
// are ended; it fails if that is this one.
func (a *Account) take(bytes, came int) error {
	b := a.budget
	a.came.Store(int64(came))
	b.mu.Lock()
	var slow []*Account
	defer func() {
		b.mu.Unlock()
		for _, x := range slow {
			x.end(ErrBudget)
		}
	}()
	if a.evicted {
		return ErrBudget
	}
	if a.bytes == 0 {
		a.since = time.Now()
		b.held[a] = struct{}{}
	}
	b.used += int64(bytes) - a.bytes
	a.bytes = int64(bytes)
	for b.used > b.max {
		x := b.slowestLocked()
		x.dropLocked()
		x.evicted = true
		b.evicted.Add(1)
		if x == a {
			return ErrBudget
		}
		slow = append(slow, x)
	}
	return nil
}

// Hold says how many bytes its owner is about to have for a message, or has, of which came bytes have come; few bytes, 0 among them, give
// back what it held. It fails with ErrBudget if the message must be given up. a may be nil. Only one goroutine calls it.
func (a *Account) Hold(bytes, came int) error {
	switch {
	case a == nil:
		return nil
	case bytes > bigChunk:
		if err := a.take(bytes, came); err != nil {
			a.holds = false
			return err
		}
		a.holds = true
	case a.holds:
		a.holds = false
		a.drop()
	}
	return nil
}

// restart says that another message begins, of which came bytes have come.
func (a *Account) restart(came int) {
	a.came.Store(int64(came))
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.since = time.Now()
}

// slowestLocked returns the Account whose message has come with the fewest bytes a second. There is one as long as bytes are used.
func (b *Budget) slowestLocked() (slowest *Account) {
	now := time.Now()
	worst := 0.0
	for a := range b.held {
		const grace = 100 * time.Millisecond // what has just begun has not had time to be slow
		rate := float64(a.came.Load()) / (now.Sub(a.since) + grace).Seconds()
		if slowest == nil || rate < worst {
			slowest, worst = a, rate
		}
	}
	return slowest
}

// drop gives back what the Reader held.
func (a *Account) drop() {
	a.budget.mu.Lock()
	defer a.budget.mu.Unlock()
	a.dropLocked()
}

func (a *Account) dropLocked() {
	a.budget.used -= a.bytes
	a.bytes = 0
	delete(a.budget.held, a)
}
