package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit/ops"
)

const topLong = `top shows the methods of a running program: calls and errors a second, calls in flight, latencies of the last minute.

ADMIN is where the program has its admin pages: host:port, :port on this machine, or a URL. Programs have them by package ops
(ops.NewAdmin), thriftkit serve by --admin.

On a terminal the view is live: s sorts by another column, space pauses, q ends. Elsewhere, and with --json, the state is printed
once, or --count times, --interval apart. --json prints what the page /status has, one object a line.

Exit codes: 0, 1 the answer is not that of admin pages, 2 usage, 3 cannot connect.`

type topOptions struct {
	json     bool
	interval time.Duration
	count    int
	sort     string
}

// topColumns are what the methods can be sorted by, the largest first.
var topColumns = []string{"calls", "errors", "p99", "in-flight", "name"}

func newTop() *cobra.Command {
	o := &topOptions{}
	cmd := &cobra.Command{
		Use:     "top [flags] ADMIN",
		Short:   "Show what a running program does, live",
		Long:    topLong,
		Example: "  thriftkit top 127.0.0.1:9091\n  thriftkit top --json 127.0.0.1:9091",
		Args:    needArgs(1, 1, "ADMIN"),
		RunE: action(func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, args[0])
		}),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print the state as JSON, an object a line")
	f.DurationVar(&o.interval, "interval", time.Second, "ask every `D`, such as 5s")
	f.IntVarP(&o.count, "count", "n", 1, "print the state `N` times; 0 means until interrupted")
	f.StringVar(&o.sort, "sort", "calls", "sort by `COLUMN`: calls (a second), errors (a second), p99, in-flight or name")
	mustComplete(cmd.RegisterFlagCompletionFunc("interval", cobra.NoFileCompletions))
	mustComplete(cmd.RegisterFlagCompletionFunc("count", cobra.NoFileCompletions))
	mustComplete(cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(topColumns, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (o *topOptions) run(cmd *cobra.Command, target string) error {
	base, err := adminURL(target)
	if err != nil {
		return err
	}
	switch {
	case o.interval < 10*time.Millisecond:
		return usagef("--interval: want at least 10ms, got %v", o.interval)
	case o.count < 0:
		return usagef("--count: want 0 or more, got %d", o.count)
	case !slices.Contains(topColumns, o.sort):
		return usagef("--sort: want one of %s, got %q", strings.Join(topColumns, ", "), o.sort)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	source := &adminSource{url: base, client: &http.Client{Timeout: 10 * time.Second}}
	out := cmd.OutOrStdout()
	first, err := source.get(ctx)
	if err != nil {
		return err
	}
	if !o.json && !cmd.Flags().Changed("count") && isTerminal(cmd.InOrStdin()) && isTerminal(out) && os.Getenv("TERM") != "dumb" {
		m := &topView{source: source, ctx: ctx, interval: o.interval, sort: o.sort, width: 80, height: 24}
		m.receive(first)
		_, err := tea.NewProgram(m, tea.WithInput(cmd.InOrStdin()), tea.WithOutput(out)).Run()
		return err
	}
	for n := 1; ; n++ {
		if err := o.print(out, first, n > 1); err != nil {
			return err
		}
		if n == o.count {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(o.interval):
		}
		if first, err = source.get(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// print writes a state.
func (o *topOptions) print(out io.Writer, s *adminStatus, again bool) error {
	if o.json {
		_, err := out.Write(append(s.text, '\n'))
		return err
	}
	if again {
		fmt.Fprintln(out)
	}
	for _, line := range topLines(&s.Status, o.sort, false) {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

// adminURL returns the URL of the admin pages at a target.
func adminURL(target string) (string, error) {
	if !strings.Contains(target, "://") {
		host, port, err := net.SplitHostPort(target)
		if err != nil {
			return "", usagef("want the address of admin pages, host:port or a URL, got %q", target)
		}
		return "http://" + net.JoinHostPort(cmp.Or(host, "127.0.0.1"), port), nil
	}
	u, err := url.Parse(target)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", usagef("want the address of admin pages, host:port or a URL of http or https, got %q", target)
	}
	u.RawQuery, u.Fragment = "", ""
	return strings.TrimSuffix(strings.TrimSuffix(u.String(), "/"), "/status"), nil
}

// An adminSource asks for the state of a program.
type adminSource struct {
	url    string
	client *http.Client
}

// An adminStatus is a state, and the JSON in which it came, on one line.
type adminStatus struct {
	ops.Status
	text []byte
}

// maxStatusBytes bounds how much a program may say: there is about 10 KiB for each method.
const maxStatusBytes = 256 << 20

func (a *adminSource) get(ctx context.Context) (*adminStatus, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/status?format=json", nil)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	resp, err := a.client.Do(req)
	if err != nil {
		var failed *net.OpError
		if errors.As(err, &failed) && failed.Op == "dial" {
			return nil, &exitError{code: exitNoServer, err: fmt.Errorf("no admin pages at %s: %w", a.url, failed)}
		}
		return nil, a.notAdmin(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxStatusBytes))
	switch {
	case err != nil:
		return nil, a.notAdmin(err)
	case resp.StatusCode == http.StatusMisdirectedRequest:
		return nil, &exitError{code: exitFailure, err: fmt.Errorf("%s: the program does not accept this name: use its IP address, or add the name to AdminOptions.Hosts", a.url)}
	case resp.StatusCode != http.StatusOK:
		return nil, a.notAdmin(fmt.Errorf("status %s", resp.Status))
	}
	s := new(adminStatus)
	if err := json.Unmarshal(text, &s.Status); err != nil || s.Time.IsZero() {
		return nil, a.notAdmin(cmp.Or(err, errors.New("the answer is no state")))
	}
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return nil, a.notAdmin(err)
	}
	s.text = line.Bytes()
	return s, nil
}

func (a *adminSource) notAdmin(err error) error {
	return &exitError{code: exitFailure, err: fmt.Errorf("%s does not answer as admin pages do (%w): is it the address of ops.NewAdmin, or of thriftkit serve --admin?", a.url, err)}
}

// topLines returns what is shown of a state.
func topLines(s *ops.Status, column string, live bool) []string {
	ready := "ready"
	if len(s.NotReady) > 0 {
		ready = "not ready: " + strings.Join(s.NotReady, "; ")
	}
	lines := []string{
		fmt.Sprintf("%s %s  up %v  %s", s.Build.Program, s.Build.Version, (time.Duration(s.Uptime) * time.Second), ready),
		fmt.Sprintf("outside handlers: %d unknown methods, %d refused calls, %d refused connections, %d connection errors, %d failed connections",
			s.Outside.UnknownMethods, s.Outside.RefusedCalls, s.Outside.RefusedConnections, s.Outside.ConnectionErrors, s.Outside.FailedConnections),
	}
	for _, side := range []struct {
		name    string
		methods []ops.MethodStatus
	}{{"SERVER", s.Server}, {"CLIENT", s.Client}} {
		if len(side.methods) == 0 && (side.name == "CLIENT" || len(s.Client) > 0) {
			continue
		}
		lines = append(append(lines, ""), topTable(side.name, side.methods, column, live)...)
	}
	return lines
}

func topTable(name string, methods []ops.MethodStatus, column string, live bool) []string {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s\tCALLS/S\tERRORS/S\tIN FLIGHT\tP50\tP99\tP99.9\tCALLS\tERRORS", name)
	if live {
		fmt.Fprint(w, "\tLAST 30 S")
	}
	fmt.Fprintln(w)
	methods = slices.Clone(methods)
	slices.SortStableFunc(methods, func(a, b ops.MethodStatus) int {
		switch column {
		case "errors":
			return cmp.Compare(b.ErrorsPerSecond, a.ErrorsPerSecond)
		case "p99":
			return cmp.Compare(b.P99, a.P99)
		case "in-flight":
			return cmp.Compare(b.InFlight, a.InFlight)
		case "name":
			return cmp.Compare(a.Name(), b.Name())
		}
		return cmp.Compare(b.CallsPerSecond, a.CallsPerSecond)
	})
	for _, m := range methods {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%d\t%d", m.Name(), decimals(m.CallsPerSecond), decimals(m.ErrorsPerSecond), m.InFlight,
			micros(m.P50), micros(m.P99), micros(m.P999), m.Calls, m.Errors)
		if live {
			fmt.Fprintf(w, "\t%s", sparkline(m.Seconds[max(0, len(m.Seconds)-30):]))
		}
		fmt.Fprintln(w)
	}
	w.Flush()
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func decimals(f float64) string {
	if f >= 100 || f == 0 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'f', 1, 64)
}

func micros(us int64) string {
	if us == 0 {
		return "-"
	}
	return (time.Duration(us) * time.Microsecond).String()
}

// sparkline draws how many calls there were.
func sparkline(points []ops.Point) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	most := uint64(1)
	for _, p := range points {
		most = max(most, p.Calls)
	}
	var b strings.Builder
	for _, p := range points {
		if p.Calls == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(bars[(p.Calls*uint64(len(bars))-1)/most])
	}
	return b.String()
}

// A topView is the model of the live view.
type topView struct {
	source   *adminSource
	ctx      context.Context
	interval time.Duration

	status *adminStatus
	err    error // of the last question
	sort   string
	paused bool
	top    int // the first line that is shown

	width, height int
}

// A stateMsg is an answer.
type stateMsg struct {
	status *adminStatus
	err    error
}

// ask asks for the next state, after the interval.
func (m *topView) ask() tea.Cmd {
	return tea.Tick(m.interval, func(time.Time) tea.Msg {
		s, err := m.source.get(m.ctx)
		return stateMsg{s, err}
	})
}

func (m *topView) receive(s *adminStatus) { m.status, m.err = s, nil }

func (m *topView) Init() tea.Cmd { return m.ask() }

func (m *topView) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case stateMsg:
		switch {
		case m.ctx.Err() != nil:
			return m, tea.Quit
		case msg.err != nil:
			m.err = msg.err
		case !m.paused:
			m.receive(msg.status)
		}
		return m, m.ask()
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		switch msg.String() {
		case "q", "esc", "ctrl+c":
			return m, tea.Quit
		case "space", "p":
			m.paused = !m.paused
		case "s":
			m.sort = topColumns[(slices.Index(topColumns, m.sort)+1)%len(topColumns)]
		case "up", "k":
			m.top--
		case "down", "j":
			m.top++
		case "pgup":
			m.top -= m.height - 2
		case "pgdown":
			m.top += m.height - 2
		case "home", "g":
			m.top = 0
		}
	}
	return m, nil
}

func (m *topView) View() tea.View {
	v := tea.NewView(m.screen())
	v.AltScreen = true
	return v
}

// screen returns what is shown: the state, and the keys.
func (m *topView) screen() string {
	lines := topLines(&m.status.Status, m.sort, true)
	visible := max(m.height-1, 1)
	m.top = max(0, min(m.top, len(lines)-visible))
	var b strings.Builder
	for i := range visible {
		if i += m.top; i < len(lines) {
			line := lines[i]
			if i == 0 || strings.HasPrefix(line, "SERVER") || strings.HasPrefix(line, "CLIENT") {
				line = styleBold + line + styleOff
			}
			b.WriteString(ansi.Truncate(line, m.width, "…"))
		}
		b.WriteByte('\n')
	}
	last := styleFaint + "sorted by " + m.sort + "; s for another column, space to pause, ↑ ↓ to scroll, q to end" + styleOff
	switch {
	case m.err != nil:
		last = styleRed + m.err.Error() + styleOff
	case m.paused:
		last = styleMark + " paused " + styleOff + " " + last
	}
	return b.String() + ansi.Truncate(last, m.width, "…")
}
