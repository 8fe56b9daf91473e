// Everything that there is in the language, for the tests of generated code.
namespace go things

include "common.thrift"

typedef list<string> Names
typedef map<string, Names> Groups
typedef common.Point Place
typedef binary Blob

enum Color {
  RED = 1,
  GREEN = 2,
  LEAF = 2,
  BLUE = -3,
}

struct Empty {}

struct Scalars {
  1: bool flag,
  2: i8 tiny,
  3: i16 small,
  4: i32 number,
  5: i64 big,
  6: double ratio,
  7: string name,
  8: binary data,
  9: uuid id,
  10: Color color,
  11: common.Level level,
  12: common.Timestamp at,
}

struct Optionals {
  1: optional bool flag,
  2: optional i8 tiny,
  3: optional i16 small,
  4: optional i32 number,
  5: optional i64 big,
  6: optional double ratio,
  7: optional string name,
  8: optional binary data,
  9: optional uuid id,
  10: optional Color color,
  11: optional common.Point point,
  12: optional list<i32> numbers,
  13: optional set<string> words,
  14: optional map<string, i32> counts,
  15: optional Blob blob,
}

struct Containers {
  1: list<bool> bools,
  2: list<i8> bytes,
  3: list<i16> shorts,
  4: list<i32> ints,
  5: list<i64> longs,
  6: list<double> doubles,
  7: list<string> words,
  8: list<binary> blobs,
  9: list<uuid> ids,
  10: list<Color> colors,
  11: list<common.Point> points,
  12: list<list<bool>> grid,
  13: set<i64> longSet,
  14: set<common.Point> pointSet,
  15: set<list<i32>> listSet,
  16: set<Blob> blobSet,
  17: map<string, i32> counts,
  18: map<i32, string> names,
  19: map<Color, common.Point> byColor,
  20: map<binary, bool> byBlob,
  21: map<uuid, double> byID,
  22: map<bool, list<i64>> byFlag,
  23: map<double, i8> byRatio,
  24: map<string, map<i16, set<string>>> deep,
  25: Names aliased,
  26: Groups groups,
  27: list<Empty> nothings,
  28: map<i64, common.Point> byLong,
  29: list<map<string, list<Blob>>> deeper,
  // One Go type each, and headers of two wire types.
  30: list<list<Color>> colorLists,
  31: list<set<Color>> colorSets,
  32: map<string, list<Color>> colorListByWord,
  33: map<string, set<Color>> colorSetByWord,
}

// No Go map can stand for these.
struct Strange {
  1: map<list<i32>, string> byList,
  2: list<map<Node, i32>> byNode,
  3: map<common.Point, string> byPoint,
}

struct HoldsStrange {
  1: Strange strange,
  2: i32 number,
}

struct Presence {
  1: required i32 req,
  2: optional i32 opt,
  3: i32 plain,
  4: required i32 reqDefault = 4,
  5: optional i32 optDefault = 5,
  6: i32 plainDefault = 6,
  7: required common.Point reqPoint,
  8: required list<i32> reqList,
}

const i64 BIG = 5000000000
const double HALF = 0.5
const Color FAVOURITE = Color.LEAF
const string greeting = 'it is "quoted"'
const list<string> WORDS = ["a", "b"]
const map<string, list<string>> TABLE = {"one": WORDS, "two": WORDS}
const common.Point ORIGIN = {"x": 1}
const uuid ID = "00112233-4455-6677-8899-aabbccddeeff"
const binary BYTES = "bytes\n"
const map<list<i32>, string> STRANGE = {[1, 2]: "x"}

struct Defaults {
  1: bool flag = true,
  2: i8 tiny = -7,
  3: i64 big = BIG,
  4: double ratio = HALF,
  5: double minusZero = -0.0,
  6: string name = greeting,
  7: binary data = "bytes",
  8: Color color = Color.GREEN,
  9: optional Color optColor = Color.BLUE,
  10: list<i32> numbers = [1, 2, 3],
  11: set<string> words = ["a", "b", "a"],
  12: map<string, list<string>> table = TABLE,
  13: common.Point point = {"x": 3, "y": 4},
  14: Presence presence = {"req": 1, "reqPoint": ORIGIN, "reqList": []},
  15: uuid id = ID,
  16: optional string text = "given",
  17: map<common.Point, Color> byPoint = {ORIGIN: FAVOURITE},
  18: list<Presence> list = [{"req": 2, "opt": 3, "reqPoint": ORIGIN, "reqList": [7]}],
  19: common.Timestamp at = -1,
}

