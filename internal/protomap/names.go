package protomap

import (
	"strconv"
	"strings"

	"github.com/thriftkit/thriftkit/schema"
)

// Package returns the package of the definitions of f: "namespace proto", else "namespace *", else the
// name of the file.
func Package(f *schema.File) string {
	name := f.Namespace("proto")
	if name == "" {
		name = f.Name
	}
	parts := strings.Split(name, ".")
	for i := range parts {
		parts[i] = Ident(parts[i])
	}
	return strings.Join(parts, ".")
}

// Ident returns name as an identifier of proto3.
func Ident(name string) string {
	b := []byte(name)
	for i, c := range b {
		isDigit := c >= '0' && c <= '9'
		if c != '_' && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(isDigit && i > 0) {
			b[i] = '_'
		}
	}
	if len(b) == 0 {
		return "_"
	}
	return string(b)
}

// Camel returns name in the form of messages: get_user is GetUser. It is also what protoc makes of the name of
// a map field, with Entry after it.
func Camel(name string) string {
	var b strings.Builder
	upper := true
	for _, c := range []byte(Ident(name)) {
		switch {
		case c == '_':
			upper = true
			continue
		case upper && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		upper = false
		b.WriteByte(c)
	}
	return b.String()
}

// upperSnake returns name as a constant: HTTPStatus is HTTP_STATUS.
func upperSnake(name string) string {
	var b strings.Builder
	isLower := func(i int) bool { return i >= 0 && i < len(name) && name[i] >= 'a' && name[i] <= 'z' }
	isUpper := func(i int) bool { return i >= 0 && i < len(name) && name[i] >= 'A' && name[i] <= 'Z' }
	for i := range len(name) {
		if isUpper(i) && i > 0 && (isLower(i-1) || isUpper(i-1) && isLower(i+1) || name[i-1] >= '0' && name[i-1] <= '9') {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToUpper(name[i : i+1]))
	}
	return Ident(b.String())
}

// An EnumValue is a value of an enum of proto3.
type EnumValue struct {
	Name   string
	Number int32
	Schema *schema.EnumValue // nil for the zero value that proto3 wants and the schema lacks
}

// EnumValues returns the values of e, the one that is 0 first, and whether numbers repeat. The names of
// values share the scope of their enum: they begin with its name.
func EnumValues(e *schema.Enum) (values []EnumValue, alias bool) {
	prefix := upperSnake(e.Name) + "_"
	// Without the prefix, case and underscores the names of numbers that differ must differ: generated code drops them.
	numbers, plain := make(map[int32]bool), make(map[string]int32)
	taken := make(map[string]bool)
	add := func(name string, number int32, v *schema.EnumValue) EnumValue {
		if !strings.HasPrefix(name, prefix) || len(name) == len(prefix) {
			name = prefix + name
		}
		for i, whole := 2, name; ; i++ {
			p := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, prefix), "_", ""))
			if other, ok := plain[p]; !taken[name] && (!ok || other == number) {
				plain[p] = number
				break
			}
			name = whole + "_" + strconv.Itoa(i)
		}
		taken[name] = true
		alias = alias || numbers[number]
		numbers[number] = true
		return EnumValue{name, number, v}
	}
	values = make([]EnumValue, 1, len(e.Values)+1) // the first one is filled in when it is known
	for _, v := range e.Values {
		x := add(Ident(v.Name), v.Number, v)
		if v.Number == 0 && values[0].Name == "" {
			values[0] = x
		} else {
			values = append(values, x)
		}
	}
	if values[0].Name == "" {
		values[0] = add("UNSPECIFIED", 0, nil)
	}
	return values, alias
}

// requestAnnotation says, with the value "argument" on a method or a service, that the only argument of a
// method, a struct, is its request.
const requestAnnotation = "grpc.request"

// CodeAnnotation is the status code of an exception, such as NOT_FOUND.
const CodeAnnotation = "grpc.code"

// Request returns the struct that is the request of m itself: its only argument where it is annotated so, and what
// the client streams. nil means that the request has the arguments, or what is streamed, as its fields.
func Request(m *schema.Method) *schema.Struct {
	if t := m.ClientItem(); t != nil {
		if t.Kind == schema.KindStruct {
			return t.Struct
		}
		return nil
	}
	if len(m.Args.Fields) != 1 || m.Args.Fields[0].Type.Kind != schema.KindStruct {
		return nil
	}
	how, ok := m.Annotations.Get(requestAnnotation)
	if !ok {
		how, _ = m.Service.Annotations.Get(requestAnnotation)
	}
	if how != "argument" {
		return nil
	}
	return m.Args.Fields[0].Type.Struct
}

// The names of the field of a request or response that has a value of another type than a struct.
const (
	ItemField   = "item"   // of what the client streams
	ResultField = "result" // of results, and of what the server streams
)

// IsResponse reports whether the result of m is the response itself. Else the response has the result as its
// field 1, or nothing.
func IsResponse(m *schema.Method) bool { return m.Result.Kind == schema.KindStruct }

// Idempotency returns the idempotency_level of m, by the annotations that thriftkit's retries go by: NO_SIDE_EFFECTS for thriftkit.readonly
// and readonly, IDEMPOTENT for thriftkit.idempotent and idempotent; else "".
func Idempotency(m *schema.Method) string {
	for _, a := range m.Annotations {
		if a.Value != "true" && a.Value != "1" && a.Value != "" {
			continue
		}
		switch a.Name {
		case "thriftkit.readonly", "readonly":
			return "NO_SIDE_EFFECTS"
		case "thriftkit.idempotent", "idempotent":
			return "IDEMPOTENT"
		}
	}
	return ""
}

// Unmapped returns why m cannot be called over gRPC, "" if it can.
func Unmapped(m *schema.Method) string {
	switch {
	case m.First != nil:
		return "it has a response before its stream"
	case m.Item != nil && len(m.Args.Fields) > 0:
		return "it has " + strconv.Itoa(len(m.Args.Fields)) + " arguments before what the client streams"
	}
	return ""
}

// DefaultJSONName returns the name in JSON that protoc gives a field.
func DefaultJSONName(name string) string {
	var b strings.Builder
	upper := false
	for _, c := range []byte(name) {
		switch {
		case c == '_':
			upper = true
			continue
		case upper && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		upper = false
		b.WriteByte(c)
	}
	return b.String()
}
