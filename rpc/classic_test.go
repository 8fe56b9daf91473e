package rpc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/wire"
	thrift "github.com/thriftkit/thriftkit/wire/binary"
)

// classicServer is a server as those of Apache Thrift and thriftpy2 are: it answers the calls of a connection one after the
// other. It serves so many connections at once, and accepts the next when one of them has ended.
type classicServer struct {
	l     net.Listener
	delay func(method string) time.Duration
	way   time.Duration // of a reply, as on a machine that is busy

	mu          sync.Mutex
	calls       map[int]int // by connection
	open, most  int         // connections that are served
	conns       int         // that were accepted
	lost        int         // how many of these, the first ones, the network carries nothing over any more
	outstanding sync.WaitGroup
}

func serveClassic(t *testing.T, atOnce int, delay func(method string) time.Duration) *classicServer {
	s := &classicServer{l: listen(t), delay: delay, calls: map[int]int{}}
	backlog := make(chan net.Conn, 1000)
	s.outstanding.Go(func() {
		defer close(backlog)
		for {
			nc, err := s.l.Accept()
			if err != nil {
				return
			}
			backlog <- nc
		}
	})
	for range atOnce {
		s.outstanding.Go(func() {
			for nc := range backlog {
				s.serve(nc)
			}
		})
	}
	return s
}

func (s *classicServer) serve(nc net.Conn) {
	defer nc.Close()
	s.mu.Lock()
	s.conns++
	number := s.conns
	s.open++
	s.most = max(s.most, s.open)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.open--
		s.mu.Unlock()
	}()
	type reply struct {
		at  time.Time
		msg []byte
	}
	replies := make(chan reply, 1000)
	defer close(replies)
	s.outstanding.Go(func() {
		for r := range replies {
			time.Sleep(time.Until(r.at))
			nc.Write(r.msg)
		}
	})
	for {
		var size [4]byte
		if _, err := io.ReadFull(nc, size[:]); err != nil {
			return
		}
		s.mu.Lock()
		s.calls[number]++
		s.mu.Unlock()
		msg := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(nc, msg); err != nil {
			return
		}
		h, _, err := thrift.ConsumeHeader(msg)
		if err != nil {
			return
		}
		time.Sleep(s.delay(h.Name))
		if s.isLost(number) {
			continue
		}
		answer := thrift.AppendHeader(make([]byte, 4), wire.Header{Name: h.Name, Type: wire.Reply, SeqID: h.SeqID})
		answer = append(thrift.AppendStringField(answer, 0, "ok"), 0)
		binary.BigEndian.PutUint32(answer, uint32(len(answer)-4))
		replies <- reply{time.Now().Add(s.way), answer}
	}
}

// loseAll makes the network lose all connections without a word.
func (s *classicServer) loseAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = s.conns
}

func (s *classicServer) isLost(number int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return number <= s.lost
}

// connections returns how many are open, how many were at most, and how many there were.
func (s *classicServer) connections() (open, most, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.most, s.conns
}

// burst makes n calls of a method at once and returns how long each took, in order. gap is the time between their starts.
func burst(t *testing.T, c *rpc.Client, m *schema.Method, n int, gap, timeout time.Duration) []time.Duration {
	took := make([]time.Duration, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			start := time.Now()
			args := []any{}
			for range m.Args.Fields {
				args = append(args, "x")
			}
			_, errs[i] = rpc.Invoke[string](ctx, c, m, args...)
			took[i] = time.Since(start)
		})
		time.Sleep(gap)
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("%s: %v", m.Name, err)
	}
	slices.Sort(took)
	return took
}

