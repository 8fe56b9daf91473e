// Command fleet has a client call three servers, which a registry knows, while one of them is killed, one is slow, and all are restarted
// one by one. It prints how many calls each of them answers, and at last how many were made, lost, and executed twice. The servers
// are processes: this program, with -serve.
package main

import (
	"bufio"
	"context"
	"embed"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/discovery/registry"
)

//go:embed shop.thrift
var idl embed.FS

var shop = thriftkit.MustLoad("shop.thrift", thriftkit.WithFS(idl)).MustService("Shop")

func main() {
	pace := flag.Duration("pace", 2*time.Second, "how long each state lasts")
	serveAs := flag.String("serve", "", "be the server with this name")
	registryAddr := flag.String("registry", "", "of a server: the address of the registry")
	record := flag.String("record", "", "of a server: the file for what it executes")
	flag.Parse()
	if *serveAs != "" {
		serve(*serveAs, *registryAddr, *record)
		return
	}

	// The registry is a service as any other.
	r, err := registry.Open(registry.Options{})
	check(err)
	defer r.Close()
	registrar := thriftkit.NewServer()
	check(r.AddTo(registrar))
	l := listen()
	go registrar.Serve(l)
	defer registrar.Close()

	dir, err := os.MkdirTemp("", "fleet")
	check(err)
	defer os.RemoveAll(dir)
	f := &fleet{registry: l.Addr().String(), record: filepath.Join(dir, "executed"), servers: make(map[string]*process)}
	names := []string{"one", "two", "three"}
	for _, name := range names {
		f.start(name)
	}
	client, err := thriftkit.Dial(context.Background(), "registry://"+f.registry+"/Shop", thriftkit.WithTimeout(30*time.Second))
	check(err)
	defer client.Close()
	c := &callers{answered: make(map[string]int)}
	check(client.Bind(shop, &c.shop))
	c.start(8)

	fmt.Printf("%-24s %8s %8s %8s %8s\n", "calls answered by", "one", "two", "three", "lost")
	during := func(what string) (lost int) {
		before := c.count()
		time.Sleep(*pace)
		now := c.count()
		lost = now["lost"] - before["lost"]
		fmt.Printf("%-24s %8d %8d %8d %8d\n", what, now["one"]-before["one"], now["two"]-before["two"], now["three"]-before["three"], lost)
		return lost
	}
	during("all is well")
	f.servers["one"].kill()
	during("one is killed")
	f.start("one")
	during("one is back")
	f.servers["two"].tell("slow")
	during("two is 10 times slower")
	f.servers["two"].tell("fast")
	restarts := 0
	for _, name := range names {
		f.servers[name].stop()
		f.start(name)
		restarts += during(name + " was restarted")
	}
	c.stop()
	for _, name := range names {
		f.servers[name].stop()
	}
	total := c.count()
	fmt.Printf("made: %d\nlost: %d of look, %d of buy; %d of them in restarts\nexecuted twice: %d of buy\n",
		c.made.Load(), total["lost"]-total["lost buy"], total["lost buy"], restarts, f.twice())
}

// callers make calls, one after the other: every second one buys. Buying is not idempotent: if the server is killed meanwhile, nobody knows
// whether it has executed the call, so it is not made again.
type callers struct {
	shop struct {
		Look func(ctx context.Context, id string) (string, error)
		Buy  func(ctx context.Context, id string) (string, error)
	}
	made    atomic.Int64
	ended   atomic.Bool
	running sync.WaitGroup

	mu       sync.Mutex
	answered map[string]int // by the name of the server; and "lost", "lost buy"
}

func (c *callers) start(n int) {
	for range n {
		c.running.Go(func() {
			for !c.ended.Load() {
				id := c.made.Add(1)
				call, buys := c.shop.Look, id%2 == 0
				if buys {
					call = c.shop.Buy
				}
				name, err := call(context.Background(), fmt.Sprint(id))
				c.mu.Lock()
				switch {
				case err == nil:
					c.answered[name]++
				case buys:
					c.answered["lost buy"]++
					fallthrough
				default:
					c.answered["lost"]++
				}
				c.mu.Unlock()
			}
		})
	}
}

func (c *callers) count() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]int)
	for name, n := range c.answered {
		all[name] = n
	}
	return all
}

func (c *callers) stop() {
	c.ended.Store(true)
	c.running.Wait()
}

// A fleet is the processes of the servers.
type fleet struct {
	registry, record string
	servers          map[string]*process
}

type process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

// start starts a server, and waits until it has registered.
func (f *fleet) start(name string) {
	self, err := os.Executable()
	check(err)
	cmd := exec.Command(self, "-serve", name, "-registry", f.registry, "-record", f.record)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	check(err)
	stdout, err := cmd.StdoutPipe()
	check(err)
	check(cmd.Start())
	_, err = bufio.NewReader(stdout).ReadString('\n')
	check(err)
	f.servers[name] = &process{cmd, stdin}
}

func (p *process) tell(what string) {
	_, err := fmt.Fprintln(p.stdin, what)
	check(err)
}

// kill ends the process at once.
func (p *process) kill() {
	check(p.cmd.Process.Kill())
	p.cmd.Wait() // the error says that it was killed
}

// stop has the server end when it has answered its calls.
func (p *process) stop() {
	check(p.stdin.Close())
	check(p.cmd.Wait())
}

// twice returns how many calls of buy were executed more than once.
func (f *fleet) twice() (n int) {
	executed, err := os.Open(f.record)
	check(err)
	defer executed.Close()
	times := make(map[string]int)
	lines := bufio.NewScanner(executed)
	for lines.Scan() {
		if times[lines.Text()]++; times[lines.Text()] == 2 {
			n++
		}
	}
	check(lines.Err())
	return n
}

// A server is one of the three.
type server struct {
	name   string
	delay  atomic.Int64
	record *os.File
}

func (s *server) Look(ctx context.Context, id string) (string, error) {
	time.Sleep(time.Duration(s.delay.Load()))
	return s.name, nil
}

func (s *server) Buy(ctx context.Context, id string) (string, error) {
	time.Sleep(time.Duration(s.delay.Load()))
	_, err := s.record.WriteString(id + "\n")
	return s.name, err
}

// serve is the program of a server: it registers, does as it is told, and deregisters before it ends.
func serve(name, registryAddr, record string) {
	const usual = 2 * time.Millisecond
	s := &server{name: name}
	s.delay.Store(int64(usual))
	var err error
	s.record, err = os.OpenFile(record, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	check(err)
	srv := thriftkit.NewServer()
	check(srv.Register(shop, s))
	l := listen()
	go srv.Serve(l)
	reg, err := registry.Connect(registryAddr, registry.ClientOptions{})
	check(err)
	defer reg.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	registration, err := reg.Register(ctx, "Shop", discovery.Instance{Addr: l.Addr().String(), Started: time.Now()})
	check(err)
	fmt.Println("ready")
	for told := bufio.NewScanner(os.Stdin); told.Scan(); {
		switch told.Text() {
		case "slow":
			s.delay.Store(int64(10 * usual))
		case "fast":
			s.delay.Store(int64(usual))
		}
	}
	ctx, cancel = context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	check(registration.Deregister(ctx))
	check(srv.Shutdown(ctx))
}

func listen() net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	return l
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
