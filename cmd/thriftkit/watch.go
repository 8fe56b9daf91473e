package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/thriftkit/thriftkit/capture"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/filter"
	"github.com/thriftkit/thriftkit/internal/plural"
	"github.com/thriftkit/thriftkit/schema"
)

const (
	watchKept  = 5000  // calls that the view can go back to
	watchInbox = 20000 // calls that wait to be shown
	watchTick  = 100 * time.Millisecond
)

// An inbox has the calls that came since the view was drawn. It is safe for concurrent use.
type inbox struct {
	mu     sync.Mutex
	calls  []*capture.Call
	missed int64 // too many came at once
	lost   int64 // packets that the kernel has dropped
	ended  bool
	err    error
}

func (b *inbox) add(c *capture.Call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.calls) == watchInbox {
		b.missed++
		return
	}
	b.calls = append(b.calls, c)
}

func (b *inbox) dropped(packets int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lost += packets
}

func (b *inbox) end(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended, b.err = true, err
}

// A watcher is the model of the live view: calls as they come, a filter, and one call in detail.
type watcher struct {
	title string
	in    *inbox
	r     *callReader

	calls  []*capture.Call // the latest, the oldest first
	shown  []*capture.Call // of these, what the filter selects
	at     int             // in shown
	follow bool            // the latest call is the chosen one
	paused bool
	total  int64 // calls that came
	missed int64
	lost   int64 // packets
	ended  bool
	err    error // of the source

	filter   *filter.Filter
	text     *field // the filter as it is typed
	typing   bool
	mistake  error
	detail   []string // of the chosen call; nil for the list
	explains bool
	top      int // the first line of detail that is shown

	width, height int
}

func newWatcher(title string, in *inbox, r *callReader) *watcher {
	return &watcher{title: title, in: in, r: r, follow: true, text: &field{t: schema.Base(schema.KindString)}, width: 80, height: 24}
}

// A tickMsg says that it is time to look for new calls.
type tickMsg struct{}

func tick() tea.Cmd { return tea.Tick(watchTick, func(time.Time) tea.Msg { return tickMsg{} }) }

func (m *watcher) Init() tea.Cmd { return tick() }

func (m *watcher) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tickMsg:
		m.receive()
		return m, tick()
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.PasteMsg:
		if m.typing {
			m.text.insert(msg.Content)
		}
	case tea.KeyPressMsg:
		key := msg.String()
		switch {
		case key == "ctrl+c":
			return m, tea.Quit
		case m.typing:
			m.filterKey(msg)
		case m.detail != nil:
			return m, m.detailKey(key)
		default:
			return m, m.listKey(key)
		}
	}
	return m, nil
}

// receive takes what came. While the view is paused it waits, as long as there is room.
func (m *watcher) receive() {
	m.in.mu.Lock()
	m.ended, m.err, m.missed, m.lost = m.in.ended, m.in.err, m.in.missed, m.in.lost
	if m.paused {
		m.in.mu.Unlock()
		return
	}
	calls := m.in.calls
	m.in.calls = nil
	m.in.mu.Unlock()
	m.total += int64(len(calls))
	for _, c := range calls {
		if m.r.matches(m.filter, c) {
			m.shown = append(m.shown, c)
		}
	}
	m.calls = keepLast(append(m.calls, calls...), watchKept)
	before := len(m.shown)
	m.shown = keepLast(m.shown, watchKept)
	m.at = max(m.at-(before-len(m.shown)), 0)
	if m.follow {
		m.at = max(len(m.shown)-1, 0)
	}
}

func keepLast(calls []*capture.Call, n int) []*capture.Call {
	if len(calls) <= n {
		return calls
	}
	return slices.Clone(calls[len(calls)-n:])
}

// find applies the filter that was typed.
func (m *watcher) find() {
	f, err := parseFilter(string(m.text.text))
	if m.mistake = err; err != nil {
		return
	}
	m.filter, m.typing, m.shown = f, false, nil
	for _, c := range m.calls {
		if m.r.matches(f, c) {
			m.shown = append(m.shown, c)
		}
	}
	m.at, m.follow = max(len(m.shown)-1, 0), true
}

func (m *watcher) filterKey(key tea.KeyPressMsg) {
	switch key.String() {
	case "enter":
		m.find()
	case "esc":
		m.typing, m.mistake = false, nil
	case "backspace":
		m.text.backspace()
	case "ctrl+u":
		m.text.text, m.text.cursor = nil, 0
	default:
		if key.Key().Text != "" {
			m.text.insert(key.Key().Text)
		}
	}
}

func (m *watcher) listKey(key string) tea.Cmd {
	page := max(m.height-3, 1)
	last := max(len(m.shown)-1, 0)
	switch key {
	case "q", "esc":
		return tea.Quit
	case "space", "p":
		m.paused = !m.paused
	case "/", "f":
		m.typing = true
	case "up", "k":
		m.at, m.follow = max(m.at-1, 0), false
	case "down", "j":
		m.at = min(m.at+1, last)
		m.follow = m.at == last
	case "pgup":
		m.at, m.follow = max(m.at-page, 0), false
	case "pgdown":
		m.at = min(m.at+page, last)
		m.follow = m.at == last
	case "home", "g":
		m.at, m.follow = 0, false
	case "end", "G":
		m.at, m.follow = last, true
	case "c":
		m.calls, m.shown, m.at, m.follow = nil, nil, 0, true
	case "enter", "e":
		if len(m.shown) > 0 {
			m.explains, m.top = key == "e", 0
			m.look()
		}
	}
	return nil
}

