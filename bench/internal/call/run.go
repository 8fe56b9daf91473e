package call

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	"github.com/thriftkit/thriftkit/bench/internal/machine"
	"github.com/thriftkit/thriftkit/bench/internal/report"
	"github.com/thriftkit/thriftkit/bench/internal/stats"
)

// A Row is one piece of work. Side and Addr of the Spec are filled in for each side.
type Row struct {
	Name  string
	About string
	Spec  Spec
}

// Rows returns all rows, in the order of the report.
func Rows() []Row {
	var rows []Row
	sizes := []struct {
		name string
		n    int
	}{{"0B", 0}, {"1KB", 1 << 10}, {"100KB", 100 << 10}}
	for _, size := range sizes {
		for _, callers := range []int{1, 16, 100} {
			rows = append(rows, Row{
				Name: fmt.Sprintf("echo/%s/%d", size.name, callers), About: fmt.Sprintf("echo of %s, %d callers", size.name, callers),
				Spec: Spec{Method: Echo, Size: size.n, Callers: callers},
			})
		}
	}
	for _, size := range sizes[:2] {
		for _, callers := range []int{1, 16, 100} {
			rows = append(rows, Row{
				Name:  fmt.Sprintf("echo-deadline/%s/%d", size.name, callers),
				About: fmt.Sprintf("echo of %s with a deadline on every call, %d callers", size.name, callers),
				Spec:  Spec{Method: Echo, Size: size.n, Callers: callers, Deadline: true},
			})
		}
	}
	for _, callers := range []int{1, 16, 100} {
		rows = append(rows, Row{
			Name:  fmt.Sprintf("echo-around/0B/%d", callers),
			About: fmt.Sprintf("echo of 0B with an interceptor on both sides, with Stats on both sides, with metrics, traces and an access log on the server, and without, %d callers", callers),
			Spec:  Spec{Method: Echo, Callers: callers, Around: true},
		})
	}
	for _, method := range []struct{ name, size string }{{Login, "60B"}, {Nested, "4.5KB"}} {
		for _, callers := range []int{1, 16} {
			rows = append(rows, Row{
				Name: fmt.Sprintf("structs/%s/%d", method.size, callers), About: fmt.Sprintf("a struct of %s there and back, %d callers", method.size, callers),
				Spec: Spec{Method: method.name, Callers: callers},
			})
		}
	}
	for _, method := range []struct{ name, in string }{{RPCXThrift, "Thrift"}, {RPCXMsgpack, "msgpack"}} {
		for _, callers := range []int{1, 16, 100} {
			rows = append(rows, Row{
				Name:  fmt.Sprintf("%s/1KB/%d", method.name, callers),
				About: fmt.Sprintf("echo of 1KB by rpcx's client in %s, %d callers", method.in, callers),
				Spec:  Spec{Method: method.name, Size: 1 << 10, Callers: callers},
			})
		}
	}
	for _, method := range []struct{ name, by string }{{Gateway, "by the gateway's own handler"}, {GatewayProxy, "by a server that the gateway calls"}} {
		for _, callers := range []int{1, 16, 100} {
			rows = append(rows, Row{
				Name:  fmt.Sprintf("%s/60B/%d", method.name, callers),
				About: fmt.Sprintf("POST of 60B as JSON, answered %s, %d callers", method.by, callers),
				Spec:  Spec{Method: method.name, Callers: callers},
			})
		}
	}
	return append(rows,
		Row{Name: "slow/alone", About: "fast calls of 4 callers on one connection", Spec: Spec{Method: Echo, Callers: 4}},
		Row{Name: "slow/beside", About: "the same with calls of 4 more callers beside them that take 10 ms each", Spec: Spec{Method: Echo, Callers: 4, Slow: 4}},
	)
}

// does reports whether s takes part in a row.
func (s side) does(row Row) bool {
	methods := s.methods
	if methods == nil {
		methods = []string{Echo}
	}
	switch {
	case s.compare:
		return row.Spec.Deadline
	case s.around:
		return row.Spec.Around
	case row.Spec.Around:
		return s.name == "thriftkit-bound"
	}
	if !slices.Contains(methods, row.Spec.Method) || row.Spec.Deadline && !s.late {
		return false
	}
	return s.slow || row.Name != "slow/alone" && row.Name != "slow/beside"
}

