package ops

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// Metrics counts what servers and clients do. It is an [http.Handler] that writes the numbers for Prometheus:
//
//	m := ops.NewMetrics()
//	server := thriftkit.NewServer(thriftkit.WithStats(m.Server()))
//	client, err := thriftkit.Dial(ctx, target, thriftkit.WithStats(m.Client()))
//	http.Handle("/metrics", m)
//
// The names and labels of all series are in docs/operate.md. How many series there are depends on the IDL alone, never on what clients
// send: calls of unknown methods count as method "_other". Counting a call allocates nothing.
//
// All methods may be called by any number of goroutines.
type Metrics struct {
	started        time.Time
	server, client side

	mu    sync.Mutex
	funcs []metricFunc
}

// NewMetrics returns a Metrics without numbers.
func NewMetrics() *Metrics { return &Metrics{started: time.Now()} }

// Server returns the listener for a server; several servers may share it.
func (m *Metrics) Server() rpc.Stats { return serverMetrics{&m.server} }

// Client returns the listener for a client; several clients may share it.
func (m *Metrics) Client() rpc.Stats { return clientMetrics{&m.client} }

// Gauge adds a number of the program's own that goes up and down. f is called for each scrape, by any goroutine. It panics if name is
// not one of Prometheus, such as "queue_length", or is in use.
func (m *Metrics) Gauge(name, help string, f func() float64) {
	m.addFunc(metricFunc{name, help, "gauge", f})
}

// Counter adds a number of the program's own that only grows, as Gauge does; its name must end in "_total".
func (m *Metrics) Counter(name, help string, f func() float64) {
	m.addFunc(metricFunc{name, help, "counter", f})
}

type metricFunc struct {
	name, help, kind string
	value            func() float64
}

// reserved are the beginnings of the names that Metrics has itself.
var reserved = regexp.MustCompile(`^(thriftkit_|go_info$|go_goroutines$|go_memstats_|go_gc_|process_start_time_seconds$)`)

