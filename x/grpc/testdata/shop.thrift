namespace * shop.v1

enum Color { RED = 1, GREEN = 2, BLUE = -3, LEAF = 2 }

typedef i64 UserID

struct Point { 1: i32 x, 2: i32 y }

union Shape { 1: Point point, 2: double radius, 3: list<string> labels }

/** Every type that the language has. */
struct Everything {
  1: bool flag,
  2: i8 tiny,
  3: i16 small,
  4: i32 number,
  5: UserID big,
  6: double ratio,
  7: string name,
  8: binary data,
  9: uuid id,
  10: Color color,
  11: Point point,
  12: list<i32> ints,
  13: set<i64> longs,
  14: list<string> words,
  15: list<Point> points,
  16: map<string, i32> counts,
  17: map<i32, string> names,
  18: map<Color, Point> by_color,
  19: map<Point, string> by_point,
  20: list<list<bool>> grid,
  21: list<Color> colors,
  22: map<bool, list<i64>> flags,
  23: map<double, i8> ratios,
  24: Shape shape,
  25: optional i32 maybe,
  26: i32 answer = 42,
  27: optional string greeting = "hello",
  28: i64 zigzag (proto.type = "sint64"),
  29: i32 fixed (proto.type = "sfixed32"),
  30: uuid text_id (proto.type = "string"),
  31: list<map<string, i32>> maps,
  32: map<i64, map<string, Point>> nested,
  33: optional Everything self,
  19001: i32 reserved,
}

exception NotFound { 1: string key, 2: i32 code } (grpc.code = "NOT_FOUND")
exception Plain { 1: string why }

service Base {
  string ping(),
}

service Shop extends Base {
  Everything echo(1: Everything value) throws (1: NotFound missing, 2: Plain plain),
  Everything echo_direct(1: Everything value) (grpc.request = "argument"),
  i64 add(1: i32 a, 2: i32 b = 5),
  list<string> names(1: i32 count),
  map<string, Point> where(1: string who),
  Color favourite() (thriftkit.readonly = "true"),
  void nothing(1: string why) throws (1: Plain plain),
  oneway void log(1: string line),
  string metadata(1: string key),
  i32 wait(1: i32 millis),
  Point count(1: i32 upTo) throws (1: Plain plain) (streaming.mode = "server"),
  i32 sum(1: Point item) throws (1: Plain plain) (streaming.mode = "client"),
  i32 total(1: i32 n) (streaming.mode = "client"),
  Point mirror(1: Point item) throws (1: Plain plain) (streaming.mode = "bidirectional"),
}
