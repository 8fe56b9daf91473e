// Package clientconn carries the calls of a client over connections: pipelined on few connections by
// a [Pool], or as requests over HTTP by [HTTP].
//
// # A pending call
//
// A [Pending] is one call from when it is made to when its reply is there:
//
//	          Pool.Call                enter               reply
//	created ------------> encoded ------------> pending -----------> done
//	                         ^                     |
//	                         |  not sent           | context ends: abandoned, its id stays in the
//	                         +---------------------+ table until the late reply comes
//
// Calls are written as they come; while one caller writes, the others leave their messages in its
// queue, so that what is pending goes out in one write. Replies are matched by sequence id. A
// server that answers one call after the other never notices.
//
// Nobody reads while no call is pending. The first caller that finds nobody reading reads: its own
// reply, and those of others, which it delivers. With its own reply it passes the reading on to
// the oldest caller that waits. So a single caller needs no second goroutine.
//
// # Sharing a connection
//
// Classic servers answer the calls of a connection one after the other, so calls that share one wait
// for each other. A call shares a connection when the server has shown that it answers in any order, or
// when what is pending on the connection is expected to be answered within a moment, going by the
// [Latency] of its methods. Any other call gets a connection of its own, up to the limit. Where many
// connections are in use for a method that seems to be slow, a [trial] finds out now and then whether it is.
//
// # A connection
//
//	     dial                     fail, Close
//	* ----------> open ----------------------------------> closed
//	               |                                         ^
//	               | a call gave up, the server announced    |
//	               | the end, the pool suspects it, it keeps |
//	               | the server from serving another one     |
//	               +-------------> draining -----------------+
//	                   takes no     nobody waits for a reply
//	                   new calls    and nothing is being written
//
// The read half and the write half of a [Conn] have one owner each at a time: the caller that
// reads, and the caller or goroutine that writes. Connections are closed after the locks are
// released, because closing TLS writes to the network. The goroutines that finish interrupted
// writes belong to the pool; Close waits for them.
//
// # Deadlines
//
// A call whose context may end gets a timer of its own only when it has been pending for a while:
// see [Pool.checkDeadlines].
package clientconn
