package announce

import (
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
)

// The keys of properties in metadata.
const (
	Scheme   = "thriftkit-scheme"
	Weight   = "thriftkit-weight"
	Priority = "thriftkit-priority"
	Zone     = "thriftkit-zone"
	Tags     = "thriftkit-tags" // with commas between them
	Started  = "thriftkit-started"
)

// Metadata returns the metadata of in with those of its properties that keys name, and its address without the scheme. The error says
// what cannot be kept.
func Metadata(in discovery.Instance, keys ...string) (host string, port int, metadata map[string]string, err error) {
	if err := in.Validate(); err != nil {
		return "", 0, nil, err
	}
	scheme, addr, ok := strings.Cut(in.Addr, "://")
	if !ok {
		scheme, addr = "", in.Addr
	}
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, nil, fmt.Errorf("instance %s: this registry keeps instances that have a host and a port", in.Addr)
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || n == 0 {
		return "", 0, nil, fmt.Errorf("instance %s: this registry wants the port as a number", in.Addr)
	}
	metadata = maps.Clone(in.Metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	for _, key := range keys {
		value := ""
		switch key {
		case Scheme:
			value = scheme
		case Weight:
			value = strconv.Itoa(in.EffectiveWeight())
		case Priority:
			if in.Priority != 0 {
				value = strconv.Itoa(in.Priority)
			}
		case Zone:
			value = in.Zone
		case Tags:
			for _, tag := range in.Tags {
				if strings.Contains(tag, ",") || tag == "" {
					return "", 0, nil, fmt.Errorf("instance %s: tag %q: this registry keeps tags that are neither empty nor have a comma", in.Addr, tag)
				}
			}
			value = strings.Join(in.Tags, ",")
		case Started:
			if !in.Started.IsZero() {
				value = in.Started.UTC().Format(time.RFC3339)
			}
		}
		if value != "" {
			metadata[key] = value
		}
	}
	return host, int(n), metadata, nil
}

// TakeMetadata sets properties of in to what its metadata have of them, which goes out of the metadata. The map of the metadata stays as it is.
func TakeMetadata(in *discovery.Instance) error {
	metadata := maps.Clone(in.Metadata)
	for key, value := range in.Metadata {
		var err error
		switch key {
		case Scheme:
			in.Addr = value + "://" + in.Addr
		case Weight:
			in.Weight, err = strconv.Atoi(value)
		case Priority:
			in.Priority, err = strconv.Atoi(value)
		case Zone:
			in.Zone = value
		case Tags:
			in.Tags = strings.Split(value, ",")
		case Started:
			in.Started, err = time.Parse(time.RFC3339, value)
		default:
			continue
		}
		if err != nil {
			return fmt.Errorf("metadata %s: %w", key, err)
		}
		delete(metadata, key)
	}
	if len(metadata) == 0 {
		metadata = nil
	}
	in.Metadata = metadata
	return nil
}
