// What other files include.
namespace go common

/** A place on a plane, which may be a key. */
struct Point {
  1: i32 x,
  2: i32 y,
}

enum Level {
  LOW = 1,
  HIGH = 3,
}

typedef i64 Timestamp

exception Unavailable {
  1: string message,
  2: optional i32 retryAfterMs,
}

service Base {
  string ping(),
  // Counts the tokens of notify.
  i32 notified(1: string token),
  oneway void notify(1: string token),
}
