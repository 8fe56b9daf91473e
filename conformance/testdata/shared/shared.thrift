// What conformance.thrift includes: types, a constant and a service to extend.
namespace * conformance.shared

typedef i64 Timestamp

const i32 ANSWER = 42

enum Level {
  LOW = 1,
  MIDDLE = 5,
  HIGH = 10,
}

struct Point {
  1: required i32 x,
  2: required i32 y,
}

exception Unavailable {
  1: string reason,
  2: optional i32 retryAfterMs,
}

service Base {
  // Answers "pong".
  string ping(),

  // Answers the point with x and y exchanged.
  Point mirror(1: Point p),

  // Throws Unavailable("not ok", 250) unless ok.
  void check(1: bool ok) throws (1: Unavailable unavailable),
}
