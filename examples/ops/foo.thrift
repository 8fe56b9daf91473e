// The service of the tutorial.
service PingPong {
  /** Answers "pong". */
  string ping(),

  /** Greets a user who knows the password. */
  string login(1: string username, 2: string password),
}
