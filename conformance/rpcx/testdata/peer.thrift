namespace go peer

enum Kind { NOVEL = 1, ATLAS = 2 }

struct Book {
  1: string title
  2: optional i32 page_count
  3: Kind kind = Kind.NOVEL
  4: list<string> tags
  5: map<string, i64> copies
  6: binary cover
  7: bool lent
  8: double price
  9: i8 shelf
  10: i16 row
  11: i64 isbn
  12: list<Chapter> chapters
}

struct Chapter { 1: string heading, 2: i32 page }

exception NoBook { 1: string why }

service Shop {
  // Of a struct to a struct: as services of rpcx are written.
  Book store(1: Book book)
  // With arguments: the request has them as its fields, the reply has the field success.
  i32 add_up(1: i32 a, 2: i32 b)
  Book find_book(1: string title) throws (1: NoBook no)
  string greet(1: string name) throws (1: NoBook no)
  void fail(1: Book book) throws (1: NoBook no)
  void wait(1: i32 milliseconds)
  oneway void notify(1: Book book)
  string metadata(1: string name)
}
