package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/internal/capturetest"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// A truth collects the calls that were made, as the interceptor of one side saw them.
type truth struct {
	mu    sync.Mutex
	calls []string
}

func (tr *truth) interceptor(next rpc.Handler) rpc.Handler {
	return func(ctx context.Context, call *rpc.Call) error {
		var args []string
		for i := range call.NumArgs() {
			v, _ := call.Arg(i).(dynamic.Value)
			args = append(args, Text(v))
		}
		m := call.Method
		err := next(ctx, call)
		var ex *thriftkit.Exception
		var e *thriftkit.Error
		outcome := ""
		switch errors.As(err, &e); {
		case e != nil && e.Code == rpc.CodeArgument:
			return err // it was not sent
		case e != nil && e.Code == rpc.CodeMissingResult:
			outcome = "returns "
		case m.Oneway:
			outcome = "oneway"
		case errors.As(err, &ex):
			outcome = "throws " + Text(dynamic.StructValue(ex.Value))
		case err != nil:
			outcome = "error"
		case m.Name == "newDefaults":
			outcome = "returns " // what the server leaves out has its default where it is read
		default:
			v, _ := call.Result().(dynamic.Value)
			outcome = "returns " + Text(v)
		}
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.calls = append(tr.calls, m.Name+"("+strings.Join(args, ", ")+") "+outcome)
		return err
	}
}

// sorted returns the calls, sorted.
func (tr *truth) sorted() []string {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return slices.Sorted(slices.Values(tr.calls))
}

// capturedText returns a captured call in the form of truth.
func capturedText(svc *schema.Service, c *capture.Call) (string, error) {
	m := svc.Method(c.Method())
	switch {
	case m == nil:
		return "", fmt.Errorf("unknown method %q", c.Method())
	case c.Request == nil:
		return "", fmt.Errorf("%s: a reply alone: %s", m.Name, c.Note)
	}
	s, err := c.Request.Decode(m.Args)
	if err != nil {
		return "", fmt.Errorf("%s: arguments: %w", m.Name, err)
	}
	var args []string
	for i := range m.Args.Fields {
		args = append(args, Text(s.At(i)))
	}
	outcome := ""
	switch {
	case c.Status == capture.StatusOneway, c.Status == capture.StatusNoReply && m.Oneway: // Apache's Go says in the message that it is a call
		outcome = "oneway"
	case c.Status == capture.StatusError:
		outcome = "error"
	case c.Status == capture.StatusOK, c.Status == capture.StatusException:
		reply, err := c.Reply.Decode(m.Reply())
		if err != nil {
			return "", fmt.Errorf("%s: reply: %w", m.Name, err)
		}
		outcome = "returns "
		if m.Name == "newDefaults" {
			break // see truth
		}
		for i := range reply.Schema().Fields {
			if v := reply.At(i); v.IsSet() {
				outcome += Text(v)
				if c.Status == capture.StatusException {
					outcome = "throws " + Text(v)
				}
			}
		}
	default:
		return "", fmt.Errorf("%s: status %s: %s", m.Name, c.Status, c.Note)
	}
	return m.Name + "(" + strings.Join(args, ", ") + ") " + outcome, nil
}

func analyze(packets []pcapfile.Packet) ([]*capture.Call, capture.Counters) {
	var calls []*capture.Call
	a := capture.NewAssembler(capture.Options{}, func(c *capture.Call) { calls = append(calls, c) })
	for _, p := range packets {
		a.Packet(p)
	}
	a.Flush()
	return calls, a.Counters()
}

