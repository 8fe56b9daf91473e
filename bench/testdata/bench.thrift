// What is encoded, decoded and called: a small struct of two strings, a nested one of about 4.5 KB.
struct Login {
  1: string username,
  2: string password,
}

struct Point {
  1: i32 x,
  2: i32 y,
}

struct Item {
  1: string code,
  2: i32 amount,
  3: double price,
  4: Point at,
  5: list<string> tags,
}

struct Order {
  1: i64 id,
  2: string buyer,
  3: list<Item> items,
  4: map<string, string> labels,
  5: list<i64> totals,
  6: list<string> notes,
}

service Echo {
  string echo(1: string v),
}