// TestClassicServers calls servers that answer the calls of a connection one after the other.
func TestClassicServers(t *testing.T) {
	svc := load(t).Service("Test")
	ping, echo := svc.Method("ping"), svc.Method("echo")
	const ms = time.Millisecond
	fixed := func(d time.Duration) func(string) time.Duration { return func(string) time.Duration { return d } }
	// dialClassic returns a client of s, which is closed with it at the end.
	dialClassic := func(t *testing.T, s *classicServer, opts rpc.ClientOptions) *rpc.Client {
		c, err := rpc.Dial(t.Context(), s.l.Addr().String()+"?transport=framed", inMemory(opts))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	end := func(s *classicServer, c *rpc.Client) {
		c.Close()
		s.l.Close()
		s.outstanding.Wait()
	}
	for _, test := range []struct {
		what   string
		delay  func(method string) time.Duration
		atOnce int
		run    func(t *testing.T, s *classicServer, c *rpc.Client)
	}{
		{"calls of an unknown method do not wait for each other", fixed(100 * ms), 50, func(t *testing.T, s *classicServer, c *rpc.Client) {
			if took := burst(t, c, ping, 40, 0, 500*ms); took[39] > 110*ms {
				t.Errorf("the longest took %v", took[39])
			}
		}},
		{"a slow method after a quick one", func(m string) time.Duration {
			if m == "echo" {
				return 100 * ms
			}
			return 0
		}, 50, func(t *testing.T, s *classicServer, c *rpc.Client) {
			for range 10 {
				burst(t, c, ping, 1, 0, time.Second)
			}
			if took := burst(t, c, echo, 10, 0, 500*ms); took[9] > 110*ms {
				t.Errorf("the longest took %v", took[9])
			}
		}},
		{"quick calls share a connection", fixed(0), 50, func(t *testing.T, s *classicServer, c *rpc.Client) {
			burst(t, c, ping, 1, 0, time.Second)
			burst(t, c, ping, 100, 0, time.Second)
			if _, most, _ := s.connections(); most != 1 {
				t.Errorf("%d connections", most)
			}
		}},
		{"a network that loses connections costs one call its time", func(m string) time.Duration {
			if m == "echo" {
				return 100 * ms
			}
			return 10 * ms
		}, 50, func(t *testing.T, s *classicServer, c *rpc.Client) {
			burst(t, c, echo, 2, 0, time.Second)
			var wg sync.WaitGroup
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := rpc.Invoke[string](ctx, c, echo, "x"); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("a call on a connection that was lost: %v", err)
				}
			})
			time.Sleep(20 * ms)
			burst(t, c, ping, 1, 0, time.Second) // on the other connection, which works after the call has begun
			if _, most, _ := s.connections(); most != 2 {
				t.Errorf("%d connections", most)
			}
			s.loseAll()
			wg.Wait()
			burst(t, c, ping, 1, 0, time.Second)
		}},
		{"a method that becomes slow", nil, 50, func(t *testing.T, s *classicServer, c *rpc.Client) {
			s.delay = fixed(0)
			for range 10 {
				burst(t, c, ping, 10, 0, time.Second)
			}
			s.delay = fixed(50 * ms)
			burst(t, c, ping, 10, 0, time.Second) // which may be taken for quick
			if took := burst(t, c, ping, 40, 0, time.Second); took[39] > 60*ms {
				t.Errorf("the longest took %v", took[39])
			}
		}},
		{"a method that becomes quick", nil, 50, func(t *testing.T, s *classicServer, c *rpc.Client) {
			s.delay = fixed(3 * ms)
			burst(t, c, ping, 40, 0, time.Second)
			if open, _, _ := s.connections(); open != 40 {
				t.Errorf("%d connections while it is slow", open)
			}
			s.delay = fixed(0)
			for range 100 {
				burst(t, c, ping, 40, 0, time.Second)
			}
			time.Sleep(6 * time.Second)
			burst(t, c, ping, 40, 0, time.Second)
			if open, _, _ := s.connections(); open != 1 {
				t.Errorf("%d connections when it has become quick", open)
			}
		}},
		{"idle connections are closed, except one", fixed(10 * ms), 50, func(t *testing.T, s *classicServer, c *rpc.Client) {
			burst(t, c, ping, 20, 0, time.Second)
			time.Sleep(4 * time.Second)
			if open, _, _ := s.connections(); open != 20 {
				t.Errorf("%d connections after 4 s", open)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if open, _, _ := s.connections(); open != 1 {
				t.Errorf("%d connections after 6 s", open)
			}
		}},
		{"a server of one connection at a time", fixed(50 * ms), 1, func(t *testing.T, s *classicServer, c *rpc.Client) {
			if took := burst(t, c, ping, 6, 10*ms, 15*time.Second); took[5] > 600*ms {
				t.Errorf("the longest took %v", took[5])
			}
			if took := burst(t, c, ping, 1, 0, time.Second); took[0] > 110*ms {
				t.Errorf("later: %v", took[0])
			}
		}},
		{"a server of three connections at a time", fixed(50 * ms), 3, func(t *testing.T, s *classicServer, c *rpc.Client) {
			if took := burst(t, c, ping, 30, 5*ms, 15*time.Second); took[29] > time.Second {
				t.Errorf("the longest took %v", took[29])
			}
		}},
		{"a server of one connection at a time that has always something to do", fixed(50 * ms), 1, func(t *testing.T, s *classicServer, c *rpc.Client) {
			var wg sync.WaitGroup
			for i := range 3 {
				wg.Go(func() {
					for range 20 {
						if took := burst(t, c, ping, 1, 0, 15*time.Second); took[0] > time.Second {
							t.Errorf("caller %d: a call took %v", i, took[0])
						}
					}
				})
			}
			wg.Wait()
		}},
		{"a slow call on a new connection ends no other for long", func(m string) time.Duration {
			if m == "echo" {
				return 3 * time.Second
			}
			return 10 * ms
		}, 50, func(t *testing.T, s *classicServer, c *rpc.Client) {
			burst(t, c, ping, 2, 0, time.Second)
			var wg sync.WaitGroup
			wg.Go(func() { burst(t, c, echo, 4, 0, 5*time.Second) })
			for range 200 {
				if took := burst(t, c, ping, 2, 0, time.Second); took[1] > 20*ms {
					t.Errorf("a call took %v", took[1])
				}
			}
			wg.Wait()
			if _, _, all := s.connections(); all > 12 {
				t.Errorf("%d connections were made", all)
			}
		}},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serveClassic(t, test.atOnce, test.delay)
				c := dialClassic(t, s, rpc.ClientOptions{})
				test.run(t, s, c)
				end(s, c)
			})
		})
	}
	t.Run("at the limit the load is even", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := serveClassic(t, 50, fixed(100*ms))
			c := dialClassic(t, s, rpc.ClientOptions{MaxConns: 10})
			took := burst(t, c, ping, 100, 0, 5*time.Second)
			if took[99] > 1010*ms {
				t.Errorf("the longest took %v", took[99])
			}
			end(s, c)
		})
	})
	for _, exclusive := range []bool{false, true} {
		for _, test := range []struct {
			what string
			opts rpc.ClientOptions
			run  func(t *testing.T, s *classicServer, c *rpc.Client)
		}{
			{"an idle connection is closed, and the next call makes one", rpc.ClientOptions{MaxConnIdle: 2 * time.Second}, func(t *testing.T, s *classicServer, c *rpc.Client) {
				for want := 1; want <= 2; want++ {
					for range 3 {
						burst(t, c, ping, 1, 0, time.Second)
						time.Sleep(time.Second)
					}
					if open, _, all := s.connections(); open != 1 || all != want {
						t.Errorf("%d connections of %d, want 1 of %d", open, all, want)
					}
					time.Sleep(1500 * ms)
					synctest.Wait()
					if open, _, _ := s.connections(); open != 0 {
						t.Errorf("%d connections after the idle time", open)
					}
				}
			}},
			{"connections come to an age", rpc.ClientOptions{MaxConnAge: 10 * time.Second}, func(t *testing.T, s *classicServer, c *rpc.Client) {
				for range 600 {
					burst(t, c, ping, 1, 0, time.Second) // none fails
					time.Sleep(90 * ms)
				}
				if open, most, all := s.connections(); open > 1 || most != 1 || all < 6 || all > 7 { // 60 s of 9 to 11 each
					t.Errorf("%d connections, %d at most, %d in all", open, most, all)
				}
			}},
		} {
			name := test.what
			if test.opts.Exclusive = exclusive; exclusive {
				name += ", exclusive"
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := serveClassic(t, 50, fixed(10*ms))
					c := dialClassic(t, s, test.opts)
					test.run(t, s, c)
					end(s, c)
				})
			})
		}
	}
}