// checkCapture compares the calls in packets with those that were made: all of them if the packets are whole, in whatever
// order and however often; and nothing that was not, if packets are missing. leftOut says which calls the truth does not have.
func checkCapture(t *testing.T, svc *schema.Service, packets []pcapfile.Packet, want []string, leftOut func(*capture.Call) bool) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(uint64(len(packets)), 1))
	shuffled := slices.Clone(packets)
	for i := range shuffled {
		j := min(i+rnd.IntN(16), len(shuffled)-1)
		shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
	}
	var doubled []pcapfile.Packet
	for _, p := range shuffled {
		doubled = append(doubled, p)
		if rnd.IntN(2) == 0 {
			doubled = append(doubled, doubled[rnd.IntN(len(doubled))])
		}
	}
	for name, packets := range map[string][]pcapfile.Packet{"as sent": packets, "shuffled and doubled": doubled} {
		calls, counters := analyze(packets)
		var got []string
		for _, c := range calls {
			if leftOut != nil && leftOut(c) {
				continue
			}
			text, err := capturedText(svc, c)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			got = append(got, text)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d calls, want %d: %s", name, len(got), len(want), unequal(got, want))
		}
		if counters.Gaps+counters.Incomplete > 0 {
			t.Errorf("%s: %+v", name, counters)
		}
	}

	// Each pair, call and reply that was there is known by the times of its messages: those at which they began, as what zlib compressed
	// can be known to end a packet earlier if the last one is missing, and those at which they ended, as the first packet can be missing.
	type times struct {
		request, reply int64
		method         string
	}
	timesOf := func(c *capture.Call) (all []times) {
		moments := func(m *capture.Message) []int64 {
			if m == nil {
				return []int64{0}
			}
			return []int64{m.Start.UnixNano(), m.Time.UnixNano()}
		}
		for _, request := range moments(c.Request) {
			for _, reply := range moments(c.Reply) {
				all = append(all, times{request, reply, c.Method()})
			}
		}
		return all
	}
	whole, _ := analyze(packets)
	known := make(map[times]bool)
	for _, c := range whole {
		for _, k := range timesOf(c) {
			known[k], known[times{k.request, 0, k.method}], known[times{0, k.reply, k.method}] = true, true, true
		}
	}
	wasMade := func(c *capture.Call) bool {
		return slices.ContainsFunc(timesOf(c), func(k times) bool { return known[k] })
	}
	partly := map[string][]pcapfile.Packet{"mid-stream": packets[len(packets)/3:], "only one direction": nil, "cut to 96 bytes": nil}
	for i := range 3 {
		var some []pcapfile.Packet
		for _, p := range packets {
			if rnd.IntN(12) > 0 {
				some = append(some, p)
			}
		}
		partly[fmt.Sprintf("with gaps %d", i)] = some
	}
	for _, p := range packets {
		if strings.Contains(string(p.Data[26:30]), "\x0a\x00\x00\x02") { // from the server
			partly["only one direction"] = append(partly["only one direction"], p)
		}
		p.Data = p.Data[:min(len(p.Data), 96)]
		partly["cut to 96 bytes"] = append(partly["cut to 96 bytes"], p)
	}
	for _, name := range slices.Sorted(maps.Keys(partly)) {
		calls, _ := analyze(partly[name])
		var wrong []string
		for _, c := range calls {
			if c.Request != nil && c.Request.Missing > 0 || c.Reply != nil && c.Reply.Missing > 0 {
				if svc.Method(c.Method()) == nil && !(leftOut != nil && leftOut(c)) {
					t.Errorf("%s: a call of %q", name, c.Method())
				}
			} else if !wasMade(c) {
				wrong = append(wrong, fmt.Sprintf("%s (%s, %q)", c.Method(), c.Status, c.Note))
			}
		}
		if len(wrong) > 0 {
			t.Errorf("%s: %d of %d calls were not made: %s", name, len(wrong), len(calls), wrong)
		}
	}
}

// unequal says which lines of two sorted lists the other one lacks.
func unequal(got, want []string) string {
	var out strings.Builder
	for i, j, n := 0, 0, 0; (i < len(got) || j < len(want)) && n < 6; {
		switch {
		case i < len(got) && j < len(want) && got[i] == want[j]:
			i, j = i+1, j+1
		case j == len(want) || i < len(got) && got[i] < want[j]:
			fmt.Fprintf(&out, "\nnot made:  %s", shorten(got[i]))
			i, n = i+1, n+1
		default:
			fmt.Fprintf(&out, "\nnot found: %s", shorten(want[j]))
			j, n = j+1, n+1
		}
	}
	return out.String()
}

