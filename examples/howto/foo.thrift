struct Order {
  1: required string id,
  2: list<string> items,
}

exception SoldOut {
  1: string item,
}

service Shop {
  /** Answers "pong". */
  string ping() (thriftkit.readonly),

  /** Returns the id of the order. */
  string order(1: Order order) throws (1: SoldOut soldOut),

  /** Says how many orders there are. */
  i32 count() (thriftkit.readonly),
}
