// Package javamap says which Java types stand for the types of a schema, where programs of Java call or are called: names of
// classes, fields and descriptors of parameters. docs/dubbo.md is the specification.
package javamap

import (
	"strings"
	"unicode"

	"github.com/thriftkit/thriftkit/schema"
)

// The annotations.
const (
	// ClassAnnotation names the Java class of a struct, exception or enum, or the Java interface of a service; "" says that there is none.
	ClassAnnotation = "java.class"
	// NameAnnotation names the field of the Java class.
	NameAnnotation = "java.name"
)

// Class returns the full name of the Java class of a struct: what its annotation says, else its name in the file's
// namespace for Java; "" if there is neither, and values travel as maps.
func Class(s *schema.Struct) string { return className(s.Annotations, s.File, s.Name) }

// EnumClass is Class for an enum; without a class values travel as names.
func EnumClass(e *schema.Enum) string { return className(e.Annotations, e.File, e.Name) }

// Interface returns the full name of the Java interface of a service; without namespace and annotation its name alone.
func Interface(s *schema.Service) string {
	if name := className(s.Annotations, s.File, s.Name); name != "" {
		return name
	}
	return s.Name
}

func className(annotations schema.Annotations, f *schema.File, name string) string {
	if class, ok := annotations.Get(ClassAnnotation); ok {
		return class
	}
	if f == nil {
		return ""
	}
	if ns := f.Namespace("java"); ns != "" {
		return ns + "." + name
	}
	return ""
}

// SimpleName returns a class name without its package.
func SimpleName(class string) string { return class[strings.LastIndexByte(class, '.')+1:] }

// FieldName returns the name of a field in its Java class.
func FieldName(f *schema.Field) string {
	if name, ok := f.Annotations.Get(NameAnnotation); ok && name != "" {
		return name
	}
	return f.Name
}

// Fold returns what names have in common that are the same, ignoring case and underscores.
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// Primitive descriptors, by kind.
var descriptors = map[schema.Kind]string{
	schema.KindVoid: "V", schema.KindBool: "Z", schema.KindI8: "B", schema.KindI16: "S", schema.KindI32: "I", schema.KindI64: "J",
	schema.KindDouble: "D", schema.KindString: "Ljava/lang/String;", schema.KindBinary: "[B", schema.KindUUID: "Ljava/util/UUID;",
	schema.KindList: "Ljava/util/List;", schema.KindSet: "Ljava/util/Set;", schema.KindMap: "Ljava/util/Map;",
}

// Descriptor returns the descriptor of the Java type of parameters of type t (The Java Virtual Machine Specification, 4.3.2).
func Descriptor(t *schema.Type) string {
	var class string
	switch t.Kind {
	case schema.KindStruct:
		if class = Class(t.Struct); class == "" {
			return descriptors[schema.KindMap]
		}
	case schema.KindEnum:
		if class = EnumClass(t.Enum); class == "" {
			return descriptors[schema.KindString]
		}
	default:
		return descriptors[t.Kind]
	}
	return "L" + strings.ReplaceAll(class, ".", "/") + ";"
}

// Descriptors returns those of all parameters of a method, as Dubbo has them.
func Descriptors(m *schema.Method) string {
	var b strings.Builder
	for _, f := range m.Args.Fields {
		b.WriteString(Descriptor(f.Type))
	}
	return b.String()
}

// TypeName returns the name of the class, or of the primitive type, of parameters of type t, as Class.getName of Java has it.
func TypeName(t *schema.Type) string {
	if names, ok := primitives[t.Kind]; ok {
		return names[Always]
	}
	return strings.ReplaceAll(strings.TrimSuffix(strings.TrimPrefix(Descriptor(t), "L"), ";"), "/", ".")
}

// primitives are the Java types of values that cannot be absent, of those that can, and of those in containers, where Hessian does not
// keep small integers apart.
var primitives = map[schema.Kind][3]string{
	schema.KindVoid: {"void", "Void", "Void"}, schema.KindBool: {"boolean", "Boolean", "Boolean"}, schema.KindI8: {"byte", "Byte", "Integer"},
	schema.KindI16: {"short", "Short", "Integer"}, schema.KindI32: {"int", "Integer", "Integer"}, schema.KindI64: {"long", "Long", "Long"},
	schema.KindDouble: {"double", "Double", "Double"},
}

// A Place is where a value of Java is.
type Place int

// The places: what is always there, what may be null, an element of a container.
const (
	Always Place = iota
	Nullable
	Element
)

// Type returns the Java type of values of type t as Java writes it, with full names.
func Type(t *schema.Type, at Place) string {
	if names, ok := primitives[t.Kind]; ok {
		return names[at]
	}
	switch t.Kind {
	case schema.KindBinary:
		return "byte[]"
	case schema.KindUUID:
		return "java.util.UUID"
	case schema.KindStruct:
		if class := Class(t.Struct); class != "" {
			return class
		}
		return "java.util.Map<String, Object>"
	case schema.KindEnum:
		if class := EnumClass(t.Enum); class != "" {
			return class
		}
	case schema.KindList:
		return "java.util.List<" + Type(t.Elem, Element) + ">"
	case schema.KindSet:
		return "java.util.Set<" + Type(t.Elem, Element) + ">"
	case schema.KindMap:
		return "java.util.Map<" + Type(t.Key, Element) + ", " + Type(t.Elem, Element) + ">"
	}
	return "String"
}