// checkPlugin compares the pairs that tshark finds with a generated plugin with those that package capture finds.
func checkPlugin(t *testing.T, file *schema.File, packets []pcapfile.Packet) {
	lua := plugin(t, gen.WiresharkOptions{}, file)
	calls, _ := analyze(packets)
	var want, got []string
	zlib := make(map[string]bool) // ports where a message may be complete before the compressed bytes of it are
	for _, c := range calls {
		d, ok := c.Latency()
		if !ok {
			continue
		}
		port := strconv.Itoa(int(c.Server.Port()))
		text := port + ": " + c.Method() + " answered"
		if zlib[port] = strings.Contains(c.Reply.Over, "zlib"); !zlib[port] {
			text += fmt.Sprintf(" at %.6f after %.6f s", float64(c.Reply.Time.UnixMicro())/1e6, d.Seconds())
		}
		want = append(want, text)
	}
	for _, line := range tshark(t, "-X", "lua_script:"+lua, "-r", writeCapture(t, packets), "-Y", "thriftkit.time", "-T", "fields",
		"-e", "tcp.srcport", "-e", "frame.time_epoch", "-e", "thriftkit.method", "-e", "thriftkit.time") {
		words := strings.Split(line, "\t")
		methods, latencies := strings.Split(words[2], ","), strings.Split(words[3], ",")
		if len(methods) != len(latencies) {
			t.Errorf("%q", line)
			continue
		}
		for i, method := range methods {
			method = method[strings.LastIndexByte(method, '.')+1:]
			text := words[0] + ": " + method + " answered"
			if !zlib[words[0]] {
				text += fmt.Sprintf(" at %.17s after %.8s s", words[1], latencies[i])
			}
			got = append(got, text)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	left := make(map[string]int)
	for _, w := range want {
		left[w]++
	}
	for _, g := range got {
		if left[g]--; left[g] < 0 {
			t.Errorf("a wrong pair: %s", g)
		}
	}
	// Wireshark hands the plugin what it has put together of a stream, and now and then a message too few.
	if missing := len(want) - len(got); 100*missing > len(want) {
		t.Errorf("%d pairs, want %d: %s", len(got), len(want), unequal(got, want))
	}
}

// networkOf returns a network whose server has a port by number, so that captures can be told apart.
func networkOf(i int) *capturetest.Network {
	return &capturetest.Network{Server: netip.AddrPortFrom(netip.MustParseAddr("10.0.0.2"), uint16(20000+i))}
}

// seenByTshark reports whether tshark's own dissector reads what goes this way: it misreads booleans in the compact protocol, and knows
// neither headers nor JSON.
func (c cell) seenByTshark() bool {
	return c.protocol == "binary" && (c.transport == "framed" || c.transport == "buffered" || c.transport == "http")
}

// TestCapturePeerServers captures what thriftkit's client and the server of each peer say, on every route over TCP that is not
// encrypted, and compares the calls with what the client knows.
func TestCapturePeerServers(t *testing.T) {
	file := mustLoad(t)
	svc := file.Service("Conformance")
	for _, p := range peers() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			certs := certificates(t)
			routes := p.serve(t, certs)
			var all []pcapfile.Packet
			for i, c := range cells() {
				if c.socket == "tls" || c.socket == "unix" || p.why(c) != "" {
					continue
				}
				t.Run(c.String(), func(t *testing.T) {
					network, tr := networkOf(i), new(truth)
					proxy := recordingProxy(t, network, routes[c.String()])
					client, _ := dial(t, file, c.target(proxy, certs), thriftkit.WithTimeout(callTimeout), thriftkit.WithInterceptors(tr.interceptor))
					call := dynamicCaller(svc, client)
					for _, row := range preparedRows(svc, p.fills) {
						// What is not sent has its default where it is read, so that the two sides differ.
						if !row.large && p.differs(row.name, c) == "" && !strings.HasPrefix(row.name, "defaults") {
							if err := row.run(t.Context(), call); err != nil {
								t.Errorf("%s: %v", row.name, err)
							}
						}
					}
					checkCapture(t, svc, network.Packets(), tr.sorted(), nil)
					if c.seenByTshark() {
						checkTshark(t, network.Packets(), 50)
					}
					all = append(all, network.Packets()...)
				})
			}
			t.Run("tshark", func(t *testing.T) { checkPlugin(t, file, all) })
		})
	}
}

