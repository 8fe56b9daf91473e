// Whether a server wants calls. Every server of thriftkit with ops.Health answers it beside its own services.

namespace * thriftkit.health

/** As in the GRPC Health Checking Protocol. */
enum ServingStatus {
  UNKNOWN = 0
  SERVING = 1
  NOT_SERVING = 2
  SERVICE_UNKNOWN = 3
}

struct HealthStatus {
  1: required ServingStatus status
  /** Why the server does not want calls; empty if it does. */
  2: list<string> reasons
}

service Health {
  /** The status of a service of this server; of the server as a whole if the name is empty. */
  HealthStatus checkHealth(1: string service)
}
