namespace java com.example

enum Kind { NOVEL = 1, ATLAS = 2 }
struct Book { 1: string title, 2: optional i32 page_count, 3: Kind kind, 4: list<string> tags, 5: map<string, string> notes, 6: binary cover, 7: list<Chapter> chapters }
struct Chapter { 1: string heading, 2: i32 page }
exception NoBook { 1: string why }

service Shop {
  string greet(1: string name) throws (1: NoBook no)
  string all(1: bool b, 2: i8 i8, 3: i16 i16, 4: i32 i32, 5: i64 i64, 6: double d, 7: string s, 8: binary bin, 9: list<string> strings, 10: map<string, string> names)
  map<string, string> echo_names(1: map<string, string> names)
  list<string> echo_strings(1: list<string> strings)
  binary echo_bytes(1: binary b)
  i64 echo_long(1: i64 n)
  double echo_double(1: double d)
  bool echo_bool(1: bool b)
  i16 echo_short(1: i16 n)
  Book store(1: Book book)
  void nothing()
  void fail(1: string text)
  oneway void notify(1: string text)
  string metadata(1: string name)
  i32 wait(1: i32 milliseconds)
}
