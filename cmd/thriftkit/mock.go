package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/cmd/thriftkit/internal/mock"
	"github.com/thriftkit/thriftkit/dynamic"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
)

// An answerer answers the calls of serve by what it was told.
type answerer struct {
	rules    *watchedRules // nil: none, as for the others
	replay   *mock.Replay
	answers  answers
	upstream *thriftkit.Client
	dialect  *dialect // of upstream
	echo     bool
	strict   bool // what nothing answers is an error

	conns *trackedListener
}

// What answered a call, as logs say it, is put after the pointer under this key.
type answeredByKey struct{}

func answeredBy(ctx context.Context, by string) {
	if p, ok := ctx.Value(answeredByKey{}).(*string); ok {
		*p = by
	}
}

// What logs say of calls that the other server answered, that the defaults of the IDL answered, and that nothing did.
const (
	byUpstream = "upstream"
	byDefault  = "default"
	byNobody   = "nobody"
)

// origin returns where an answer came from, for a line of the log; nothing if it is no news.
func origin(by string) string {
	if by == "" || by == byDefault {
		return ""
	}
	return " (" + by + ")"
}

func (a *answerer) handler(svc *schema.Service) thriftkit.DynamicHandler {
	return func(ctx context.Context, method *schema.Method, args *dynamic.Struct) (any, error) {
		if a.rules != nil {
			rules := a.rules.now.Load()
			found, ok, err := rules.Answer(ctx, svc, method, args)
			if err != nil {
				answeredBy(ctx, "rules")
				return nil, &thriftkit.Error{Code: rpc.CodeInternal, Message: a.rules.path + ": " + err.Error()}
			}
			if ok {
				answeredBy(ctx, fmt.Sprintf("rule %s:%d:%d", a.rules.path, found.Place.Line, found.Place.Column))
				return a.give(ctx, found)
			}
		}
		if a.replay != nil {
			if found, ok := a.replay.Answer(clientName(ctx), svc.Name+"."+method.Name, args); ok {
				answeredBy(ctx, "replay")
				return a.give(ctx, found)
			}
		}
		if found, ok := a.answers.find(svc, method.Name); ok {
			answeredBy(ctx, "answers")
			if found.exception != nil {
				return nil, &thriftkit.Exception{Value: found.exception}
			}
			return found.result, nil
		}
		if a.upstream != nil {
			answeredBy(ctx, byUpstream)
			return a.pass(ctx, method, args)
		}
		if a.echo && method.Result.Kind != schema.KindVoid {
			for f, v := range args.Fields() {
				if sameType(f.Type, method.Result, make(map[[2]*schema.Type]bool)) {
					answeredBy(ctx, "echo")
					return v, nil
				}
			}
		}
		if a.strict {
			answeredBy(ctx, byNobody)
			return nil, thriftkitError("the call was not recorded")
		}
		answeredBy(ctx, byDefault)
		if method.Result.Kind == schema.KindVoid {
			return nil, nil
		}
		return dynamic.Zero(method.Result), nil
	}
}

// clientName returns what tells the clients of a replay apart: their connections.
func clientName(ctx context.Context) string {
	peer, ok := thriftkit.PeerOf(ctx)
	if !ok || peer.Addr == nil {
		return ""
	}
	return peer.Addr.String()
}

