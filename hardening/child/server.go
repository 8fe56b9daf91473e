package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/conformance"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/discovery/registry"
	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/dubbo"
	"github.com/thriftkit/thriftkit/x/motan"
	"github.com/thriftkit/thriftkit/x/rpcx"
)

// ServerOptions are what a server in a child is told.
type ServerOptions struct {
	Listener *os.File // that it accepts from; nil: it listens on Addr
	Addr     string   // "" is a free port of the loopback interface
	Certs    string   // the folder with server.pem and server.key, for TLS; "" for none
	Log      string   // the file to which it adds a line for each call of echoString and of notify: the argument
	Guarded  bool     // it serves a second time, see Guarded
	Files    uint64   // the most descriptors that it may have; 0 leaves the limit as it is
	Registry bool     // it is a registry as well
}

// A Server is a server of thriftkit, all defaults, in a child.
type Server struct {
	*Process
	Addr    string
	Guarded *Guarded // nil unless ServerOptions asked for it
}

// MaxBufferedBytes is what the server may have of messages that have not come whole: less than the default, so that the attack on it needs
// less memory.
const MaxBufferedBytes = 256 << 20

// StartServer starts one.
func StartServer(o ServerOptions) (*Server, error) {
	args := []string{"-addr", o.Addr, "-certs", o.Certs, "-log", o.Log, "-files", fmt.Sprint(o.Files), "-registry=" + fmt.Sprint(o.Registry)}
	var files []*os.File
	if o.Listener != nil {
		files = append(files, o.Listener)
		args = append(args, "-inherit")
	}
	if o.Guarded {
		args = append(args, "-guarded")
	}
	cmd, err := role("server", files, args...)
	if err != nil {
		return nil, err
	}
	p, err := Start(cmd)
	if err != nil {
		return nil, err
	}
	s := &Server{Process: p}
	line, err := p.Line(time.Minute)
	if err != nil {
		p.Kill()
		return nil, err
	}
	fields := strings.Fields(line) // READY, the address, those of Guarded
	s.Addr = fields[1]
	if o.Guarded {
		s.Guarded = &Guarded{Addr: fields[2], Admin: fields[3], Policy: fields[4]}
	}
	return s, nil
}

// askTime is how long a child may take for an answer.
const askTime = time.Minute

// Stats are what a server in a child says of itself.
type Stats struct {
	Goroutines  int
	HeapBytes   int64 // after a collection
	Descriptors int
	Panics      int64
	Connections int
}

// Stats asks. The server collects its garbage first, and gives memory back to the system.
func (s *Server) Stats() (Stats, error) {
	var stats Stats
	err := s.ask("stats", askTime, &stats)
	return stats, err
}

// Shutdown makes the server end after it has answered what it has; it may take 10 seconds. took is how long it did.
func (s *Server) Shutdown() (took time.Duration, err error) {
	var answer struct {
		Took time.Duration
		Err  string
	}
	if err := s.ask("shutdown", askTime, &answer); err != nil {
		return 0, err
	}
	if answer.Err != "" {
		return answer.Took, errors.New(answer.Err)
	}
	return answer.Took, nil
}

// Register registers the server at a registry, until its Shutdown, at an address by which clients reach it.
func (s *Server) Register(registry, service, addr string) error {
	return s.told(fmt.Sprintf("register %s %s %s", registry, service, addr))
}

// Fail makes the server answer calls of echoString with errors: "internal", or "overloaded" for one that says that it did not begin; ""
// ends it.
func (s *Server) Fail(how string) error { return s.told("fail " + how) }

// told asks for what has no answer but an error.
func (s *Server) told(what string) error {
	var answer string
	if err := s.ask(what, time.Minute, &answer); err != nil {
		return err
	}
	if answer != "" {
		return errors.New(answer)
	}
	return nil
}

// handler is the one of the conformance tests, which also keeps a record of what it executes.
type handler struct {
	*conformance.Handler
	log *os.File
	how atomic.Value // string: how it fails
}

func (h *handler) record(token string) error {
	if h.log == nil {
		return nil
	}
	_, err := h.log.WriteString(token + "\n") // in one system call, so that nothing is lost when the process is killed
	return err
}

func (h *handler) EchoString(_ context.Context, v string) (string, error) {
	if h.how.Load() == "internal" {
		return "", errors.New("broken")
	}
	return v, h.record(v)
}

// Admit implements rpc.Gate: it refuses calls when the handler is to fail so.
func (h *handler) Admit(_ context.Context, _ *schema.Service, m *schema.Method) (context.Context, rpc.Leave, error) {
	if h.how.Load() == "overloaded" && m.Name == "echoString" {
		return nil, nil, rpc.Errorf(rpc.CodeOverloaded, "come later")
	}
	return nil, nil, nil
}

