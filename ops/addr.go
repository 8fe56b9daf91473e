package ops

import "net"

// addrText returns the address of a client. Those of unix sockets have none.
func addrText(a net.Addr) string {
	switch {
	case a == nil:
		return ""
	case a.Network() == "unix":
		return "unix"
	}
	return a.String()
}
