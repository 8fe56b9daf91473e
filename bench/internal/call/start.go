package call

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/thriftkit/thriftkit/bench/internal/child"
	"github.com/thriftkit/thriftkit/bench/internal/machine"
	"github.com/thriftkit/thriftkit/bench/internal/report"
	"github.com/thriftkit/thriftkit/bench/internal/stats"
)

// servers are those whose programs, start and idle connections are measured: one side of each
// library.
func servers() []side {
	var some []side
	for _, name := range []string{"thriftkit-bound", "kitex-framed", "apache-buffered", "grpc-go", "rpcx", "net/rpc", "drpc", report.RawGo} {
		if s, err := find(name); err == nil {
			some = append(some, s)
		}
	}
	return some
}

// The names of the rows about servers at rest. Start is one row; Idle is followed by a number of
// connections.
const (
	Start = "start"
	Idle  = "idle/"
)

// idleSizes are the numbers of connections of the rows.
var idleSizes = [...]int{100, 500, 2000}

// Names returns the names of all rows that Measure and MeasureRest know.
func Names() []string {
	var names []string
	for _, row := range Rows() {
		names = append(names, row.Name)
	}
	names = append(names, Start)
	for _, n := range idleSizes {
		names = append(names, fmt.Sprint(Idle, n))
	}
	return names
}

// MeasureRest runs the rows about servers at rest that match. stripped is a folder with the servers'
// programs without symbols.
func (r Runner) MeasureRest(stripped string, match *regexp.Regexp, progress func(string)) []*report.Row {
	var rows []*report.Row
	row := func(name, about string, rounds int, measure func(side) (report.Sample, error)) {
		if !match.MatchString(name) {
			return
		}
		progress(name)
		out := &report.Row{Name: name, About: about}
		watch := machine.StartWatch()
		all := servers()
		for _, s := range all {
			out.Add(s.name, nil)
		}
		for round := range rounds {
			for _, i := range stats.Rotate(len(all), round) {
				if s := out.Side(all[i].name); s.Failure != "" {
					continue
				}
				sample, err := measure(all[i])
				if err != nil {
					out.Fail(all[i].name, err)
					continue
				}
				out.Add(all[i].name, sample)
			}
		}
		out.Load = watch.Foreign()
		rows = append(rows, out)
	}
	row(Start, "a server's program, from its start to when it accepts connections, and its memory then", max(r.Rounds, 5), func(s side) (report.Sample, error) {
		return r.startServer(s, stripped)
	})
	for _, n := range idleSizes {
		row(fmt.Sprint(Idle, n), fmt.Sprintf("%d connections, one after the other, with a call on each, and what of them stays in the server's memory", n), (r.Rounds+1)/2, func(s side) (report.Sample, error) {
			return r.idle(s, n)
		})
	}
	return rows
}

// settle is how long a process is left alone before its memory is read.
const settle = 100 * time.Millisecond

func (r Runner) startServer(s side, stripped string) (report.Sample, error) {
	sample := make(report.Sample)
	for metric, dir := range map[string]string{report.Binary: r.Servers, report.Stripped: stripped} {
		info, err := os.Stat(filepath.Join(dir, s.server))
		if err != nil {
			return nil, err
		}
		sample[metric] = float64(info.Size()) / 1e6
	}
	began := time.Now()
	p, err := child.Start(filepath.Join(r.Servers, s.server), s.args...)
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	if _, err := p.Expect("READY", patience); err != nil {
		return nil, err
	}
	sample[report.StartMs] = time.Since(began).Seconds() * 1e3
	time.Sleep(settle)
	if rss, ok := machine.Memory(p.PID(), "VmRSS"); ok {
		sample[report.StartRSS] = rss / 1e6
	}
	return sample, nil
}

func (r Runner) idle(s side, n int) (report.Sample, error) {
	p, err := r.start(s, Spec{Method: Echo, Callers: 1})
	if err != nil {
		return nil, err
	}
	defer p.stop()
	time.Sleep(settle)
	before, known := machine.Memory(p.server.PID(), "VmRSS")
	if err := p.client.Tell(fmt.Sprint("hold ", n)); err != nil {
		return nil, err
	}
	line, err := p.client.Expect("", 2*patience)
	if err != nil {
		return nil, err
	}
	var took time.Duration
	if err := json.Unmarshal([]byte(line), &took); err != nil {
		return nil, err
	}
	time.Sleep(settle)
	sample := report.Sample{report.NsPerUnit: float64(took.Nanoseconds()) / float64(n)}
	if after, ok := machine.Memory(p.server.PID(), "VmRSS"); ok && known {
		sample[report.IdleKB] = (after - before) / 1e3 / float64(n)
	}
	return sample, nil
}
