package msgio

import "fmt"

// MaxDatagram is how many bytes of a message fit a datagram of UDP over IPv4: 65,535 less the headers of both (RFC 768, RFC 791).
const MaxDatagram = 65_535 - 20 - 8

// DatagramTooLarge is the error for a message of our own that does not fit a datagram.
func DatagramTooLarge(n int) error {
	return fmt.Errorf("message of %d bytes does not fit a datagram, which has %d at most", n, MaxDatagram)
}
