// The registry of thriftkit: servers register instances of services under leases, clients list and watch them.

namespace go registry

/** An instance of a service. */
struct Instance {
  /** host:port, or a target without keys. It tells the instances of a service apart. */
  1: string addr
  /** 0 is 100. */
  2: i32 weight
  /** Instances with a higher number take calls only when none with a lower one is available. */
  3: i32 priority
  4: string zone
  5: list<string> tags
  6: map<string, string> metadata
  /** When it began to serve, in milliseconds since 1970; 0 is unknown. */
  7: i64 started_ms
}

struct Lease {
  1: i64 id
  /** After which the instance is removed, unless keepAlive is called before. */
  2: i64 ttl_ms
}

struct Listing {
  /** Of the registry's data: where it differs, revisions cannot be compared. */
  1: i64 epoch
  /** For watch. */
  2: i64 revision
  3: list<Instance> instances
}

struct Change {
  1: i64 revision
  /** Of an instance that was removed only addr is set. */
  2: Instance instance
  3: bool removed
}

struct Changes {
  /** For the next watch. */
  1: i64 revision
  2: list<Change> changes
}

/** The arguments are wrong: another attempt has the same answer. */
exception Invalid {
  1: string message
}

/** There is no such lease any more: register again. */
exception NoLease {
  1: i64 id
}

/** The changes after a revision are not known any more: list again. */
exception Compacted {
  1: i64 revision
}

service Registry {
  /** Adds an instance, or replaces the one with its addr, and its lease. A ttl_ms of 0 is 10 seconds. */
  Lease register(1: string service, 2: Instance instance, 3: i64 ttl_ms) throws (1: Invalid invalid) (thriftkit.idempotent = "true")

  /** Makes a lease last for its ttl_ms from now. */
  void keepAlive(1: i64 lease) throws (1: NoLease noLease) (thriftkit.idempotent = "true")

  /** Ends a lease and removes its instance. A lease that has ended is no error. */
  void release(1: i64 lease) (thriftkit.idempotent = "true")

  /** Removes the instance with an addr, whoever registered it, and says whether there was one. */
  bool deregister(1: string service, 2: string addr) (thriftkit.idempotent = "true")

  Listing instances(1: string service) (thriftkit.readonly = "true")

  /** Waits for changes after a revision for at most wait_ms, up to 30 seconds, and returns them; none if there were none. */
  Changes watch(1: string service, 2: i64 epoch, 3: i64 revision, 4: i64 wait_ms) throws (1: Compacted compacted) (thriftkit.readonly = "true")

  /** The names of the services that have instances, with how many. */
  map<string, i32> services() (thriftkit.readonly = "true")
}