// TestTrial has 64 callers call a server whose calls all seem to take long, because it is busy or because they do.
func TestTrial(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		what       string
		delay, way time.Duration
		calls      int  // of each caller
		shared     bool // in the later half many share a connection
		longest    time.Duration
		slow       int // how many calls may take longer
	}{
		{"quick, behind a busy machine", 0, 3 * ms / 2, 400, true, 4 * ms, 0},
		{"slow", 5 * ms, 0, 400, false, 15 * ms, 6 * maxTrial},
		{"too slow to try", 20 * ms, 0, 400, false, 21 * ms, 0},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serveClassic(t, 100, func(string) time.Duration { return test.delay })
				s.way = test.way
				ping := load(t).Service("Test").Method("ping")
				c, err := rpc.Dial(t.Context(), s.l.Addr().String()+"?transport=framed", inMemory(rpc.ClientOptions{MaxConns: 64}))
				if err != nil {
					t.Fatal(err)
				}
				var all []time.Duration
				for half := range 2 {
					s.mu.Lock()
					clear(s.calls)
					s.mu.Unlock()
					var wg sync.WaitGroup
					took := make([][]time.Duration, 64)
					for i := range took {
						wg.Go(func() {
							for range test.calls / 2 {
								took[i] = append(took[i], burst(t, c, ping, 1, 0, time.Second)...)
							}
						})
					}
					wg.Wait()
					all = append(all, slices.Concat(took...)...)
					if half == 0 {
						continue
					}
					shares := slices.Sorted(maps.Values(s.calls))
					if busiest := shares[len(shares)-1]; busiest > 64*test.calls/2/8 != test.shared {
						t.Errorf("the busiest connection had %d of %d calls", busiest, 64*test.calls/2)
					}
				}
				slices.Sort(all)
				if at := len(all) - 1 - test.slow; all[at] > test.longest {
					t.Errorf("%d of %d calls took %v or longer", test.slow+1, len(all), all[at])
				}
				c.Close()
				s.l.Close()
				s.outstanding.Wait()
			})
		})
	}
}

// maxTrial is how many calls one trial has at most.
const maxTrial = 32
