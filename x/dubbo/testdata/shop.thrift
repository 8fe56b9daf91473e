namespace java com.acme.shop

enum Color { RED = 1, GREEN = 2 }

struct Point { 1: i32 x, 2: i32 y }

struct Everything {
  1: bool flag, 2: i8 tiny, 3: i16 small, 4: i32 number, 5: i64 big, 6: double ratio, 7: string name, 8: binary data, 9: uuid id,
  10: Color color, 11: Point point, 12: list<i64> longs, 13: set<string> words, 14: map<string, Point> places, 15: list<Point> path,
  16: optional i32 answer = 42, 17: map<i32, list<string>> lists, 18: optional string note
}

exception NotFound { 1: string key, 2: i32 code }

exception Plain { 1: string why } (java.class = "")

service Shop {
  string ping(),
  Everything echo(1: Everything value) throws (1: NotFound missing, 2: Plain plain),
  i64 add(1: i32 a, 2: i32 b = 5),
  list<string> names(1: i32 count),
  map<string, Point> where(1: string who),
  Color favourite(1: Color color),
  set<i32> unique(1: list<i32> all),
  void nothing(),
  oneway void log(1: string line),
  map<string, string> metadata(1: map<string, string> reply),
  i32 wait(1: i32 ms),
  string business(1: i32 code),
}
