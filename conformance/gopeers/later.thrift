// Conformance as a later version of its IDL may have it: what a server of the older one does not know.
namespace * later

include "conformance.thrift"

struct Item {
  50: map<string, list<bool>> flags,
  1: string name,
  2: double count, // of another type
  3: optional double price,
  51: list<conformance.Choice> choices,
  52: binary bytes,
  53: set<i64> numbers,
  54: i16 short,
}

service Later {
  string unheardOf(1: string a, 2: list<map<i32, string>> b),
  oneway void unheardOneway(1: string a),
  conformance.Item echoItem(1: Item v, 7: i64 more),
}
