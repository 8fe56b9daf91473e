// What Kitex has beside plain calls.
namespace * kitex

include "conformance.thrift"
include "shared/shared.thrift"

// What came with a call.
struct Seen {
  1: map<string, string> metadata, // transient and persistent
  2: i64 timeoutMs, // until the deadline; 0 for none
  3: optional i32 asleep, // calls of sleep that are under way, if the server counts them
}

struct Failure {
  1: i32 code,
  2: string message,
  3: map<string, string> extra,
}

service Headers {
  // Answers what came with the call. The names and values of back go with the reply.
  Seen see(1: map<string, string> back),

  // Calls see of the server at an address, with TTHeader, and answers what that does.
  Seen relay(1: string address),

  // Fails with a business error.
  Failure refuse(1: Failure failure),

  // Answers after so many milliseconds, unless the caller has given up by then.
  void sleep(1: i32 ms),
}

// The methods of Conformance that Kitex can call and serve without generated code: they have one argument, and no structs are keys.
service Generic {
  bool echoBool(1: bool v),
  byte echoByte(1: byte v),
  i8 echoI8(1: i8 v),
  i16 echoI16(1: i16 v),
  i32 echoI32(1: i32 v),
  i64 echoI64(1: i64 v),
  double echoDouble(1: double v),
  string echoString(1: string v),
  binary echoBinary(1: binary v),
  conformance.Color echoColor(1: conformance.Color v),
  shared.Timestamp echoTimestamp(1: shared.Timestamp v),
  list<bool> echoBools(1: list<bool> v),
  list<i32> echoInts(1: list<i32> v),
  conformance.Names echoNames(1: conformance.Names v),
  list<conformance.Item> echoItems(1: list<conformance.Item> v),
  list<list<i32>> echoMatrix(1: list<list<i32>> v),
  set<i32> echoIntSet(1: set<i32> v),
  set<string> echoStringSet(1: set<string> v),
  map<i32, string> echoIntToString(1: map<i32, string> v),
  map<string, list<conformance.Item>> echoStringToItems(1: map<string, list<conformance.Item>> v),
  map<string, map<i32, set<string>>> echoDeep(1: map<string, map<i32, set<string>>> v),
  conformance.Empty echoEmpty(1: conformance.Empty v),
  conformance.Item echoItem(1: conformance.Item v),
  conformance.Choice echoChoice(1: conformance.Choice v),
  conformance.Scrambled echoScrambled(1: conformance.Scrambled v),
  conformance.Sparse echoSparse(1: conformance.Sparse v),
  conformance.Presence echoPresence(1: conformance.Presence v),
  conformance.Tree echoTree(1: conformance.Tree v),
  conformance.Chain echoChain(1: conformance.Chain v),
  conformance.Person echoPerson(1: conformance.Person v),
  string describeScrambled(1: conformance.Scrambled v),
  void fail(1: string kind) throws (
    1: conformance.DivisionByZero zero,
    2: conformance.InvalidInput invalid,
    3: shared.Unavailable unavailable,
  ),
}