// Build builds the servers' programs into dir with the Go command goCmd, in the module's folder
// source, with flags for the linker.
func Build(goCmd, source, dir, ldflags string) error {
	cmd := exec.Command(goCmd, "build", "-ldflags="+ldflags, "-o", dir+string(filepath.Separator), "./servers/...")
	cmd.Dir = source
	cmd.Env = append(cmd.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the servers: %w\n%s", err, out)
	}
	return nil
}

// A Runner runs rows.
type Runner struct {
	Servers string   // the folder of the servers' programs
	Client  []string // the command of a client process
	Rounds  int
	Window  time.Duration
	Warmup  time.Duration
}

// A pair is a server and a client that is connected to it.
type pair struct {
	server, client *child.Process
}

func (r Runner) start(s side, spec Spec) (*pair, error) {
	server, err := child.Start(filepath.Join(r.Servers, s.server), s.args...)
	if err != nil {
		return nil, err
	}
	p := &pair{server: server}
	if spec.Addr, err = server.Expect("READY", patience); err != nil {
		p.stop()
		return nil, err
	}
	if p.client, err = child.Start(r.Client[0], r.Client[1:]...); err != nil {
		p.stop()
		return nil, err
	}
	spec.Side = s.name
	spec.Deadline = spec.Deadline && s.late
	line, err := json.Marshal(spec)
	if err == nil {
		err = p.client.Tell(string(line))
	}
	if err == nil {
		_, err = p.client.Expect("READY", patience)
	}
	if err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// patience bounds how long a process may be silent, beyond the time that it is to work for.
const patience = 30 * time.Second

func (p *pair) stop() {
	if p.client != nil {
		p.client.Stop()
	}
	p.server.Stop()
}

// turn has the client call for d.
func (p *pair) turn(d time.Duration) (report.Sample, error) {
	cpu, mallocs, err := p.server.Stat()
	if err != nil {
		return nil, err
	}
	if err := p.client.Tell(d.String()); err != nil {
		return nil, err
	}
	line, err := p.client.Expect("", d+patience)
	if err != nil {
		return nil, err
	}
	var w window
	if err := json.Unmarshal([]byte(line), &w); err != nil {
		return nil, err
	}
	cpuAfter, mallocsAfter, err := p.server.Stat()
	if err != nil {
		return nil, err
	}
	if w.Calls == 0 {
		return nil, errors.New("no call was made")
	}
	n := float64(w.Calls)
	sample := report.Sample{
		report.CallsPerSec:   n / w.Took.Seconds(),
		report.P50:           float64(w.P50) / 1e3,
		report.P99:           float64(w.P99) / 1e3,
		report.SecPerMillion: (w.CPU + cpuAfter - cpu).Seconds() / n * 1e6,
		report.AllocsPerCall: float64(w.Mallocs+mallocsAfter-mallocs) / n,
	}
	for metric, process := range map[string]*child.Process{report.ServerPeak: p.server, report.ClientPeak: p.client} {
		if peak, ok := machine.Memory(process.PID(), "VmHWM"); ok {
			sample[metric] = peak / 1e6
		}
	}
	return sample, nil
}

// Measure runs the rows that match. All sides of a row are up at once; in each round they take turns,
// each for one window.
func (r Runner) Measure(rows []Row, match *regexp.Regexp, progress func(string)) []*report.Row {
	var measured []*report.Row
	for _, row := range rows {
		if !match.MatchString(row.Name) {
			continue
		}
		progress(row.Name)
		measured = append(measured, r.measure(row))
	}
	return measured
}

func (r Runner) measure(row Row) *report.Row {
	out := &report.Row{Name: row.Name, About: row.About}
	watch := machine.StartWatch()
	var names []string
	var pairs []*pair // nil for those that failed
	fail := func(i int, err error) {
		out.Fail(names[i], err)
		if pairs[i] != nil {
			pairs[i].stop()
			pairs[i] = nil
		}
	}
	for _, s := range sides() {
		if !s.does(row) {
			continue
		}
		out.Add(s.name, nil)
		p, err := r.start(s, row.Spec)
		names, pairs = append(names, s.name), append(pairs, p)
		if err == nil {
			_, err = p.turn(r.Warmup)
		}
		if err != nil {
			fail(len(pairs)-1, err)
		}
	}
	for round := range r.Rounds {
		for _, i := range stats.Rotate(len(pairs), round) {
			if pairs[i] == nil {
				continue
			}
			sample, err := pairs[i].turn(r.Window)
			if err != nil {
				fail(i, err)
				continue
			}
			out.Add(names[i], sample)
		}
	}
	for _, p := range pairs {
		if p != nil {
			p.stop()
		}
	}
	out.Load = watch.Foreign()
	return out
}
