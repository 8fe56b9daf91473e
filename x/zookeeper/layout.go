package zookeeper

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-zookeeper/zk"
	"github.com/thriftkit/thriftkit/discovery"
)

// A Layout says what instances look like in ZooKeeper.
type Layout struct {
	folder func(service string) string // whose children are instances
	encode func(service string, in discovery.Instance) (name string, data []byte, err error)
	decode func(name string, data []byte) (discovery.Instance, error)
	named  bool // the names of nodes say all: there is no data to read
}

// errOther is the error of a node that is an instance, but none that is asked for.
var errOther = errors.New("the instance is for others")

// read reads an instance.
func (l *Layout) read(c *zk.Conn, folder, name string) (in discovery.Instance, err error) {
	var data []byte
	if !l.named {
		if data, _, err = c.Get(path.Join(folder, name)); err != nil {
			return in, err
		}
	}
	if in, err = l.decode(name, data); err == nil {
		err = in.Validate()
	}
	if err != nil && !errors.Is(err, errOther) {
		return in, &valueError{err}
	}
	return in, err
}

// thriftkit returns thriftkit's own layout.
func thriftkit(prefix string) *Layout {
	return &Layout{
		folder: func(service string) string { return prefix + "/" + service },
		encode: func(_ string, in discovery.Instance) (string, []byte, error) {
			data, err := json.Marshal(in)
			return url.PathEscape(in.Addr), data, err
		},
		decode: func(_ string, data []byte) (in discovery.Instance, err error) {
			return in, json.Unmarshal(data, &in)
		},
	}
}

// ProviderOptions say which providers of Dubbo or Motan are found, and what is said of one that registers. The zero value is right for most.
type ProviderOptions struct {
	// Root is the node above all others; "" means "/dubbo" or "/motan".
	Root string

	// Group and Version are those of the service. For Dubbo, "" finds all of them. For Motan, "" means its defaults, "default_rpc" and "1.0".
	Group, Version string
}

// Dubbo returns the layout of Dubbo's registry by interfaces: the nodes "/dubbo/INTERFACE/providers/URL", with URL escaped. A service is named by
// its Java interface, such as com.acme.Shop. The addresses of what is found are targets, such as dubbo://10.0.0.1:20880; providers of
// other protocols and those that are disabled are left out. What parameters say that is not Dubbo's own is metadata of the instance, and the
// reverse; priorities, zones and tags are not stored.
//
// Dubbo 3 looks for applications as well, which are not registered: its consumers find interfaces unless they have migration.step=FORCE_APPLICATION.
func Dubbo(o ProviderOptions) *Layout {
	const protocol = "dubbo"
	root := cmp.Or(strings.TrimSuffix(o.Root, "/"), "/dubbo")
	return &Layout{
		named:  true,
		folder: func(service string) string { return root + "/" + url.QueryEscape(service) + "/providers" },
		encode: func(service string, in discovery.Instance) (string, []byte, error) {
			addr, err := hostPort(in, protocol)
			if err != nil {
				return "", nil, err
			}
			q := parameters(in)
			// The last two are what consumers choose the serialization by, Dubbo 3 and others.
			for k, v := range map[string]string{"interface": service, "category": "providers", "side": "provider", "dubbo": "2.0.2", "serialization": "hessian2", "prefer.serialization": "hessian2"} {
				q.Set(k, v)
			}
			if o.Group != "" {
				q.Set("group", o.Group)
			}
			if o.Version != "" {
				q.Set("version", o.Version)
			}
			return url.QueryEscape(protocol + "://" + addr + "/" + service + "?" + q.Encode()), nil, nil
		},
		decode: func(name string, _ []byte) (in discovery.Instance, err error) {
			text, err := url.QueryUnescape(name)
			if err != nil {
				return in, err
			}
			u, err := url.Parse(text)
			if err != nil {
				return in, err
			}
			q := u.Query()
			if u.Scheme != protocol || q.Get("enabled") == "false" || q.Get("disabled") == "true" ||
				o.Group != "" && o.Group != "*" && q.Get("group") != o.Group || o.Version != "" && o.Version != "*" && q.Get("version") != o.Version {
				return in, errOther
			}
			return instance(protocol, u.Host, q)
		},
	}
}

