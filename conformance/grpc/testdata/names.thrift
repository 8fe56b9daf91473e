include "names_base.thrift"

namespace * names.v1

// Names that mean something else in protobuf, or in another scope of it.
struct string_ { 1: string value, 2: i32 string_value }

struct message { 1: message message, 2: optional i32 option }

struct names { 1: list<list<i32>> Inner, 2: InnerList other, 3: names_base.Inner base, 4: v1 v }

struct v1 { 1: i32 a_b, 2: i32 aB, 3: i32 _c, 4: i32 D }

struct InnerList { 1: i32 n }

struct HTTPStatus2Code { 1: Kind2XX kind }

enum Kind2XX { KIND2_XX_A, B }

service Names extends names_base.Base {
  names get(1: map<InnerList, list<names>> by, 2: map<string, map<string, v1>> deep),
  void get_more(1: names_base.Kind kind = names_base.Kind.GOOD) throws (1: names_base.Failed failed),
}
