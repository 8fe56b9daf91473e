/**
 * How a server hands out the schema of the services that it serves. A client that has nothing but
 * an address learns from it what may be called.
 *
 * The methods are found behind all others of the server, whatever service a call names. Their
 * names begin with thriftkit__, which is nobody else's.
 */

/** A file of IDL text. */
struct File {
  /** Unique among the files. Includes are written as paths from the common root of all files. */
  1: required string path,
  /**
   * What the file defines, with its comments: printed from the schema, not the text that somebody
   * wrote. Services that are neither served nor extended by one that is are left out.
   */
  2: required string text,
}

/** A service that is served. */
struct Served {
  /** The path of the file that defines it. */
  1: required string file,
  2: required string name,
}

struct Schema {
  /** All files that the services need, each behind those that it includes. */
  1: required list<File> files,
  /** In the order of registration: a method that several have is the first one's. */
  2: required list<Served> services,
}

service Reflection {
  Schema thriftkit__schema(),
}
