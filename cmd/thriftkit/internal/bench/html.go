package bench

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"github.com/thriftkit/thriftkit/internal/plural"
)

//go:embed report.html
var page string

// HTML writes r as one page that needs nothing else; with what changed since an earlier run, if before is not nil.
func (r *Report) HTML(w io.Writer, before *Report) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"time": showMicros, "count": showCount, "plural": plural.Of[int64],
		"plan":  r.plan,
		"share": func(n int64) string { return fmt.Sprintf("%.3g%%", float64(n)*100/float64(max(r.All.Calls, 1))) },
	}).Parse(page)
	if err != nil {
		return err
	}
	type difference struct {
		Name    string
		Changes []struct{ Name, Was, Is, By string }
	}
	data := struct {
		*Report
		Rate, Latency, Distribution template.HTML // made of numbers here; names are escaped
		Before                      string
		Differences                 []difference
	}{Report: r, Rate: r.ratePlot(), Latency: r.latencyPlot(), Distribution: r.distributionPlot()}
	if before != nil {
		data.Before = before.Started
		for i := range r.Calls {
			old := before.find(r.Calls[i].Name)
			if old == nil {
				continue
			}
			d := difference{Name: r.Calls[i].Name}
			for _, c := range changes(&r.Calls[i], old) {
				d.Changes = append(d.Changes, struct{ Name, Was, Is, By string }{c.name, c.was, c.is, c.by})
			}
			data.Differences = append(data.Differences, d)
		}
	}
	return t.Execute(w, data)
}

// A plot is lines over two axes, as SVG.
type plot struct {
	xTicks, yTicks []tick
	lines          []line
	xMax, yMax     float64
}

type tick struct {
	at   float64
	text string
}

type line struct {
	name string
	x, y []float64
}

// The size of a plot and of the room around it.
const (
	plotWidth, plotHeight               = 860.0, 260.0
	plotLeft, plotRight, plotTop, plotB = 70.0, 20.0, 12.0, 34.0
)

func (p *plot) svg() template.HTML {
	b := &strings.Builder{}
	fmt.Fprintf(b, `<svg viewBox="0 0 %g %g" role="img">`, plotWidth, plotHeight)
	x := func(v float64) float64 {
		return plotLeft + v/max(p.xMax, 1e-9)*(plotWidth-plotLeft-plotRight)
	}
	y := func(v float64) float64 {
		return plotHeight - plotB - v/max(p.yMax, 1e-9)*(plotHeight-plotTop-plotB)
	}
	for _, t := range p.yTicks {
		fmt.Fprintf(b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>`, plotLeft, plotWidth-plotRight, y(t.at), y(t.at))
		fmt.Fprintf(b, `<text class="y" x="%g" y="%.1f">%s</text>`, plotLeft-8, y(t.at)+4, template.HTMLEscapeString(t.text))
	}
	for _, t := range p.xTicks {
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" x2="%.1f" y1="%g" y2="%g"/>`, x(t.at), x(t.at), plotTop, plotHeight-plotB)
		fmt.Fprintf(b, `<text class="x" x="%.1f" y="%g">%s</text>`, x(t.at), plotHeight-plotB+18, template.HTMLEscapeString(t.text))
	}
	for i, l := range p.lines {
		fmt.Fprintf(b, `<polyline class="line c%d" points="`, i%6)
		for j := range l.x {
			fmt.Fprintf(b, "%.1f,%.1f ", x(l.x[j]), y(min(l.y[j], p.yMax)))
		}
		b.WriteString(`"/>`)
	}
	b.WriteString(`</svg><p class="legend">`)
	for i, l := range p.lines {
		fmt.Fprintf(b, `<span class="c%d">%s</span> `, i%6, template.HTMLEscapeString(l.name))
	}
	b.WriteString("</p>")
	return template.HTML(b.String())
}

