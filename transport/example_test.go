package transport_test

import (
	"fmt"

	"github.com/thriftkit/thriftkit/transport"
)

func ExampleParseTarget() {
	t, err := transport.ParseTarget("tcp://localhost:9000?protocol=compact&transport=framed")
	fmt.Println(t.Network, t.Address, t.Protocol, t.Framing, err)
	_, err = transport.ParseTarget("localhost:9000?transprot=framed")
	fmt.Println(err)
	// Output:
	// tcp localhost:9000 compact framed <nil>
	// target "localhost:9000?transprot=framed": unknown key "transprot" (known: compression, protocol, service, transport)
}
