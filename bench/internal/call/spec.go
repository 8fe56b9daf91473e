// Package call measures calls: each side's server is a program of its own, its client a process
// of this program. A client process has one side, connects it for a number of callers, and makes calls for as
// long as it is told.
package call

import (
	"fmt"
	"time"
)

// The methods that are called.
const (
	Echo   = "echo"   // of so many bytes
	Login  = "login"  // of 60 bytes, as a struct
	Nested = "nested" // of 4.5 KB, as a struct

	RPCXThrift  = "rpcx-thrift"  // echo by rpcx's client, in its serialization Thrift
	RPCXMsgpack = "rpcx-msgpack" // the same in msgpack

	Gateway      = "gateway"       // POST of 60 bytes as JSON, answered by the gateway's own process
	GatewayProxy = "gateway-proxy" // the same by a server that the gateway calls
)

// A Spec is the work of a client.
type Spec struct {
	Side     string `json:"side"`
	Addr     string `json:"addr"`
	Method   string `json:"method"`
	Size     int    `json:"size"`
	Callers  int    `json:"callers"`
	Slow     int    `json:"slow"` // callers, besides, of a method that takes 10 ms; nobody measures them
	Deadline bool   `json:"deadline"`
	Around   bool   `json:"around"` // sides with something around their calls, and one without
}

// timeout is the deadline of a call that has one: it never passes.
const timeout = 10 * time.Second

// slowMillis is how long a slow call takes.
const slowMillis = 10

// A caller makes a call, checks what comes back, and returns.
type caller func() error

// A session is a connected client.
type session struct {
	callers []caller
	slow    []caller
	close   func()
}

// A side is one way to make calls.
type side struct {
	name    string
	server  string // folder of its program in servers
	args    []string
	methods []string // nil is echo alone
	slow    bool     // has the slow method, and carries all calls on one connection
	late    bool     // takes deadlines
	compare bool     // calls without, in the rows with deadlines only
	around  bool     // has something around its calls, and takes part in those rows only
	dial    func(Spec) (*session, error)
}

// checkLen tells whether an echo is whole.
func checkLen(got, want int) error {
	if got != want {
		return fmt.Errorf("%d bytes came back, want %d", got, want)
	}
	return nil
}

// each makes n callers.
func each(n int, f func(i int) (caller, error)) ([]caller, error) {
	callers := make([]caller, n)
	for i := range callers {
		var err error
		if callers[i], err = f(i); err != nil {
			return nil, err
		}
	}
	return callers, nil
}
