package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/thriftkit/thriftkit/capture/pcapfile"
	"github.com/thriftkit/thriftkit/internal/capturetest"
)

func TestMain(m *testing.M) {
	// Under the race detector a program sleeps for a second before it ends; the scripts run many.
	os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	testscript.Main(m, map[string]func(){"thriftkit": main})
}

// TestScript runs testdata/script/*.txtar. Besides the commands of testscript there are
//
//	certificate HOST         writes cert.pem and key.pem
//	exit CODE PROGRAM ARG…   runs a program, which must end with the code
//	eventually REGEXP PROGRAM ARG…  runs a program until its output matches
//	serve NAME ARG…          starts "thriftkit serve ARG…"; sets $NAME to where it listens and
//	                         writes what it says about calls to the file NAME.log; it sees $UPSTREAM
//	registry NAME ARG…       the same for "thriftkit registry serve ARG…"
//	gateway NAME ARG…        the same for "thriftkit gateway ARG…"
//	append TO FROM           appends the file FROM to the file TO
//	sigkill NAME             ends that server without a chance to clean up
//	sigterm NAME             ends that server, which must take it well; so does the end of the script
//	sigint NAME              the same, by the other signal
//	packets FILE TEXT        writes a pcap file of connections, which the file TEXT has: "> HEX" is what a client sends, "< HEX"
//	                         what the server does, an empty line begins the next connection
//	tap NAME ARG…            starts "thriftkit tap ARG…"; sets $NAME to where it listens, writes what it shows to NAME.out
//	peer NAME silent         sets $NAME to where somebody takes connections and says nothing,
//	peer NAME rude           or closes them when a call has come,
//	peer NAME nobody         or where nobody listens
//	answer NAME TEXT         sets $NAME to where each connection is answered with TEXT, a Go string
//	                         without its quotes, and closed
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", os.Getenv("GORACE"))
			env.Values[serversKey{}] = make(map[string]*server)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"certificate": cmdCertificate,
			"exit":        cmdExit,
			"eventually":  cmdEventually,
			"serve":       cmdServe,
			"registry":    cmdRegistry,
			"gateway":     cmdGateway,
			"sigkill":     cmdKill,
			"append":      cmdAppend,
			"sigterm":     func(ts *testscript.TestScript, _ bool, args []string) { cmdSignal(ts, args, syscall.SIGTERM) },
			"sigint":      func(ts *testscript.TestScript, _ bool, args []string) { cmdSignal(ts, args, os.Interrupt) },
			"packets":     cmdPackets,
			"tap":         cmdTap,
			"peer":        cmdPeer,
			"answer":      cmdAnswer,
		},
	})
}

// cmdCertificate writes cert.pem and key.pem, of a host that vouches for itself.
func cmdCertificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: certificate HOST")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: args, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: der}} {
		ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(block), 0o600))
	}
}

func cmdExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: eventually REGEXP PROGRAM ARG…")
	}
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("no match for %q in time: %v", args[0], err)
		}
	}
}

// patient is how long a test waits for what happens at once on a machine that is not busy.
const patient = 2 * time.Minute

type serversKey struct{}

// A server is a running "thriftkit serve".
type server struct {
	cmd     *exec.Cmd
	said    chan string // what it wrote to its standard output, once it has ended
	stopped bool
}

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: serve NAME ARG…")
	}
	startThriftkit(ts, args[0], append([]string{"serve"}, args[1:]...))
}

func cmdRegistry(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: registry NAME ARG…")
	}
	startThriftkit(ts, args[0], append([]string{"registry", "serve"}, args[1:]...))
}

func cmdGateway(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: gateway NAME ARG…")
	}
	startThriftkit(ts, args[0], append([]string{"gateway"}, args[1:]...))
}

func cmdAppend(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: append TO FROM")
	}
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY|os.O_APPEND, 0o666)
	ts.Check(err)
	_, err = f.WriteString(ts.ReadFile(args[1]))
	ts.Check(errors.Join(err, f.Close()))
}

func cmdKill(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sigkill NAME")
	}
	s := ts.Value(serversKey{}).(map[string]*server)[args[0]]
	if s == nil || s.stopped {
		ts.Fatalf("no server %s", args[0])
	}
	s.stopped = true
	ts.Check(s.cmd.Process.Kill())
	<-s.said
	s.cmd.Wait()
}