func (m *watcher) detailKey(key string) tea.Cmd {
	switch key {
	case "q", "esc", "enter", "backspace":
		m.detail = nil
	case "e":
		m.explains, m.top = !m.explains, 0
		m.look()
	case "up", "k":
		m.top--
	case "down", "j":
		m.top++
	case "pgup":
		m.top -= m.height - 2
	case "pgdown", "space":
		m.top += m.height - 2
	case "left":
		m.at, m.follow, m.top = max(m.at-1, 0), false, 0
		m.look()
	case "right":
		m.at, m.follow, m.top = min(m.at+1, len(m.shown)-1), false, 0
		m.look()
	}
	m.top = max(min(m.top, len(m.detail)-(m.height-2)), 0)
	return nil
}

// look makes the lines of the chosen call.
func (m *watcher) look() {
	m.follow = false
	var out bytes.Buffer
	var err error
	if m.explains {
		err = m.r.printExplained(&out, m.shown[m.at])
	} else {
		err = m.r.printFull(&out, m.shown[m.at])
	}
	if err != nil {
		fmt.Fprintln(&out, err)
	}
	m.detail = strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
}

func (m *watcher) View() tea.View {
	v := tea.NewView(m.screen())
	v.AltScreen = true
	return v
}

// screen returns what is shown: a title, calls or a call, and the keys.
func (m *watcher) screen() string {
	var b strings.Builder
	put := func(line string) {
		b.WriteString(ansi.Truncate(line, m.width, "…"))
		b.WriteString("\n")
	}
	put(m.heading())
	visible := max(m.height-2, 1)
	switch {
	case m.detail != nil:
		for _, line := range m.detail[m.top:min(m.top+visible, len(m.detail))] {
			put(line)
		}
	default:
		first := max(0, min(m.at-visible/2, len(m.shown)-visible))
		for i, c := range m.shown[first:min(first+visible, len(m.shown))] {
			line := strings.TrimSuffix(string(m.r.appendLine(nil, c)), "\n")
			switch c.Status {
			case capture.StatusException, capture.StatusError, capture.StatusNoReply:
				line = styleRed + line + styleOff
			}
			mark := "  "
			if first+i == m.at {
				mark = styleBold + "> " + styleOff
			}
			put(mark + line)
		}
	}
	for strings.Count(b.String(), "\n") < m.height-1 {
		b.WriteString("\n")
	}
	switch {
	case m.mistake != nil:
		put(styleRed + m.mistake.Error() + styleOff)
	case m.typing:
		put("filter: " + string(m.text.text) + styleMark + " " + styleOff + styleFaint + "  enter to apply, esc to leave it, ctrl-u to empty it" + styleOff)
	case m.detail != nil:
		put(styleFaint + "↑ ↓ to scroll, ← → for other calls, e for bytes or values, esc to go back" + styleOff)
	default:
		put(styleFaint + "space to pause, / to filter, ↑ ↓ and end to choose, enter for detail, e for bytes, c to clear, q to end" + styleOff)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (m *watcher) heading() string {
	parts := []string{styleBold + m.title + styleOff, plural.Of(int(m.total), "call")}
	if m.filter != nil {
		parts = append(parts, fmt.Sprintf("%d shown by %s", len(m.shown), string(m.text.text)))
	}
	if m.lost > 0 {
		parts = append(parts, styleRed+plural.Of(m.lost, "packet")+" dropped by the kernel"+styleOff)
	}
	if m.missed > 0 {
		parts = append(parts, styleRed+fmt.Sprintf("%d not shown: too many at once", m.missed)+styleOff)
	}
	switch {
	case m.err != nil:
		parts = append(parts, styleRed+m.err.Error()+styleOff)
	case m.paused:
		parts = append(parts, styleMark+" paused "+styleOff)
	case m.ended:
		parts = append(parts, "at the end")
	}
	return strings.Join(parts, "  ")
}

// watch shows the calls that source finds, on the terminal, until somebody ends it: then stop is called, and source has to return.
// It reports whether source has returned; one that reads from standard input may not.
func (v *callView) watch(source func() error, stop context.CancelFunc, in io.Reader, errOut io.Writer) (returned bool, err error) {
	m := newWatcher(v.title, v.watched, &callReader{decoder: v.r.decoder, redact: v.r.redact})
	done := make(chan error, 1)
	go func() {
		err := source()
		v.watched.end(err)
		done <- err
	}()
	_, viewErr := tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(errOut)).Run()
	stop()
	select {
	case err := <-done:
		if viewErr == nil {
			viewErr = err
		}
		return true, viewErr
	case <-time.After(time.Second):
		return false, viewErr
	}
}

// terminal returns where keys are typed: in, or the terminal itself if in is where packets come from. The error says that there is none.
func terminal(in io.Reader, errOut io.Writer, packets bool) (io.Reader, error) {
	if packets {
		tty, _, err := tea.OpenTTY()
		if err != nil {
			return nil, usagef("--watch needs a terminal: %w", err)
		}
		in = tty
	}
	if !isInteractive(in, errOut) {
		return nil, usagef("--watch needs a terminal, for standard input and standard error")
	}
	return in.(*os.File), nil
}