func (h *handler) Notify(ctx context.Context, token string) error {
	return errors.Join(h.record(token), h.Handler.Notify(ctx, token))
}

// serve is the role server.
func serve(args []string) error {
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	var o ServerOptions
	flags.StringVar(&o.Addr, "addr", "", "")
	flags.StringVar(&o.Certs, "certs", "", "")
	flags.StringVar(&o.Log, "log", "", "")
	flags.Uint64Var(&o.Files, "files", 0, "")
	flags.BoolVar(&o.Registry, "registry", false, "")
	inherit := flags.Bool("inherit", false, "")
	flags.BoolVar(&o.Guarded, "guarded", false, "")
	flags.Parse(args)

	l, err := listen(o.Addr, *inherit)
	if err != nil {
		return err
	}
	file, err := conformance.Load()
	if err != nil {
		return err
	}
	h := &handler{Handler: conformance.NewHandler(file)}
	if o.Log != "" {
		if h.log, err = os.OpenFile(o.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return err
		}
	}
	var panics atomic.Int64
	var once sync.Once
	opts := []thriftkit.ServerOption{thriftkit.WithGate(h), thriftkit.WithMaxBufferedBytes(MaxBufferedBytes), thriftkit.WithErrorLog(func(err error) {
		if strings.Contains(err.Error(), " panicked: ") {
			panics.Add(1)
			once.Do(func() { fmt.Fprintln(os.Stderr, err) })
		}
	})}
	if o.Certs != "" {
		config, err := thriftkit.ServerTLS(o.Certs+"/server.pem", o.Certs+"/server.key", "")
		if err != nil {
			return err
		}
		opts = append(opts, thriftkit.WithTLS(config))
	}
	s := thriftkit.NewServer(append(opts, thriftkit.WithDialects(dubbo.Dialect(), motan.Dialect(), rpcx.Dialect()))...)
	if err := s.Register(file.Service("Conformance"), h); err != nil {
		return err
	}
	if o.Registry {
		r, err := registry.Open(registry.Options{})
		if err != nil {
			return err
		}
		defer r.Close()
		if err := r.AddTo(s); err != nil {
			return err
		}
	}
	if o.Files > 0 {
		if err := limitFiles(o.Files); err != nil {
			return err
		}
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	ready := "READY " + l.Addr().String()
	var g *guarded
	if o.Guarded {
		if g, err = serveGuarded(file.Service("Conformance"), h, o.Certs); err != nil {
			return err
		}
		defer g.close()
		ready += " " + g.Addr + " " + g.Admin + " " + g.Policy
	}
	fmt.Println(ready)

	deregister := func() {}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var answer any
		switch what := strings.Fields(in.Text()); what[0] {
		case "stats":
			answer = statsOf(s, panics.Load())
		case "guard":
			answer = g.stats()
		case "shutdown":
			deregister()
			answer = shutdown(s)
		case "fail":
			h.how.Store(strings.Join(what[1:], " "))
			answer = ""
		case "register":
			if deregister, err = register(what[1], what[2], what[3]); err != nil {
				return err
			}
			answer = ""
		}
		b, err := json.Marshal(answer)
		if err != nil {
			return err
		}
		fmt.Println(string(b))
	}
	s.Close()
	if err := <-served; !errors.Is(err, rpc.ErrServerClosed) {
		return err
	}
	return nil
}

// register registers an address, and returns what ends that.
func register(addr, service, own string) (deregister func(), err error) {
	reg, err := registry.Connect(addr, registry.ClientOptions{})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	registration, err := reg.Register(ctx, service, discovery.Instance{Addr: own, Started: time.Now()})
	if err != nil {
		reg.Close()
		return nil, err
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		registration.Deregister(ctx) // of a registry that is down, the lease ends
		reg.Close()
	}, nil
}

// inherited is the first of a child's descriptors after the standard ones.
const inherited = 3

func listen(addr string, inherit bool) (net.Listener, error) {
	if inherit {
		return net.FileListener(os.NewFile(inherited, "listener"))
	}
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	return net.Listen("tcp", addr)
}

func statsOf(s *thriftkit.Server, panics int64) Stats {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	descriptors, _ := Descriptors(os.Getpid())
	return Stats{
		Goroutines: runtime.NumGoroutine(), HeapBytes: int64(m.HeapAlloc), Descriptors: descriptors,
		Panics: panics, Connections: s.Stats().Connections,
	}
}

func shutdown(s *thriftkit.Server) any {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	start := time.Now()
	err := s.Shutdown(ctx)
	answer := struct {
		Took time.Duration
		Err  string
	}{Took: time.Since(start)}
	if err != nil {
		answer.Err = err.Error()
	}
	return answer
}