func startThriftkit(ts *testscript.TestScript, name string, args []string) {
	bin, _, _ := strings.Cut(ts.Getenv("PATH"), string(filepath.ListSeparator))
	log, err := os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	s := &server{cmd: exec.Command(filepath.Join(bin, "thriftkit"), args...), said: make(chan string, 1)}
	s.cmd.Dir = ts.MkAbs(".")
	s.cmd.Env = append(os.Environ(), "UPSTREAM="+ts.Getenv("UPSTREAM"))
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	log.Close()
	first := make(chan string, 1)
	go func() {
		r := bufio.NewReader(out)
		line, _ := r.ReadString('\n')
		first <- line
		rest, _ := io.ReadAll(r)
		s.said <- line + string(rest)
	}()
	ts.Value(serversKey{}).(map[string]*server)[name] = s
	ts.Defer(func() { s.stop(ts, name, syscall.SIGTERM) })
	select {
	case line := <-first:
		addr, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "listening on ")
		if !ok {
			ts.Fatalf("server %s said %q\n%s", name, line, ts.ReadFile(name+".log"))
		}
		ts.Setenv(name, addr)
		if admin := regexp.MustCompile(`admin pages on http://(\S+)`).FindStringSubmatch(ts.ReadFile(name + ".log")); admin != nil {
			ts.Setenv("admin", admin[1])
		}
	case <-time.After(30 * time.Second):
		ts.Fatalf("server %s does not listen", name)
	}
}

func cmdSignal(ts *testscript.TestScript, args []string, sig os.Signal) {
	if len(args) != 1 {
		ts.Fatalf("usage: sigterm NAME")
	}
	s := ts.Value(serversKey{}).(map[string]*server)[args[0]]
	if s == nil {
		ts.Fatalf("no server %s", args[0])
	}
	s.stop(ts, args[0], sig)
}

// stop ends the server by a signal and checks that it ends well.
func (s *server) stop(ts *testscript.TestScript, name string, sig os.Signal) {
	if s.stopped {
		return
	}
	s.stopped = true
	signalErr := s.cmd.Process.Signal(sig)
	late := time.AfterFunc(patient, func() { s.cmd.Process.Kill() })
	said := <-s.said
	err := s.cmd.Wait()
	late.Stop()
	if signalErr != nil || err != nil {
		ts.Fatalf("server %s: %v, %v\n%s", name, signalErr, err, ts.ReadFile(name+".log"))
	}
	if strings.Count(said, "\n") != 1 {
		ts.Fatalf("server %s wrote more than one line:\n%s", name, said)
	}
}

func cmdPackets(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: packets FILE TEXT")
	}
	network := &capturetest.Network{Step: time.Millisecond}
	for _, talk := range strings.Split(strings.TrimSpace(ts.ReadFile(args[1])), "\n\n") {
		c := network.Open()
		for line := range strings.SplitSeq(talk, "\n") {
			b, err := hex.DecodeString(strings.ReplaceAll(line[1:], " ", ""))
			ts.Check(err)
			c.Send(strings.Index("><", line[:1]), b)
		}
		c.Close()
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	w := pcapfile.NewWriter(f, 1)
	for _, p := range network.Packets() {
		ts.Check(w.Write(p))
	}
	ts.Check(f.Close())
}

func cmdTap(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: tap NAME ARG…")
	}
	name := args[0]
	bin, _, _ := strings.Cut(ts.Getenv("PATH"), string(filepath.ListSeparator))
	out, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	cmd := exec.Command(filepath.Join(bin, "thriftkit"), append([]string{"tap"}, args[1:]...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdout = out
	said, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	out.Close()
	line, err := bufio.NewReader(said).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "listening on ")
	if err != nil || !ok {
		ts.Fatalf("tap said %q, %v", line, err)
	}
	ts.Setenv(name, addr)
	ts.Defer(func() {
		cmd.Process.Signal(os.Interrupt)
		late := time.AfterFunc(patient, func() { cmd.Process.Kill() })
		defer late.Stop()
		ts.Check(cmd.Wait())
	})
}

func cmdAnswer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: answer NAME TEXT")
	}
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 1024))
			io.WriteString(c, text)
			c.Close()
		}
	}()
	ts.Defer(func() {
		l.Close()
		<-done
	})
}

func cmdPeer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: peer NAME silent|rude|nobody")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	if args[1] == "nobody" {
		// The port of a connection: nobody listens there, and nobody else gets it.
		c, err := net.Dial("tcp", l.Addr().String())
		ts.Check(err)
		ts.Defer(func() {
			c.Close()
			l.Close()
		})
		ts.Setenv(args[0], c.LocalAddr().String())
		return
	}
	ts.Setenv(args[0], l.Addr().String())
	done := make(chan struct{})
	go func() {
		defer close(done)
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			if args[1] == "rude" {
				c.Read(make([]byte, 1))
				c.Close()
				continue
			}
			open = append(open, c)
		}
		for _, c := range open {
			c.Close()
		}
	}()
	ts.Defer(func() {
		l.Close()
		<-done
	})
}
