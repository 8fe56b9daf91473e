// The service that every peer implements and every client calls. It uses each feature of the
// language that all of the peers know; uuid, which some do not, is not among them.
//
// Methods that answer what the server saw do so in one text form, the same in every language:
//
//   bool              true, false
//   integer, enum     decimal number
//   double            the 16 hexadecimal digits of its IEEE 754 bits; nan
//   string            in double quotes; a backslash stands before " and \, nothing else is escaped
//   binary            x'…' with two hexadecimal digits a byte
//   list              [a,b]
//   set               {a,b} sorted by the bytes of the elements' text
//   map               {k:v,k:v} sorted by the bytes of the keys' text
//   struct, union     Name{field=value,field=value}: the fields that are present, as declared
namespace * conformance

include "shared/shared.thrift"

typedef i32 UserID
typedef list<string> Names
typedef map<string, Names> Groups

enum Color {
  RED,
  GREEN = 5,
  BLUE,
  NEGATIVE = -3,
}

struct Empty {
}

struct Item {
  1: string name,
  2: i32 count,
  3: optional double price,
}

// Exactly one field is set.
union Choice {
  1: i32 number,
  2: string text,
  3: shared.Point point,
  4: list<Choice> many,
  5: bool flag,
  6: Empty nothing,
}

struct AllTypes {
  1: bool aBool,
  2: byte aByte,
  3: i8 anI8,
  4: i16 anI16,
  5: i32 anI32,
  6: i64 anI64,
  7: double aDouble,
  8: string aString,
  9: binary aBinary,
  10: Color color,
  11: shared.Level level,
  12: shared.Timestamp timestamp,
  13: UserID user,
  14: Item item,
  15: Choice choice,
  20: list<bool> bools,
  21: list<byte> bytes,
  22: list<i16> shorts,
  23: list<i32> ints,
  24: list<i64> longs,
  25: list<double> doubles,
  26: list<string> strings,
  27: list<binary> binaries,
  28: list<Color> colors,
  29: list<Item> items,
  30: list<list<i32>> matrix,
  40: set<i32> intSet,
  41: set<string> stringSet,
  42: set<shared.Point> pointSet,
  50: map<i32, string> intToString,
  51: map<string, i64> stringToLong,
  52: map<bool, byte> boolToByte,
  53: map<Color, Item> colorToItem,
  54: map<string, list<Item>> stringToItems,
  55: map<shared.Point, string> pointToString,
  56: map<string, map<i32, set<string>>> deep,
  57: list<map<string, list<list<binary>>>> deeper,
  60: Names names,
  61: Groups groups,
  70: optional Empty empty,
}

// Declared in another order than that of the ids.
struct Scrambled {
  30: string last,
  10: i32 first,
  20: optional double middle,
  5: required bool zeroth,
}

// Ids far apart.
struct Sparse {
  1: i32 one,
  17: i32 seventeen,
  300: string threeHundred,
  32767: optional bool most,
}

// What is present and what is not, without defaults in between.
struct Presence {
  1: required i32 requiredInt,
  2: i32 plainInt,
  3: optional i32 optionalInt,
  4: required string requiredString,
  5: string plainString,
  6: optional string optionalString,
  7: optional bool optionalBool,
  8: optional double optionalDouble,
  9: optional binary optionalBinary,
  10: optional list<i32> optionalList,
  11: optional set<string> optionalSet,
  12: optional map<string, i32> optionalMap,
  13: optional shared.Point optionalPoint,
  14: optional Color optionalColor,
  15: list<i32> plainList,
  16: shared.Point plainPoint,
}

const i64 BIG = 5000000000
const string GREETING = "hello"

struct Defaults {
  1: bool aBool = true,
  2: byte aByte = -7,
  3: i16 anI16 = 300,
  4: i32 anI32 = 0x7F,
  5: i64 anI64 = BIG,
  6: double aDouble = 1.5,
  7: string aString = 'it is "quoted"',
  8: binary aBinary = "bytes",
  9: Color color = Color.GREEN,
  10: shared.Level level = shared.Level.HIGH,
  11: list<i32> aList = [1, 2, 3],
  12: set<string> aSet = ["a", "b"],
  13: map<string, i32> aMap = {"one": 1, "two": 2},
  14: map<string, list<i32>> nested = {"odd": [1, 3], "none": []},
  15: shared.Point point = {"x": 3, "y": 4},
  16: i32 answer = shared.ANSWER,
  17: string greeting = GREETING,
  18: optional i32 optionalInt = 11,
  19: optional string optionalString = "given",
  20: required i32 requiredInt = 12,
  21: optional i32 withoutDefault,
  22: double whole = 2,
  23: shared.Timestamp timestamp = -1,
}

