namespace go pingpong

/** Greets. */
service PingPong {
  string ping(),

  /** Greets a user who knows the password. */
  string login(1: string username, 2: string password) throws (1: Denied denied),
}

/** Thrown to those who do not know the password. */
exception Denied {
  1: string username,
}
