namespace * names.base.v1

enum Kind { GOOD = 5 }

struct Inner { 1: Kind kind }

exception Failed { 1: Inner inner }

service Base {
  Inner inner(1: Inner inner),
}
