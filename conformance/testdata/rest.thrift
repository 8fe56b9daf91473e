/** Requests of every form that annotations describe, and types that are odd as JSON. */
namespace * rest

enum Color { RED = 1, GREEN = 2, NEGATIVE = -3 }
enum Empty {}

typedef map<string, list<Tree>> Forest

/** It has itself in it. */
struct Tree {
  1: string name
  2: list<Tree> children
  3: optional Tree parent
  4: map<string, Tree> named
  5: optional Forest forest
}

/** Exactly one. */
union Choice {
  1: i64 number
  2: string text
  3: Tree tree
  4: list<Choice> many
}

union Nothing {}

/** Its name is that of what the gateway answers errors with. */
struct Problem {
  1: string title = "none"
  2: optional i32 status
}

struct Place { 1: required i32 x = 1, 2: required i32 y }

struct Maps {
  1: map<bool, i8> bools
  2: map<i8, bool> bytes
  3: map<i64, double> longs
  4: map<double, i16> doubles
  5: map<string, string> strings
  6: map<uuid, binary> ids
  7: map<Color, Empty> colors
  8: map<binary, i32> blobs
  9: map<Place, Choice> places
  10: map<list<i32>, set<Color>> lists
  11: map<map<string, i32>, map<i32, map<i32, string>>> maps
}

struct Defaults {
  1: bool flag = true
  2: i8 small = -128
  3: i64 large = 9223372036854775807
  4: double half = 0.5
  5: string text = "a \"quoted\" 水"
  6: binary data = "abc"
  7: Color color = Color.GREEN
  8: list<i32> numbers = [1, 2]
  9: map<Color, string> named = {1: "one"}
  10: map<Place, i32> placed = {{"x": 1, "y": 2}: 3}
  11: Place place = {"y": 5}
  12: Choice choice = {"text": "t"}
  13: uuid id = "123e4567-e89b-12d3-a456-426614174000"
  14: set<double> doubles = [1, 2.5]
}

/** Nobody has it. */
exception Missing { 1: string message, 2: i64 id } (api.http_code = "404")
exception Gone { 1: required Place place } (api.http_code = "404")
exception Taken { 1: string message } (grpc.code = "ALREADY_EXISTS")
exception Plain { 1: Maps maps } (deprecated)

struct Query {
  1: required i64 id (api.path = "id")
  2: bool flag (api.query = "flag")
  3: list<i32> sizes (api.query = "sizes")
  4: set<Color> colors (api.query = "colors")
  5: double ratio (api.query = "ratio")
  6: uuid trace (api.header = "X-Trace")
  7: list<i64> versions (api.header = "X-Versions")
  8: string session (api.cookie = "session")
  9: optional binary data
  10: string either (api.query = "either", api.header = "X-Either")
  11: i32 number = 5 (api.query = "number")
  12: required i32 needed (api.query = "needed")
  13: list<string> words
  14: Color color (api.header = "X-Color")
  15: Choice never (api.none = "")
}

struct Change {
  1: required string id (api.path = "user", api.query = "id")
  2: required Tree tree (api.body = "new tree/~")
  3: optional string note
  4: list<Choice> choices
  5: string either (api.query = "either", api.body = "either")
  6: Color color = Color.RED
  7: set<i32> numbers
}

struct Login {
  1: required string user (api.form = "user")
  2: string password (api.form = "password")
  3: list<i32> rights (api.form = "rights")
  4: optional bool keep
}

struct Created {
  1: i32 status (api.http_code = "")
  2: string location (api.header = "Location")
  3: list<i32> counts (api.header = "X-Counts")
  4: Tree tree (api.body = "new tree")
  5: string hidden (api.none = "")
  6: optional Problem problem
}

struct Redirect { 1: string location (api.header = "Location") }

service Base {
  void ping()
  string inherited(1: i32 x) (api.get = "/inherited")
}

/** Everything. */
service Rest extends Base {
  /**
   * Finds.
   *
   * More of it.
   */
  Query query(1: Query q) throws (1: Missing missing, 2: Gone gone, 3: Plain plain) (api.get = "/v1/:id", deprecated)
  Created change(1: Change c) throws (1: Taken taken) (api.put = "/v1/:user", api.patch = "/v1/:user")
  void remove(1: string key (api.path = "key"), 2: optional Tree tree (api.body = "tree")) (api.delete = "/v1/:key")
  Redirect login(1: Login l) (api.post = "/login")
  Forest mixed(1: i32 a, 2: Choice b, 3: optional list<bool> c (api.form = "c")) (api.post = "/mixed/:a")
  string file(1: string rest, 2: string version = "last") (api.get = "/files/*rest", api.head = "/head/*rest", api.options = "/options")
  binary upload(1: string name (api.query = "name"), 2: binary data (api.raw_body = "")) (api.any = "/upload")
  string text(1: string data (api.raw_body = "")) (api.put = "/text")
  string many(1: i32 a) (api.get = "/many/:a", api.get = "/many/:a/again", api.post = "/many")
  /** Its name is what another operation would be called. */
  Choice many_get(1: Choice x, 2: Nothing none) throws (1: Missing m)
  Maps maps(1: Maps m)
  Defaults defaults(1: Defaults d)
  Problem problem(1: Problem p) throws (1: Plain plain)
  list<map<Color, set<Place>>> nested(1: list<map<Color, set<Place>>> n, 2: Empty e)
  bool flag() (api.get = "/")
  double number(1: double d) (api.get = "/double/:d")
  oneway void tell(1: string text)
}