// ticks returns about n round values from 0 to most.
func ticks(most float64, n int, show func(float64) string) []tick {
	if most <= 0 {
		return []tick{{0, "0"}}
	}
	step := math.Pow(10, math.Floor(math.Log10(most/float64(n))))
	for _, m := range []float64{1, 2, 5, 10} {
		if most/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	var list []tick
	for i := 0; float64(i)*step <= most*1.0001; i++ {
		list = append(list, tick{float64(i) * step, show(float64(i) * step)})
	}
	return list
}

// mostPoints is how many points a line of a plot has.
const mostPoints = 600

// thin returns at most mostPoints points: of those that share one, the worst counts.
func (r *Report) thin() []Point {
	each := (len(r.Points) + mostPoints - 1) / mostPoints
	if each <= 1 {
		return r.Points
	}
	var out []Point
	for i := 0; i < len(r.Points); i += each {
		p := r.Points[i]
		for _, q := range r.Points[i+1 : min(i+each, len(r.Points))] {
			p.At, p.Seconds, p.Calls, p.Errors = q.At, p.Seconds+q.Seconds, p.Calls+q.Calls, p.Errors+q.Errors
			p.P50, p.P99, p.Max = max(p.P50, q.P50), max(p.P99, q.P99), max(p.Max, q.Max)
		}
		out = append(out, p)
	}
	return out
}

func (r *Report) overTime(names []string, of []func(Point) float64, show func(float64) string) template.HTML {
	points := r.thin()
	p := &plot{}
	for i, f := range of {
		l := line{name: names[i]}
		for _, pt := range points {
			l.x = append(l.x, pt.At)
			l.y = append(l.y, f(pt))
			p.xMax, p.yMax = max(p.xMax, pt.At), max(p.yMax, f(pt))
		}
		p.lines = append(p.lines, l)
	}
	p.xTicks = ticks(p.xMax, 10, func(v float64) string { return fmt.Sprintf("%gs", math.Round(v*1000)/1000) })
	p.yTicks = ticks(p.yMax, 5, show)
	return p.svg()
}

func (r *Report) ratePlot() template.HTML {
	perSecond := func(n int64, p Point) float64 { return float64(n) / max(p.Seconds, 1e-3) }
	return r.overTime([]string{"calls per second", "errors per second"}, []func(Point) float64{
		func(p Point) float64 { return perSecond(p.Calls, p) },
		func(p Point) float64 { return perSecond(p.Errors, p) },
	}, showCount)
}

func (r *Report) latencyPlot() template.HTML {
	return r.overTime([]string{"p50", "p99", "max"}, []func(Point) float64{
		func(p Point) float64 { return p.P50 }, func(p Point) float64 { return p.P99 }, func(p Point) float64 { return p.Max },
	}, showMicros)
}

// distributionPlot has latency over how many in a hundred calls took no longer, on a scale on which 90, 99, 99.9 and so on
// are equally far apart.
func (r *Report) distributionPlot() template.HTML {
	p := &plot{}
	for _, s := range r.Calls {
		if s.hist == nil || s.hist.TotalCount() == 0 {
			continue
		}
		l := line{name: s.Name}
		nines := math.Log10(float64(max(s.hist.TotalCount(), 10)))
		for x := 0.0; x <= nines+1e-9; x += 0.05 {
			v := micros(min(s.hist.ValueAtQuantile(100*(1-math.Pow(10, -x))), s.hist.Max()))
			l.x, l.y = append(l.x, x), append(l.y, v)
			p.xMax, p.yMax = max(p.xMax, x), max(p.yMax, v)
		}
		p.lines = append(p.lines, l)
	}
	for i := 0; float64(i) <= p.xMax+1e-6; i++ {
		text := []string{"0%", "90%", "99%", "99.9%", "99.99%", "99.999%"}
		if i < len(text) {
			p.xTicks = append(p.xTicks, tick{float64(i), text[i]})
		}
	}
	p.yTicks = ticks(p.yMax, 5, showMicros)
	return p.svg()
}