// Motan returns the layout of Motan's registry for ZooKeeper: the nodes "/motan/GROUP/SERVICE/server/ADDR", whose data are URLs, serialized as Java
// does it. A service is named by its path, that of a Java interface such as com.acme.Shop. The addresses of what is found are targets, such
// as motan2://10.0.0.1:8100; servers of the first version of the protocol are left out. What parameters say that is not Motan's own is metadata of
// the instance, and the reverse; the parameter serialization is hessian2, or what the metadata serialization says. Priorities, zones and tags are not stored.
func Motan(o ProviderOptions) *Layout {
	const protocol = "motan2"
	root, group, version := cmp.Or(strings.TrimSuffix(o.Root, "/"), "/motan"), cmp.Or(o.Group, "default_rpc"), cmp.Or(o.Version, "1.0")
	return &Layout{
		folder: func(service string) string { return root + "/" + group + "/" + service + "/server" },
		encode: func(service string, in discovery.Instance) (string, []byte, error) {
			addr, err := hostPort(in, protocol)
			if err != nil {
				return "", nil, err
			}
			q := parameters(in)
			q.Set("nodeType", "service")
			q.Set("version", version)
			q.Set("serialization", cmp.Or(in.Metadata["serialization"], "hessian2"))
			text := protocol + "://" + addr + "/" + service + "?group=" + group
			var keys []string
			for k := range q {
				keys = append(keys, k)
			}
			slices.Sort(keys)
			for _, k := range keys { // Motan escapes nothing
				if strings.ContainsAny(k+q.Get(k), "=&?\x00") || strings.ContainsFunc(k+q.Get(k), func(r rune) bool { return r > 0xffff }) {
					return "", nil, fmt.Errorf("metadata %.60q: %.60q: Motan's registry carries neither =, & and ? nor characters above U+FFFF", k, q.Get(k))
				}
				text += "&" + k + "=" + q.Get(k)
			}
			data, err := javaString(text)
			return addr, data, err
		},
		decode: func(name string, data []byte) (in discovery.Instance, err error) {
			text := motanText(data)
			if text == "" { // all that Motan knows is the address
				return instance(protocol, name, nil)
			}
			head, tail, _ := strings.Cut(text, "?")
			u, err := url.Parse(head)
			if err != nil {
				return in, err
			}
			q := url.Values{}
			for pair := range strings.SplitSeq(tail, "&") {
				if k, v, ok := strings.Cut(pair, "="); ok {
					q.Set(k, v)
				}
			}
			if v := q.Get("version"); u.Scheme != protocol || v != "" && v != version {
				return in, errOther
			}
			return instance(protocol, u.Host, q)
		},
	}
}

// What Java's serialization of a string begins with, before its length (Java Object Serialization Specification, section 6.4).
const (
	javaShortString = "\xac\xed\x00\x05t" // 2 bytes of length
	javaLongString  = "\xac\xed\x00\x05|" // 8 bytes
)

// javaString returns a string as Java serializes it, which all clients of Motan read, and those for Java want unless they say otherwise.
func javaString(s string) ([]byte, error) {
	if len(s) > math.MaxUint16 {
		return nil, fmt.Errorf("the URL has %d bytes, Motan's registry carries %d", len(s), math.MaxUint16)
	}
	return append(binary.BigEndian.AppendUint16([]byte(javaShortString), uint16(len(s))), s...), nil
}

// motanText returns the data of a node of Motan, a string with or without Java's serialization.
func motanText(data []byte) string {
	s := string(data)
	if rest, ok := strings.CutPrefix(s, javaShortString); ok && len(rest) >= 2 {
		return rest[2:]
	}
	if rest, ok := strings.CutPrefix(s, javaLongString); ok && len(rest) >= 8 {
		return rest[8:]
	}
	return s
}

// hostPort returns the address of an instance that is reached by a protocol.
func hostPort(in discovery.Instance, protocol string) (string, error) {
	addr := strings.TrimPrefix(in.Addr, protocol+"://")
	if _, _, err := net.SplitHostPort(addr); err != nil || strings.Contains(addr, "/") {
		return "", fmt.Errorf("instance %q: want host:port or %s://host:port", in.Addr, protocol)
	}
	return addr, nil
}

// own are the parameters of the URLs of both frameworks that are not metadata.
var own = map[string]bool{
	"interface": true, "category": true, "side": true, "dubbo": true, "group": true, "version": true, "weight": true, "enabled": true, "disabled": true,
	"nodeType": true, "protocol": true, "transport": true, "path": true, "methods": true, "prefer.serialization": true, "serialization": true,
	"service": true, "compression": true, // these are keys of targets here
}

// parameters returns what the URL of an instance says of it.
func parameters(in discovery.Instance) url.Values {
	q := url.Values{}
	for k, v := range in.Metadata {
		if !own[k] {
			q.Set(k, v)
		}
	}
	if in.Weight > 0 {
		q.Set("weight", strconv.Itoa(in.Weight))
	}
	return q
}

// instance returns the instance at an address of which a URL says q.
func instance(protocol, addr string, q url.Values) (in discovery.Instance, err error) {
	if _, _, err := net.SplitHostPort(addr); err != nil {
		return in, err
	}
	in.Addr = protocol + "://" + addr
	if text := q.Get("weight"); text != "" {
		if in.Weight, err = strconv.Atoi(text); err != nil {
			return in, fmt.Errorf("the weight is no number: %.60q", text)
		}
		in.Weight = min(max(0, in.Weight), discovery.MaxWeight)
	}
	for k := range q {
		if !own[k] {
			if in.Metadata == nil {
				in.Metadata = make(map[string]string)
			}
			in.Metadata[k] = q.Get(k)
		}
	}
	return in, nil
}
