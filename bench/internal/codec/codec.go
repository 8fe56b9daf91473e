// Package codec measures what needs no connection: encoding, decoding, transcoding, and the
// loading of IDL, with every side in this process.
package codec

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"time"

	"github.com/thriftkit/thriftkit/bench/internal/machine"
	"github.com/thriftkit/thriftkit/bench/internal/report"
	"github.com/thriftkit/thriftkit/bench/internal/stats"
)

// An Op is how one side does the work of a row.
type Op struct {
	Side string
	Run  func() error // does it once

	// Check returns an error unless what Run did last is right; nil where Run itself sees to it.
	Check func() error
}

// A Row is one piece of work, and who does it. A row of one side is for series.
type Row struct {
	Name  string
	About string
	Units int // for series: the time is also divided by it
	Ops   []Op
}

// Rows returns all rows, in the order of the report. Making them is itself some work: the values
// are made and each side is made ready.
func Rows() ([]Row, error) {
	var rows []Row
	for _, group := range []func() ([]Row, error){binaryRows, compactRows, jsonProtocolRows, protoRows, hessianRows, longsRows, transcodeRows, idlRows, seriesRows} {
		more, err := group()
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// Measure runs the rows that match, in so many rounds, each op for about the length of window
// in each, and returns a row of the report for each.
func Measure(rows []Row, match *regexp.Regexp, rounds int, window time.Duration, progress func(string)) []*report.Row {
	var measured []*report.Row
	for _, row := range rows {
		if !match.MatchString(row.Name) {
			continue
		}
		progress(row.Name)
		measured = append(measured, measure(row, rounds, window))
	}
	return measured
}

func measure(row Row, rounds int, window time.Duration) *report.Row {
	out := &report.Row{Name: row.Name, About: row.About}
	watch := machine.StartWatch()
	times := make([]int, len(row.Ops)) // 0 for those that failed
	for i, op := range row.Ops {
		out.Add(op.Side, nil)
		var err error
		if times[i], err = calibrate(op.Run, window); err == nil && op.Check != nil {
			err = op.Check()
		}
		if err != nil {
			out.Fail(op.Side, err)
			times[i] = 0
		}
	}
	for round := range rounds {
		for _, i := range stats.Rotate(len(row.Ops), round) {
			if times[i] == 0 {
				continue
			}
			sample, err := run(row.Ops[i].Run, times[i])
			if err != nil {
				out.Fail(row.Ops[i].Side, err)
				times[i] = 0
				continue
			}
			if row.Units > 0 {
				sample[report.NsPerUnit] = sample[report.NsPerOp] / float64(row.Units)
			}
			out.Add(row.Ops[i].Side, sample)
		}
	}
	out.Load = watch.Foreign()
	return out
}

// calibrate returns how often f can run in about the length of window.
func calibrate(f func() error, window time.Duration) (int, error) {
	for n := 1; ; n *= 4 {
		start := time.Now()
		for range n {
			if err := f(); err != nil {
				return 0, err
			}
		}
		if took := time.Since(start); took > window/8 {
			return max(1, int(float64(n)*float64(window)/float64(took))), nil
		}
	}
}

// run measures n turns of f. It begins with a collection, so that none pays for another's garbage.
func run(f func() error, n int) (report.Sample, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range n {
		if err := f(); err != nil {
			return nil, err
		}
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	each := func(total uint64) float64 { return float64(total) / float64(n) }
	return report.Sample{
		report.NsPerOp:     float64(took.Nanoseconds()) / float64(n),
		report.AllocsPerOp: float64((after.Mallocs - before.Mallocs) / uint64(n)), // whole ones, as go test counts: pools make fractions
		report.BytesPerOp:  each(after.TotalAlloc - before.TotalAlloc),
	}, nil
}

// Smoke runs every op once and checks what it did.
func Smoke(rows []Row) error {
	var errs []error
	for _, row := range rows {
		for _, op := range row.Ops {
			err := op.Run()
			if err == nil && op.Check != nil {
				err = op.Check()
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", row.Name, op.Side, err))
			}
		}
	}
	return errors.Join(errs...)
}
