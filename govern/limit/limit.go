// Package limit bounds how many calls a server begins: by method and by caller, at once and in a second; and all together, with a queue.
//
//	limits, err := limit.New(
//		limit.Rule{Methods: "Shop.report", InFlight: 4},
//		limit.Rule{Methods: "*", Rate: 100, PerCaller: true},
//	)
//	server := thriftkit.NewServer(thriftkit.WithGate(guard, limits))
//
// A [Limiter] is a gate of a server. A call that is too much is refused at once with [rpc.CodeOverloaded]: it was not begun, and its
// caller learns when to try again, where the dialect carries metadata. Callers that have a share each, by PerCaller, cannot take that of
// others. A [Queue] bounds all calls together, finds that bound if it should, and lets calls wait for a short time, the important ones first.
package limit

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A Rule bounds the calls of some methods.
type Rule struct {
	// Methods are those that the rule is about: Service.method with the names of the IDL, in which a * at the end stands for any
	// text, as in "Shop.*" and "*".
	Methods string

	// InFlight is how many calls may run at once; 0 means no bound.
	InFlight int

	// Rate is how many calls may begin in a second, on average; 0 means no bound. Burst is how many may begin together after a
	// pause; 0 means those of a second, 1 at least.
	Rate  float64
	Burst int

	// PerCaller gives these bounds to each caller, instead of to all together. Callers are told apart by their principals (see
	// [rpc.PrincipalOf]), or by their addresses, without ports, where nothing is known of them.
	PerCaller bool

	// Key is the name of metadata that tells callers apart instead, such as "tenant". Use it where the metadata can be trusted: who
	// may make names up has as many shares. Calls without it share one.
	Key string
}

// MaxCallers is how many callers a rule tells apart at one time. Those above share one bound.
const MaxCallers = 10_000

// A Limiter is a [rpc.Gate]. It is safe for concurrent use.
type Limiter struct {
	rules   atomic.Pointer[[]*rule]
	refused atomic.Int64
}

// New returns a Limiter with rules, which all apply. The error names the rule that makes no sense.
func New(rules ...Rule) (*Limiter, error) {
	l := new(Limiter)
	if err := l.Set(rules...); err != nil {
		return nil, err
	}
	return l, nil
}

// Set replaces the rules for the calls from now on, which are counted anew. After an error the rules are as before.
func (l *Limiter) Set(rules ...Rule) error {
	list := make([]*rule, len(rules))
	for i, r := range rules {
		prefix, any := strings.CutSuffix(r.Methods, "*")
		switch {
		case prefix == "" && !any, strings.Contains(prefix, "*"), !any && !strings.Contains(prefix, "."):
			return fmt.Errorf("limit: rule %d: want Service.method, Service.* or *, got %q", i, r.Methods)
		case r.InFlight < 0 || r.Burst < 0 || r.Rate < 0 || math.IsNaN(r.Rate) || math.IsInf(r.Rate, 0):
			return fmt.Errorf("limit: rule %d: a bound is less than 0, or no number", i)
		case r.InFlight == 0 && r.Rate == 0:
			return fmt.Errorf("limit: rule %d bounds neither InFlight nor Rate", i)
		case r.Burst > 0 && r.Rate == 0:
			return fmt.Errorf("limit: rule %d has a Burst without a Rate", i)
		case r.Key != "" && !r.PerCaller:
			return fmt.Errorf("limit: rule %d has a Key, which is for PerCaller", i)
		}
		if r.Burst == 0 {
			r.Burst = max(1, int(math.Ceil(min(r.Rate, math.MaxInt32))))
		}
		list[i] = &rule{Rule: r, prefix: prefix, any: any, callers: make(map[string]*share)}
	}
	l.rules.Store(&list)
	return nil
}

// Refused returns how many calls were refused.
func (l *Limiter) Refused() int64 { return l.refused.Load() }

