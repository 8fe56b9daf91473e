namespace go streams

include "common.thrift"

exception Gone {
  1: string why
}

struct Part {
  1: i32 n,
  2: optional common.Point at,
}

service Pings {
  string ping()
}

// Kitex's form: the one parameter is the message that the client streams.
service Flows extends Pings {
  /** The sum of what comes. */
  i32 up(1: Part part) (streaming.mode = "client"),
  Part down(1: i32 n) throws (1: Gone gone) (streaming.mode = "server"),
  Part both(1: Part in) (streaming.mode = "bidirectional"),
  void drop(1: string text) (streaming.mode = "client"),
  // Its name is that of a field of the client.
  string streams(1: string ctx),
}

// fbthrift's form.
service Sinks {
  stream<i32> count(1: i32 upto, 2: string c),
  i32, stream<i32> first(),
  sink<Part, i32> fill(1: string name),
}
