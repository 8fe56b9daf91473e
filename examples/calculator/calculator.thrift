/** A calculator that keeps a log: structs, enums, exceptions, extends and oneway. */
namespace * calculator

include "shared.thrift"

enum Operation {
  ADD = 1,
  SUBTRACT,
  MULTIPLY,
  DIVIDE,
}

struct Work {
  1: i32 left = 0,
  2: i32 right,
  3: Operation op,
  4: optional string comment,
}

exception InvalidOperation {
  1: Operation op,
  2: string why,
}

service Calculator extends shared.Log {
  void ping(),

  /** Does the work and writes the result into the log under the key. */
  i32 calculate(1: i32 key, 2: Work work) throws (1: InvalidOperation invalid),

  /** Forgets the log, without an answer. */
  oneway void clear(),
}