// give does what an answer says.
func (a *answerer) give(ctx context.Context, found *mock.Answer) (any, error) {
	if found.Delay > 0 {
		select {
		case <-time.After(found.Delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	switch {
	case found.Drop:
		if peer, ok := thriftkit.PeerOf(ctx); !ok || a.conns == nil || !a.conns.drop(connAddr(peer)) {
			return nil, thriftkitError("the connection cannot be dropped: clients of unix sockets have no address")
		}
		return nil, thriftkitError("the connection was dropped")
	case found.Failure != nil:
		return nil, found.Failure
	case found.Exception != nil:
		return nil, &thriftkit.Exception{Value: found.Exception}
	}
	return found.Result, nil
}

func thriftkitError(message string) error {
	return &thriftkit.Error{Code: rpc.CodeInternal, Message: message}
}

// pass has the other server answer.
func (a *answerer) pass(ctx context.Context, method *schema.Method, args *dynamic.Struct) (any, error) {
	ctx, err := a.dialect.context(thriftkit.AddMetadata(ctx, thriftkit.Metadata(ctx)))
	if err != nil {
		return nil, thriftkitError("upstream: " + err.Error())
	}
	v, err := a.upstream.Invoke(ctx, method, args)
	var failed *thriftkit.Error
	switch {
	case errors.As(err, &failed) && failed.Remote: // as if it were our own, for errors of others are nobody's business
		return nil, &thriftkit.Error{Code: failed.Code, Message: failed.Message}
	case failed != nil:
		return nil, thriftkitError("upstream: " + err.Error())
	}
	return v, err
}

// furnish gives m what the flags name. done ends what it began.
func (o *serveOptions) furnish(cmd *cobra.Command, m *answerer, file *schema.File, log *callLog) (done func(), err error) {
	var ends []func()
	stop := func() {
		for _, end := range ends {
			end()
		}
	}
	defer func() {
		if err != nil {
			stop()
		}
	}()
	if o.record != "" && o.upstream == "" {
		return nil, usagef("--record writes what --upstream answers: give a TARGET")
	}
	find := finder(file)
	if o.rules != "" {
		if m.rules, err = watchRules(o.rules, find, o.seed, log); err != nil {
			return nil, err
		}
		ends = append(ends, m.rules.stop)
	}
	if o.replay != "" {
		text, err := os.ReadFile(o.replay)
		if err != nil {
			return nil, err
		}
		if m.replay, err = mock.ParseReplay(o.replay, text, find); err != nil {
			return nil, &exitError{code: exitFailure, err: err}
		}
	}
	if o.upstream != "" {
		if m.upstream, m.dialect, err = o.dialUpstream(); err != nil {
			return nil, fmt.Errorf("--upstream: %w", err)
		}
		ends = append(ends, func() { m.upstream.Close() })
	}
	for _, l := range []struct {
		path string
		log  **mock.Log
	}{{o.record, &log.upstream}, {o.log, &log.all}} {
		switch l.path {
		case "":
		case "-":
			*l.log = mock.NewLog(cmd.OutOrStdout())
		default:
			f, err := os.Create(l.path)
			if err != nil {
				return nil, err
			}
			ends = append(ends, func() { f.Close() })
			*l.log = mock.NewLog(f)
		}
	}
	return stop, nil
}

// dialUpstream connects to the server of --upstream, as thriftkit.yaml says if it is a target there.
func (o *serveOptions) dialUpstream() (*thriftkit.Client, *dialect, error) {
	c, r := &callOptions{}, request{target: o.upstream}
	if strings.HasPrefix(o.upstream, "@") && strings.Contains(o.upstream, "/") {
		return nil, nil, usagef("%q is a call: want a target, as in @NAME", o.upstream)
	}
	if err := c.resolve(&cobra.Command{}, &r); err != nil { // whose flags are not those of serve
		return nil, nil, err
	}
	d := &c.dialect
	if o.upstreamUser != "" {
		d.user = o.upstreamUser
	}
	target, err := d.target(r.target)
	if err != nil {
		return nil, nil, err
	}
	opts, err := d.connection()
	if err != nil {
		return nil, nil, err
	}
	if len(d.headers) > 0 {
		opts = append(opts, thriftkit.WithMetadataRequired())
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if o.pages != nil {
		opts = append(opts, thriftkit.WithStats(o.pages.Client()))
	}
	client, err := thriftkit.Dial(ctx, target, append(opts, o.maxMessage.option())...)
	return client, d, err
}

// finder returns how rules and logs find methods: by the name alone where several services have one of that name and type, too.
func finder(file *schema.File) mock.Finder {
	return func(name string) ([]*schema.Method, *schema.Service, error) {
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			m, svc, err := findMethod(file, name)
			if err != nil {
				return nil, nil, err
			}
			return []*schema.Method{m}, svc, nil
		}
		var list []*schema.Method
		for _, m := range methodsCalled(file, name) {
			if !slices.Contains(list, m) { // which several services inherit
				list = append(list, m)
			}
		}
		if len(list) > 0 {
			return list, nil, nil
		}
		m, _, err := findMethod(file, name)
		return []*schema.Method{m}, nil, err
	}
}

// watchedRules are the rules of a file, which is read again when it changes.
type watchedRules struct {
	path string
	find mock.Finder
	seed uint64
	now  atomic.Pointer[mock.Rules]

	end, ended chan struct{}
}

// watchRules reads the rules at path. Mistakes that they have later are told to log, and the rules from before stay.
func watchRules(path string, find mock.Finder, seed uint64, log *callLog) (*watchedRules, error) {
	w := &watchedRules{path: path, find: find, seed: seed, end: make(chan struct{}), ended: make(chan struct{})}
	stamp := w.stamp()
	if err := w.read(); err != nil {
		return nil, err
	}
	go w.watch(stamp, log)
	return w, nil
}

// stamp tells versions of the file apart. Time and size are looked at, not events of the kernel's: editors and volumes of containers
// put another file in the place of the old one, of which a watch says nothing.
func (w *watchedRules) stamp() string {
	info, err := os.Stat(w.path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size())
}

func (w *watchedRules) read() error {
	text, err := os.ReadFile(w.path)
	if err != nil {
		return err
	}
	rules, err := mock.Parse(text, w.find, w.seed)
	if err != nil {
		var errs []error
		for _, err := range parts(err) {
			errs = append(errs, fmt.Errorf("%s:%w", w.path, err))
		}
		return errors.Join(errs...)
	}
	w.now.Store(rules)
	return nil
}

func (w *watchedRules) watch(stamp string, log *callLog) {
	const often = 200 * time.Millisecond
	defer close(w.ended)
	tick := time.NewTicker(often)
	defer tick.Stop()
	for {
		select {
		case <-w.end:
			return
		case <-tick.C:
		}
		now := w.stamp()
		if now == stamp || now == "" {
			continue
		}
		stamp = now
		if err := w.read(); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				log.print("thriftkit: %s", line)
			}
			log.print("thriftkit: the rules from before stay")
			continue
		}
		log.print("thriftkit: %s was read again", w.path)
	}
}

func (w *watchedRules) stop() {
	close(w.end)
	<-w.ended
}

// A trackedListener knows the connections that it has accepted, so that they can be dropped.
type trackedListener struct {
	net.Listener

	mu   sync.Mutex
	open map[string]net.Conn // by the client's address
}

// Accept implements net.Listener.
func (l *trackedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t := &trackedConn{Conn: c, listener: l, addr: c.RemoteAddr().String()}
	if c.RemoteAddr().Network() != "unix" {
		l.open[t.addr] = c
	}
	return t, nil
}

// drop closes the connection of a client, and reports whether there is one. A reset is what it sees, not an end between two calls.
func (l *trackedListener) drop(addr string) bool {
	l.mu.Lock()
	c, ok := l.open[addr]
	l.mu.Unlock()
	if !ok {
		return false
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.Close()
	return true
}

type trackedConn struct {
	net.Conn
	listener *trackedListener
	addr     string
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.listener.mu.Lock()
	if c.listener.open[c.addr] == c.Conn {
		delete(c.listener.open, c.addr)
	}
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// entries writes a call to the logs that are to have it.
func (l *callLog) entries(ctx context.Context, call *thriftkit.Call, start time.Time, took time.Duration, by string, failed error) {
	if l.all == nil && (l.upstream == nil || by != byUpstream) {
		return
	}
	e := &mock.Entry{
		Time: start.UTC().Format(time.RFC3339Nano), Peer: peerName(ctx), Method: call.Service.Name + "." + call.Method.Name,
		Micros: float64(took.Nanoseconds()) / 1000, By: by,
	}
	err := fillEntry(e, call, failed)
	if err == nil && l.all != nil {
		err = l.all.Write(e)
	}
	if err == nil && l.upstream != nil && by == byUpstream {
		err = l.upstream.Write(e)
	}
	if err != nil {
		l.error(err)
	}
}

// fillEntry puts the arguments and the outcome of a call into e.
func fillEntry(e *mock.Entry, call *thriftkit.Call, failed error) (err error) {
	args := dynamic.New(call.Method.Args)
	for i := range call.NumArgs() {
		if v, ok := call.Arg(i).(dynamic.Value); ok {
			if err := args.Set(args.Schema().Fields[i].Name, v); err != nil {
				return err
			}
		}
	}
	if e.Args, err = dynamic.AppendJSON(nil, call.Method.Args.Type(), dynamic.StructValue(args), dynamic.JSONOptions{}); err != nil {
		return err
	}
	var thrown *thriftkit.Exception
	var coded *thriftkit.Error
	switch {
	case errors.As(failed, &thrown):
		e.Exception = thrown.Value.Schema().Name
		e.Value, err = dynamic.AppendJSON(nil, thrown.Value.Schema().Type(), dynamic.StructValue(thrown.Value), dynamic.JSONOptions{})
		return err
	case errors.As(failed, &coded):
		e.Error = &mock.Failure{Code: int32(coded.Code), Message: coded.Message}
		return nil
	case failed != nil:
		e.Error = &mock.Failure{Code: int32(rpc.CodeInternal), Message: failed.Error()}
		return nil
	}
	e.Result = []byte("null")
	if v, ok := call.Result().(dynamic.Value); ok && v.IsSet() {
		e.Result, err = dynamic.AppendJSON(nil, call.Method.Result, v, dynamic.JSONOptions{})
	}
	return err
}

// connAddr returns the address that the connection of a client has here.
func connAddr(peer thriftkit.Peer) string {
	if peer.Proxy != nil {
		return peer.Proxy.String()
	}
	return peer.Addr.String()
}
