/** Requests by annotations that Kitex's generic calls over HTTP and the gateway read: http_test.go compares them. */
namespace * http

enum Color { RED = 1, GREEN = 2 }

struct Item { 1: optional i32 x, 2: optional string y }

struct Get {
  1: optional i64 id (api.path = "id")
  2: optional i32 number (api.query = "number")
  3: optional list<i32> numbers (api.query = "numbers")
  4: optional list<string> words (api.query = "words")
  5: optional string text (api.query = "text")
  6: optional bool flag (api.query = "flag")
  7: optional double ratio (api.query = "ratio")
  8: optional string header (api.header = "X-Header")
  9: optional string cookie (api.cookie = "cookie")
  10: optional i32 both (api.query = "both", api.header = "X-Both")
  11: optional i32 other (api.header = "X-Both", api.query = "both")
  12: optional string plain
  13: optional Color color (api.query = "color")
  14: optional binary data (api.query = "data")
  15: optional list<i32> listed (api.header = "X-List")
  16: optional string none (api.none = "")
}

struct Required { 1: required i32 a (api.query = "a"), 2: required i32 b = 7 (api.query = "b") }
struct Defaults { 1: i32 a (api.query = "a"), 2: i32 b = 7 (api.query = "b"), 3: optional i32 c = 8 (api.query = "c") }
struct Post {
  1: optional i32 number
  2: optional Item item (api.body = "thing")
  3: optional i32 both (api.query = "both", api.body = "both")
  4: optional map<string, i32> counts
  5: optional list<i64> longs
  6: optional binary data
}
struct Raw { 1: optional string name (api.query = "name"), 2: optional binary raw (api.raw_body = "") }
struct Form { 1: optional string user (api.form = "user"), 2: optional i32 id }
struct Rest { 1: optional string rest (api.path = "rest") }
struct Answer {}

service HTTP {
  Answer get(1: Get req) (api.get = "/get/:id")
  Answer needed(1: Required req) (api.get = "/required")
  Answer defaults(1: Defaults req) (api.get = "/defaults")
  Answer post(1: Post req) (api.post = "/post")
  Answer put(1: Post req) (api.put = "/put")
  Answer remove(1: Defaults req) (api.delete = "/remove")
  Answer raw(1: Raw req) (api.post = "/raw")
  Answer form(1: Form req) (api.post = "/form")
  Answer file(1: Rest req) (api.get = "/files/*rest")
}