var nameForm = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*$`)

func (m *Metrics) addFunc(f metricFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch inUse := func(g metricFunc) bool { return g.name == f.name }; {
	case !nameForm.MatchString(f.name):
		panic(fmt.Sprintf("ops: %q is not a name of a metric", f.name))
	case f.kind == "counter" && !strings.HasSuffix(f.name, "_total"):
		panic(fmt.Sprintf("ops: counter %q: the name must end in _total", f.name))
	case reserved.MatchString(f.name) || slices.ContainsFunc(m.funcs, inUse):
		panic(fmt.Sprintf("ops: metric %q is in use", f.name))
	}
	m.funcs = append(m.funcs, f)
}

// maxMethods bounds the methods of a side, for programs that compose schemas as they run. Calls of the methods above count as "_other".
const maxMethods = 10_000

// other is the method of the calls that no known method has.
const other = "_other"

// A side has the numbers of servers, or of clients.
type side struct {
	methods atomic.Pointer[map[*schema.Method]*methodEntry] // replaced as a whole

	mu     sync.Mutex
	byName map[[2]string]*methodMetrics // a schema that is loaded again has other descriptors of the same method

	connMu                  sync.Mutex
	conns                   map[string]*dialectConns
	failed, refused, broken uint64
}

// A methodEntry has the numbers of a method, of one service: others may inherit it. A map by the method alone is twice as fast as one
// by both.
type methodEntry struct {
	service *schema.Service
	metrics *methodMetrics
	next    *methodEntry
}

func (e *methodEntry) find(svc *schema.Service) *methodMetrics {
	for ; e != nil; e = e.next {
		if e.service == svc {
			return e.metrics
		}
	}
	return nil
}

// dialectConns counts the connections of a dialect; "" is that of connections which have not shown theirs.
type dialectConns struct{ opened, closed uint64 }

// of returns the numbers of a method, which are zero in the beginning.
func (s *side) of(svc *schema.Service, m *schema.Method) *methodMetrics {
	if all := s.methods.Load(); all != nil {
		if x := (*all)[m].find(svc); x != nil {
			return x
		}
	}
	return s.add(svc, m)
}

func (s *side) add(svc *schema.Service, m *schema.Method) *methodMetrics {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := [2]string{"", other}
	if m != nil && len(s.byName) < maxMethods {
		names[1] = m.Name
		if svc != nil {
			names[0] = svc.Name
		}
	}
	x := s.byName[names]
	if x == nil {
		if s.byName == nil {
			s.byName = make(map[[2]string]*methodMetrics)
		}
		x = newMethodMetrics(names[0], names[1])
		s.byName[names] = x
	}
	all := make(map[*schema.Method]*methodEntry)
	if old := s.methods.Load(); old != nil && len(*old) < maxMethods { // descriptors come and go: those that are gone must not stay here
		maps.Copy(all, *old)
	}
	if all[m].find(svc) == nil {
		all[m] = &methodEntry{svc, x, all[m]}
	}
	s.methods.Store(&all)
	return x
}

// list returns the numbers of all methods, by service and method.
func (s *side) list() []*methodMetrics {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]*methodMetrics, 0, len(s.byName))
	for _, x := range s.byName {
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b *methodMetrics) int {
		if c := strings.Compare(a.service, b.service); c != 0 {
			return c
		}
		return strings.Compare(a.method, b.method)
	})
	return list
}

// methodMetrics has the numbers of one method.
type methodMetrics struct {
	service, method string

	shards    []shard // a power of two of them
	failures  [numCodes][numOutcomes]atomic.Uint64
	retries   atomic.Uint64
	exemplars [numExported]atomic.Pointer[exemplar]
}

// A shard counts the calls of some connections: processors that count in different shards do not wait for each other.
type shard struct {
	queue, latency histogram // of calls that began, and that ended
	succeeded      atomic.Uint64
	requestBytes   atomic.Uint64
	replyBytes     atomic.Uint64
	_              [64]byte // the next shard is not in the same line of the cache
}

// maxShards bounds the shards of a method, each of which takes 1.4 KB.
const maxShards = 8

func newMethodMetrics(service, method string) *methodMetrics {
	n := 1
	for n < runtime.GOMAXPROCS(0) && n < maxShards {
		n *= 2
	}
	return &methodMetrics{service: service, method: method, shards: make([]shard, n)}
}

// shard returns that of a connection; of calls without one, that of the call.
func (x *methodMetrics) shard(e *rpc.CallEvent) *shard {
	i := e.Conn
	if i == 0 {
		i = e.Call
	}
	return &x.shards[i&uint64(len(x.shards)-1)]
}

// A methodTotal is the sum of the shards at one time.
type methodTotal struct {
	queue, latency           distribution
	succeeded, failed        uint64
	exceptions, refused      uint64 // among the failed: declared exceptions, and calls that a server refused
	requestBytes, replyBytes uint64
}

// inFlight returns how many calls have begun and not ended.
func (t *methodTotal) inFlight() uint64 {
	begun, ended := t.queue.total(), t.latency.total()
	return begun - min(begun, ended)
}

func (x *methodMetrics) total() *methodTotal {
	t := new(methodTotal)
	for i := range x.shards { // what ended before what began: there is never more of it
		s := &x.shards[i]
		s.latency.addTo(&t.latency)
		t.succeeded += s.succeeded.Load()
		t.requestBytes += s.requestBytes.Load()
		t.replyBytes += s.replyBytes.Load()
	}
	for i := range x.shards {
		x.shards[i].queue.addTo(&t.queue)
	}
	for i := range x.failures {
		for j := range x.failures[i] {
			n := x.failures[i][j].Load()
			t.failed += n
			switch {
			case result(i) == resultException:
				t.exceptions += n
			case rpc.Outcome(j) == rpc.OutcomeRefused:
				t.refused += n
			}
		}
	}
	return t
}

// A result says how a call ended, as the label "code" does: one of rpc's codes, or what has none.
type result uint8

const (
	resultException result = iota // a declared exception
	resultBusiness                // an *rpc.BusinessError
	resultOther                   // a code that rpc does not name
	resultUnauthenticated
	resultDenied
	resultCodes // the codes from firstCode to lastCode, counted from here
)

const (
	firstCode   = rpc.CodeArgument
	lastCode    = rpc.CodeOverloaded
	numCodes    = int(resultCodes) + int(lastCode-firstCode) + 1
	numOutcomes = int(rpc.OutcomeExecuted) + 1
)

func resultOf(code rpc.Code) result {
	switch code {
	case rpc.CodeUnauthenticated:
		return resultUnauthenticated
	case rpc.CodePermissionDenied:
		return resultDenied
	}
	if code < firstCode || code > lastCode {
		return resultOther
	}
	return resultCodes + result(code-firstCode)
}

// String returns the value of the label "code".
func (r result) String() string {
	switch {
	case r == resultException:
		return "exception"
	case r == resultBusiness:
		return "business_error"
	case r == resultOther:
		return "other"
	case r == resultUnauthenticated:
		return "unauthenticated"
	case r == resultDenied:
		return "permission_denied"
	}
	switch code := firstCode + rpc.Code(r-resultCodes); code {
	case rpc.CodeInternal:
		return "internal"
	case rpc.CodeClosed:
		return "closed"
	case rpc.CodeProtocol:
		return "protocol"
	default:
		return strings.ReplaceAll(code.String(), " ", "_")
	}
}

// resultOfEvent returns how the call of an event with an error ended. Of a server it is what the caller learns.
func resultOfEvent(e *rpc.CallEvent) result {
	if e.Declared {
		return resultException
	}
	onServer := e.Kind != rpc.AttemptEnded
	var coded *rpc.Error
	var business *rpc.BusinessError
	switch {
	case errors.As(e.Err, &coded) && (!onServer || coded.Code >= 0 && !coded.Remote):
		return resultOf(coded.Code)
	case errors.As(e.Err, &business):
		return resultBusiness
	case onServer:
		return resultOf(rpc.CodeInternal)
	case errors.Is(e.Err, context.DeadlineExceeded):
		return resultOf(rpc.CodeTimeout)
	case errors.Is(e.Err, context.Canceled):
		return resultOf(rpc.CodeCanceled)
	}
	return resultOther
}

// outcomeOfEvent returns the outcome of a call that ended or was refused.
func outcomeOfEvent(e *rpc.CallEvent) rpc.Outcome {
	switch e.Kind {
	case rpc.CallRefused:
		return rpc.OutcomeRefused
	case rpc.CallReplied:
		return rpc.OutcomeExecuted
	}
	return e.Outcome
}

// A serverMetrics counts what servers do.
type serverMetrics struct{ *side }

// CallNeeds implements [rpc.SelectiveStats].
func (s serverMetrics) CallNeeds() rpc.CallNeeds { return rpc.CallNeeds{Begun: true} }

// HandleCall implements [rpc.Stats].
func (s serverMetrics) HandleCall(ctx context.Context, e rpc.CallEvent) {
	switch e.Kind {
	case rpc.CallBegun:
		s.of(e.Service, e.Method).shard(&e).queue.observe(e.Queue)
	case rpc.CallReplied:
		s.of(e.Service, e.Method).ended(ctx, &e)
	case rpc.CallRefused:
		s.of(e.Service, e.Method).failures[resultOfEvent(&e)][rpc.OutcomeRefused].Add(1)
	}
}

// ended counts a call that began and has ended.
func (x *methodMetrics) ended(ctx context.Context, e *rpc.CallEvent) {
	s := x.shard(e)
	if e.Err == nil {
		s.succeeded.Add(1)
	} else {
		x.failures[resultOfEvent(e)][min(int(outcomeOfEvent(e)), numOutcomes-1)].Add(1)
	}
	s.requestBytes.Add(uint64(e.RequestBytes))
	s.replyBytes.Add(uint64(e.ReplyBytes))
	bucket := s.latency.observe(e.Duration)
	if own := traceOfCall(e.Values); own != nil && !own.sampled() {
		return // as most are, for which nothing is composed
	}
	if t := traceOfEvent(ctx, e); t.sampled() {
		x.exemplars[exportedOf[bucket]].Store(&exemplar{t.id(), e.Duration, e.Time})
	}
}

// HandleConn implements [rpc.Stats].
func (s serverMetrics) HandleConn(e rpc.ConnEvent) {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	switch e.Kind {
	case rpc.ConnOpened:
		s.dialectLocked("").opened++
	case rpc.ConnDetected:
		s.dialectLocked("").closed++
		s.dialectLocked(e.Dialect).opened++
	case rpc.ConnRefused:
		s.refused++
	case rpc.ConnClosed:
		s.closedLocked(&e)
	}
}

// A clientMetrics counts what clients do.
type clientMetrics struct{ *side }

// HandleCall implements [rpc.Stats].
func (s clientMetrics) HandleCall(ctx context.Context, e rpc.CallEvent) {
	switch x := s.of(e.Service, e.Method); e.Kind {
	case rpc.AttemptBegun:
		x.shards[e.Call&uint64(len(x.shards)-1)].queue.observe(0) // it is not known how long a call of a client waited
		if e.Attempt > 1 {
			x.retries.Add(1)
		}
	case rpc.AttemptEnded:
		x.ended(ctx, &e)
	}
}

// HandleConn implements [rpc.Stats].
func (s clientMetrics) HandleConn(e rpc.ConnEvent) {
	s.connMu.Lock()
	defer s.connMu.Unlock()
	switch e.Kind {
	case rpc.ConnOpened:
		s.dialectLocked(e.Dialect).opened++
	case rpc.ConnFailed:
		s.failed++
	case rpc.ConnClosed:
		s.closedLocked(&e)
	}
}

func (s *side) closedLocked(e *rpc.ConnEvent) {
	s.dialectLocked(e.Dialect).closed++
	if e.Err != nil {
		s.broken++
	}
}

func (s *side) dialectLocked(name string) *dialectConns {
	c := s.conns[name]
	if c == nil {
		if s.conns == nil {
			s.conns = make(map[string]*dialectConns)
		}
		c = new(dialectConns)
		s.conns[name] = c
	}
	return c
}
