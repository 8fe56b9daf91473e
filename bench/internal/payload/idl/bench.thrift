// What is encoded, decoded and called. generate.sh makes the peers' code of it.
namespace go bench

// Two strings: 60 bytes.
struct Login {
  1: string username,
  2: string password,
}

// One field of most kinds: 89 bytes.
struct Simple {
  1: i8 small,
  2: i16 medium,
  3: i32 number,
  4: i64 id,
  5: double ratio,
  6: string name,
  7: binary blob,
}

// Lists and maps of everything: about 4.5 KB.
struct Nested {
  1: string name,
  2: list<Simple> items,
  3: double ratio,
  4: list<i32> numbers,
  5: map<string, string> labels,
  6: Simple first,
  7: map<i32, i64> totals,
  8: list<string> notes,
  9: binary blob,
  10: list<i64> ids,
  11: map<string, Simple> named,
}

// About 120 KB.
struct Large {
  1: list<Nested> parts,
  2: map<string, Nested> named,
}

struct Longs {
  1: list<i64> values,
}

service Bench {
  binary echo(1: binary v),
  Login login(1: Login v),
  Nested nested(1: Nested v),
  // Answers after so many milliseconds.
  i32 slow(1: i32 millis),
}
