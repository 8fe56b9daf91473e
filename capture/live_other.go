//go:build !linux

package capture

import "errors"

// A Live captures the packets of a network interface, on Linux only.
type Live struct{}

// ErrQuiet says that no packet came for a while; Next may be called again.
var ErrQuiet = errors.New("no packet yet")

// OpenLive returns errors.ErrUnsupported: this system is not Linux.
func OpenLive(string) (*Live, error) { return nil, errors.ErrUnsupported }

// Next returns errors.ErrUnsupported.
func (*Live) Next() (Packet, error) { return Packet{}, errors.ErrUnsupported }

// Dropped returns errors.ErrUnsupported.
func (*Live) Dropped() (int64, error) { return 0, errors.ErrUnsupported }

// Close does nothing.
func (*Live) Close() error { return nil }
