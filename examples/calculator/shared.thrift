/** What several services have in common. */
namespace * shared

/** One entry of a log. */
struct Entry {
  1: i32 key,
  2: string value,
}

/** Thrown when there is no entry with the key that was asked for. */
exception NotFound {
  1: i32 key,
}

service Log {
  Entry entry(1: i32 key) throws (1: NotFound missing),
}
