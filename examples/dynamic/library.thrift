enum Genre {
  NOVEL = 1,
  POETRY,
  SCIENCE,
}

struct Book {
  1: required string title,
  2: list<string> authors,
  3: Genre genre = Genre.NOVEL,
  4: optional i32 year,
}

exception NoSuchBook {
  1: string title,
}

service Library {
  void add(1: Book book),
  Book find(1: string title) throws (1: NoSuchBook missing),
  map<Genre, list<Book>> shelves(),
}