// TestCapturePeerClients is the same for the client of each peer and thriftkit's server, by what the server knows.
func TestCapturePeerClients(t *testing.T) {
	file := mustLoad(t)
	svc := file.Service("Conformance")
	for _, p := range peers() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			args := p.command(p.setUp(t), "client")
			args = append(args, "--tls", certificates(t))
			var (
				networks []*capturetest.Network
				truths   []*truth
				names    []string
				used     []cell
			)
			for i, c := range cells() {
				if c.socket == "tls" || c.socket == "unix" || p.why(c) != "" {
					continue
				}
				network, tr := networkOf(i), new(truth)
				addr := serveWith(t, file, NewDynamicHandler(file), thriftkit.WithInterceptors(tr.interceptor))
				args = append(args, c.String()+"="+recordingProxy(t, network, addr))
				networks, truths, names, used = append(networks, network), append(truths, tr), append(names, c.String()), append(used, c)
			}
			start(t, args[0], args[1:]...).rest() // what it prints is for other tests
			for i, name := range names {
				t.Run(name, func(t *testing.T) {
					if used[i].seenByTshark() {
						checkTshark(t, networks[i].Packets(), 50)
					}
					want := truths[i].sorted()
					if len(want) < 50 {
						t.Fatalf("the client made %d calls", len(want))
					}
					checkCapture(t, svc, networks[i].Packets(), want, sentWrong(svc))
				})
			}
		})
	}
}

// serveWith serves the service, and Base beside it, on a port.
func serveWith(t *testing.T, file *schema.File, handler any, opts ...thriftkit.ServerOption) string {
	t.Helper()
	server := thriftkit.NewServer(opts...)
	svc := file.Service("Conformance")
	if err := firstError(server.Register(svc, handler), server.Register(svc.Extends, handler)); err != nil {
		t.Fatal(err)
	}
	l, err := thriftkit.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		if err := <-done; !errors.Is(err, rpc.ErrServerClosed) {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// TestCaptureThriftpy2 is TestCapturePeerClients for thriftpy2's client, with each of its transports and protocols, on threads and on asyncio.
func TestCaptureThriftpy2(t *testing.T) {
	py := python(t)
	file := mustLoad(t)
	svc := file.Service("Conformance")
	for i, w := range routes() {
		if w.socket != "tcp" || w.lacks() != "" {
			continue
		}
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			network, tr := networkOf(i), new(truth)
			addr := serveWith(t, file, NewDynamicHandler(file), thriftkit.WithInterceptors(tr.interceptor))
			args := append([]string{"py/client.py", recordingProxy(t, network, addr)}, w.flags()...)
			start(t, py, args...).rest() // what it prints is for other tests
			want := tr.sorted()
			if len(want) < 50 {
				t.Fatalf("the client made %d calls", len(want))
			}
			checkCapture(t, svc, network.Packets(), want, sentWrong(svc))
			if w.cell().seenByTshark() {
				checkTshark(t, network.Packets(), 50)
			}
		})
	}
}

// sentWrong returns a func that says which calls the truth of a server does not have: unknown methods, and arguments that lack what is required.
func sentWrong(svc *schema.Service) func(*capture.Call) bool {
	return func(c *capture.Call) bool {
		if c.Request == nil || c.Request.Missing > 0 || c.Reply == nil || c.Reply.Missing > 0 {
			return svc.Method(c.Method()) == nil
		}
		_, err := capturedText(svc, c)
		return err != nil && c.Status == capture.StatusError
	}
}
