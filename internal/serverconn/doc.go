// Package serverconn carries the calls of a server's connections: it reads messages, runs calls one after
// the other or side by side, keeps replies in order and writes them. It knows nothing of what is in a
// message; a [Codec] does.
//
// # States
//
//	        Serve        Drain             last call replied
//	New ───────► open ────────► draining ────────► going away ──► closed
//	 │            │                                     ▲           ▲
//	 │            └────────── idle timeout ─────────────┘           │
//	 └──────────────── an error at any point ───────────────────────┘
//
// A connection that drains takes no more bytes from the peer, and replies to the calls that it has. One
// that goes away is closed between two messages because the server wants it to; it says so, to peers that
// understand ([Codec].GoAway). It is closed when the last goroutine leaves it, outside of locks.
//
// # Goroutines
//
//	read half                         calls                          write half
//	Reader ─► Decode ──► Execute ──────────────────► AppendReply ──► flush ─► sendLocked
//	             │          └ slow: offloaded ┐                        ▲
//	             └─ of a slow method ─► own goroutine ─► replyQueue ───┘
//
// One goroutine at a time reads: it also runs the handlers, and writes replies to what arrived together in
// one write. When a handler is slow, the watchdog of the [Group] starts another goroutine, which reads on.
// Each goroutine of a connection is counted in users, and the last one closes the connection; the
// goroutines of connections and of the watchdog are counted in the Group's WaitGroup.
package serverconn