union Shape {
  1: common.Point point,
  2: double radius,
  3: string label = "none",
  4: list<Shape> many,
  5: bool flag,
  6: Empty nothing,
  7: Color color,
}

struct Node {
  1: i32 value,
  2: optional Node next,
  3: list<Node> children,
  4: optional map<string, Node> named,
  5: Shape shape,
}

// Ids that are far apart, go back, and are negative.
struct Steps {
  5: optional bool a,
  20: optional i32 b,
  36: bool c,
  2: optional i32 d,
  -7: optional bool e,
  8: i8 f,
  32767: optional bool g,
  -32768: bool h,
}

// More fields with defaults than fit in a word.
struct Wide {
  1: i32 f1 = 1, 2: i32 f2 = 2, 3: i32 f3 = 3, 4: i32 f4 = 4, 5: i32 f5 = 5, 6: i32 f6 = 6, 7: i32 f7 = 7, 8: i32 f8 = 8,
  9: i32 f9 = 9, 10: i32 f10 = 10, 11: i32 f11 = 11, 12: i32 f12 = 12, 13: i32 f13 = 13, 14: i32 f14 = 14, 15: i32 f15 = 15, 16: i32 f16 = 16,
  17: i32 f17 = 1, 18: i32 f18 = 2, 19: i32 f19 = 3, 20: i32 f20 = 4, 21: i32 f21 = 5, 22: i32 f22 = 6, 23: i32 f23 = 7, 24: i32 f24 = 8,
  25: i32 f25 = 1, 26: i32 f26 = 2, 27: i32 f27 = 3, 28: i32 f28 = 4, 29: i32 f29 = 5, 30: i32 f30 = 6, 31: i32 f31 = 7, 32: i32 f32 = 8,
  33: i32 f33 = 1, 34: i32 f34 = 2, 35: i32 f35 = 3, 36: i32 f36 = 4, 37: i32 f37 = 5, 38: i32 f38 = 6, 39: i32 f39 = 7, 40: i32 f40 = 8,
  41: i32 f41 = 1, 42: i32 f42 = 2, 43: i32 f43 = 3, 44: i32 f44 = 4, 45: i32 f45 = 5, 46: i32 f46 = 6, 47: i32 f47 = 7, 48: i32 f48 = 8,
  49: i32 f49 = 1, 50: i32 f50 = 2, 51: i32 f51 = 3, 52: i32 f52 = 4, 53: i32 f53 = 5, 54: i32 f54 = 6, 55: i32 f55 = 7, 56: i32 f56 = 8,
  57: i32 f57 = 1, 58: i32 f58 = 2, 59: i32 f59 = 3, 60: i32 f60 = 4, 61: i32 f61 = 5, 62: i32 f62 = 6, 63: i32 f63 = 7, 64: i32 f64 = 8,
  65: i32 f65 = 65, 66: required bool f66, 67: i32 f67 = 67,
}

// Names that Go or the generator has for something else.
struct odd_names {
  1: string type,
  2: string Type,
  3: string error,
  4: i32 _private,
  5: i32 unknown_fields,
  6: i32 user_id,
  7: i32 thrift_codec,
}

exception NotFound {
  1: string name,
  2: i32 code,
}

exception error {
  1: string error,
}

/** Everything that a service does. */
service Things extends common.Base {
  bool echoBool(1: bool v),
  i32 echoI32(1: i32 v = 7),
  string echo(1: string v),
  binary echoBinary(1: binary v),
  uuid echoUUID(1: uuid v),
  Color echoColor(1: Color v),
  common.Point echoPoint(1: common.Point v),
  list<i32> echoInts(1: list<i32> v),
  set<string> echoWords(1: set<string> v),
  map<string, i32> echoCounts(1: map<string, i32> v),
  Containers echoContainers(1: Containers v),
  HoldsStrange echoStrange(1: HoldsStrange v),
  map<list<i32>, string> echoByList(1: map<list<i32>, string> v),
  Shape echoShape(1: Shape v),
  Defaults echoDefaults(1: Defaults v),
  // Fails as asked.
  i32 fail(1: string kind) throws (1: NotFound missing, 2: common.Unavailable unavailable, 3: error error),
  void failVoid(1: string kind) throws (1: NotFound missing),
  string join(2: string ctx, 1: string type, 3: string result, 4: string call),
  void reset(),
}

service Nothing {}
service More extends Nothing {}