// A rule is a Rule with what it counts.
type rule struct {
	Rule
	prefix string
	any    bool // what begins with prefix

	mu      sync.Mutex
	all     share
	callers map[string]*share
	swept   time.Time
}

// A share is what one caller, or all, have used of a rule. Its rule's mu guards it.
type share struct {
	running int
	tokens  float64 // calls that may begin
	at      time.Time
}

var errTooMany = &rpc.Error{Code: rpc.CodeOverloaded, Message: "too many calls"}

// Admit implements [rpc.Gate].
func (l *Limiter) Admit(ctx context.Context, svc *schema.Service, m *schema.Method) (context.Context, rpc.Leave, error) {
	var used []func(begun bool)
	release := func(begun bool) {
		for _, f := range used {
			f(begun)
		}
	}
	for _, r := range *l.rules.Load() {
		if !r.fits(svc, m) {
			continue
		}
		free, wait, ok := r.use(ctx)
		if !ok {
			release(false)
			l.refused.Add(1)
			rpc.PushBack(ctx, wait)
			return nil, nil, errTooMany
		}
		used = append(used, free)
	}
	if used == nil {
		return nil, nil, nil
	}
	return nil, func(rpc.Outcome, error) { release(true) }, nil
}

func (r *rule) fits(svc *schema.Service, m *schema.Method) bool {
	if r.prefix == "" {
		return true
	}
	name := svc.Name + "." + m.Name
	return name == r.prefix || r.any && strings.HasPrefix(name, r.prefix)
}

// use takes room for a call, which free gives back, also as if nothing had begun. If there is none, there may be some after wait.
func (r *rule) use(ctx context.Context) (free func(begun bool), wait time.Duration, ok bool) {
	key := ""
	if r.PerCaller {
		key = callerOf(ctx, r.Key)
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.all
	if r.PerCaller {
		s = r.shareLocked(key, now)
	}
	r.refillLocked(s, now)
	switch {
	case r.InFlight > 0 && s.running >= r.InFlight:
		return nil, retryInFlight, false
	case r.Rate > 0 && s.tokens < 1:
		return nil, time.Duration(min((1-s.tokens)/r.Rate, time.Hour.Seconds()) * float64(time.Second)), false
	}
	s.running++
	s.tokens--
	return func(begun bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		if s.running--; !begun {
			s.tokens++
		}
	}, 0, true
}

// retryInFlight is when to try again where nobody knows how long calls take.
const retryInFlight = 100 * time.Millisecond

func (r *rule) refillLocked(s *share, now time.Time) {
	most := float64(r.Burst)
	if s.at.IsZero() {
		s.tokens = most
	} else {
		s.tokens = min(most, s.tokens+now.Sub(s.at).Seconds()*r.Rate)
	}
	s.at = now
}

// shareLocked returns the share of a caller. Those of callers that have used nothing lately are forgotten when there are many.
func (r *rule) shareLocked(key string, now time.Time) *share {
	if s := r.callers[key]; s != nil {
		return s
	}
	if len(r.callers) >= MaxCallers {
		if now.Sub(r.swept) >= time.Second { // else a flood of names would have each call look at all of them
			r.swept = now
			for k, s := range r.callers {
				if r.refillLocked(s, now); s.running == 0 && s.tokens >= float64(r.Burst) || r.Rate == 0 && s.running == 0 {
					delete(r.callers, k)
				}
			}
		}
		if len(r.callers) >= MaxCallers {
			return &r.all
		}
	}
	s := new(share)
	r.callers[key] = s
	return s
}

// callerOf returns what tells the caller apart, see [Rule.Key].
func callerOf(ctx context.Context, key string) string {
	if key != "" {
		return rpc.MetadataValue(ctx, key)
	}
	if p := rpc.PrincipalOf(ctx); p != (rpc.Principal{}) {
		return p.String()
	}
	peer, ok := rpc.PeerOf(ctx)
	if !ok || peer.Addr == nil {
		return ""
	}
	text := peer.Addr.String()
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		text = text[:i]
	}
	return "address " + text
}
