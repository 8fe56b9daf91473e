namespace * book.v1

enum Genre {
  POEM = 1
  NOVEL = 2
}

// A book that somebody wrote.
struct Book {
  1: string title
  // When it came out.
  2: optional i32 year
  3: Genre genre
  4: map<string, i64> copies
  5: list<string> authors
}

exception NoBook {
  1: string title
} (grpc.code = "NOT_FOUND")

// What there is to read.
service Library {
  // Finds a book by its title.
  Book find(1: string title) throws (1: NoBook no)
  i32 store(1: list<Book> books)
  Book all() (streaming.mode = "server")
}
