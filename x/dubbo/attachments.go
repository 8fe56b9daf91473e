package dubbo

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/wire/hessian2"
)

// The names of attachments that are not metadata.
const (
	keyPath      = "path"
	keyInterface = "interface"
	keyVersion   = "version"
	keyGroup     = "group"
	keyTimeout   = "timeout"
	keyGeneric   = "generic"
	keyDubbo     = "dubbo"
)

var reserved = map[string]bool{keyPath: true, keyInterface: true, keyVersion: true, keyGroup: true, keyTimeout: true, keyGeneric: true, keyDubbo: true}

// persistentPrefix is before the names of metadata that a server passes on.
const persistentPrefix = "rpc-persist-"

// attachments returns what the value of an attachments map says, as texts.
func attachments(v any) (map[string]string, error) {
	if v == nil {
		return nil, nil
	}
	m, ok := v.(*hessian2.Map)
	if !ok {
		return nil, fmt.Errorf("the attachments are no map")
	}
	out := make(map[string]string, len(m.Entries))
	for _, e := range m.Entries {
		key, ok := e.Key.(string)
		if !ok {
			return nil, fmt.Errorf("an attachment whose name is no string")
		}
		if e.Value != nil {
			out[key] = text(e.Value)
		}
	}
	return out, nil
}

// text returns a value as metadata has it: JSON where it is neither a string nor a list of strings.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case *hessian2.List:
		return text(v.Items)
	case []any:
		var parts []string
		for _, x := range v {
			s, ok := x.(string)
			if !ok {
				return asJSON(v)
			}
			parts = append(parts, s)
		}
		return strings.Join(parts, ",")
	}
	return asJSON(v)
}

func asJSON(v any) string {
	b, err := json.Marshal(plain(v))
	if err != nil { // a number that JSON lacks
		return fmt.Sprint(v)
	}
	return string(b)
}

// plain returns a value as encoding/json takes it.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = plain(x)
		}
		return list
	case *hessian2.List:
		return plain(v.Items)
	case *hessian2.Map:
		m := make(map[string]any, len(v.Entries))
		for _, e := range v.Entries {
			m[text(e.Key)] = plain(e.Value)
		}
		return m
	case *hessian2.Object:
		m := make(map[string]any, len(v.Fields))
		for _, f := range v.Fields {
			m[f.Name] = plain(f.Value)
		}
		return m
	case time.Time:
		return v.Format(time.RFC3339Nano)
	}
	return v
}

// split returns the metadata among attachments.
func split(all map[string]string) (md, persistent map[string]string) {
	for k, v := range all {
		if reserved[k] {
			continue
		}
		to := &md
		if name, ok := strings.CutPrefix(k, persistentPrefix); ok {
			k, to = name, &persistent
		}
		if *to == nil {
			*to = make(map[string]string)
		}
		(*to)[k] = v
	}
	return md, persistent
}

// timeoutOf returns how long a caller waits, 0 if the attachments do not say.
func timeoutOf(all map[string]string) time.Duration {
	ms, err := strconv.ParseInt(all[keyTimeout], 10, 64)
	if err != nil || ms <= 0 || ms > int64(time.Duration(1<<63-1)/time.Millisecond) {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// takesAttachments reports whether a caller that has a version reads attachments of responses: from 2.0.2 on, as Dubbo has it. Releases
// 2.0.10 to 2.6.2, and those of the fork 2.8, said who they were in its place, and do not read them.
func takesAttachments(version string) bool {
	var n [3]int
	parts := strings.SplitN(version, ".", 4)
	if len(parts) < 3 {
		return false
	}
	for i := range n {
		var err error
		if n[i], err = strconv.Atoi(parts[i]); err != nil || n[i] < 0 || n[i] > 999 {
			return false
		}
	}
	at := n[0]*1_000_000 + n[1]*1_000 + n[2]
	return at >= 2_000_002 && (at < 2_000_010 || at > 2_006_002) && !(n[0] == 2 && n[1] == 8)
}
