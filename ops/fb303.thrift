// The part of Facebook's fb303.thrift that tells the status of a server.

enum fb_status {
  DEAD = 0
  STARTING = 1
  ALIVE = 2
  STOPPING = 3
  STOPPED = 4
  WARNING = 5
}

service FacebookService {
  fb_status getStatus()
}