struct Tree {
  1: string name,
  2: optional list<Tree> children,
  3: optional map<string, Tree> named,
}

struct Chain {
  1: i32 value,
  2: optional Chain rest,
}

struct Person {
  1: string name,
  2: optional Company employer,
}

struct Company {
  1: string name,
  2: list<Person> staff,
}

exception DivisionByZero {
  1: i32 dividend,
}

exception InvalidInput {
  1: string field,
  2: i32 code,
  3: list<string> hints,
}

service Conformance extends shared.Base {
  // Every echo answers its argument.
  bool echoBool(1: bool v),
  byte echoByte(1: byte v),
  i8 echoI8(1: i8 v),
  i16 echoI16(1: i16 v),
  i32 echoI32(1: i32 v),
  i64 echoI64(1: i64 v),
  double echoDouble(1: double v),
  string echoString(1: string v),
  binary echoBinary(1: binary v),
  Color echoColor(1: Color v),
  shared.Level echoLevel(1: shared.Level v),
  shared.Timestamp echoTimestamp(1: shared.Timestamp v),
  UserID echoUserID(1: UserID v),
  list<bool> echoBools(1: list<bool> v),
  list<i32> echoInts(1: list<i32> v),
  Names echoNames(1: Names v),
  list<Item> echoItems(1: list<Item> v),
  list<list<i32>> echoMatrix(1: list<list<i32>> v),
  set<i32> echoIntSet(1: set<i32> v),
  set<string> echoStringSet(1: set<string> v),
  map<i32, string> echoIntToString(1: map<i32, string> v),
  map<string, list<Item>> echoStringToItems(1: map<string, list<Item>> v),
  map<shared.Point, string> echoPointToString(1: map<shared.Point, string> v),
  map<string, map<i32, set<string>>> echoDeep(1: map<string, map<i32, set<string>>> v),
  Empty echoEmpty(1: Empty v),
  Item echoItem(1: Item v),
  Choice echoChoice(1: Choice v),
  AllTypes echoAll(1: AllTypes v),
  Scrambled echoScrambled(1: Scrambled v),
  Sparse echoSparse(1: Sparse v),
  Presence echoPresence(1: Presence v),
  Defaults echoDefaults(1: Defaults v),
  Tree echoTree(1: Tree v),
  Chain echoChain(1: Chain v),
  Person echoPerson(1: Person v),

  // Answer the text of what the server saw.
  string describeAll(1: AllTypes v),
  string describeScrambled(1: Scrambled v),
  string describeChoice(1: Choice v),
  string describePresence(1: Presence v),
  string describeDefaults(1: Defaults v),

  // Answers a Defaults in which the server sets nothing.
  Defaults newDefaults(),

  // Answers a, b and c with hyphens between: arguments go by their declaration, not by their ids.
  string order(3: string a, 1: string b, 2: string c),

  // Answers "NAME*TIMES@LEVEL" with the level's number.
  string greet(1: string name = "world", 2: i32 times = 1, 3: shared.Level level = shared.Level.MIDDLE),

  // Names that are words of a programming language. Answers the three joined by hyphens.
  string select(1: string type, 2: string range, 3: string func),

  // Answers nothing, not even a result.
  shared.Point absent(),

  // Answers a/b, rounded towards zero. Throws DivisionByZero(a) if b is 0, and
  // InvalidInput("b", -1, ["b >= 0", "try again"]) if b is negative.
  i32 divide(1: i32 a, 2: i32 b) throws (1: DivisionByZero zero, 2: InvalidInput invalid),

  // Fails as asked: "zero" throws DivisionByZero(7), "invalid" throws InvalidInput("kind", 3, []),
  // "unavailable" throws Unavailable("closed") without a retryAfterMs, "application" answers
  // an application exception of type 7 (PROTOCOL_ERROR) with the message "as asked",
  // "undeclared" fails with an error that the method does not declare. All else succeeds.
  void fail(1: string kind) throws (
    1: DivisionByZero zero,
    2: InvalidInput invalid,
    3: shared.Unavailable unavailable,
  ),

  // Counts tokens: notified answers how many times notify came with the token.
  oneway void notify(1: string token),
  i32 notified(1: string token),

  // Answers after so many milliseconds.
  void sleep(1: i32 ms),
}
