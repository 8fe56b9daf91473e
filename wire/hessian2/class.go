package hessian2

import (
	"slices"

	"github.com/thriftkit/thriftkit/internal/javamap"
	"github.com/thriftkit/thriftkit/schema"
)

// A class is how structs of a schema travel.
type class struct {
	name       string   // "": as maps
	definition []byte   // of the class
	throwable  []string // the fields of Java's Throwable with which the definition of an exception ends
	keys       [][]byte // the names of the fields as strings, by schema.Field.Index
	byName     map[string]int
	byFold     map[string]int
}

type classKey struct{}

// messageField is the field of Java's Throwable for the text.
const messageField = "detailMessage"

// throwableFields are all its fields. A class that has them is an exception for dubbo-go, whether it knows it or not.
var throwableFields = []string{messageField, "cause", "stackTrace", "suppressedExceptions"}

// FallbackException is the class of exceptions that have no class of their own.
const FallbackException = "java.lang.RuntimeException"

// ClassOf returns the Java class of objects that stand for a struct, "" if maps do. Every exception has one.
func ClassOf(desc *schema.Struct) string {
	name := javamap.Class(desc)
	if name == "" && desc.Kind == schema.Exception {
		name = FallbackException
	}
	return name
}

func classOf(desc *schema.Struct) *class {
	return desc.Type().Memo(classKey{}, func() any {
		c := &class{name: ClassOf(desc), byName: make(map[string]int), byFold: make(map[string]int)}
		for i, f := range desc.Fields {
			c.byName[javamap.FieldName(f)] = i
		}
		for _, name := range throwableFields {
			if _, own := c.byName[name]; desc.Kind == schema.Exception && !own {
				c.throwable = append(c.throwable, name)
			}
		}
		c.definition = appendInt(appendText(append(c.definition, tagClass), c.name), int32(len(desc.Fields)+len(c.throwable)))
		for i, f := range desc.Fields {
			name := javamap.FieldName(f)
			key := appendText(nil, name)
			c.keys = append(c.keys, key)
			c.definition = append(c.definition, key...)
			fold := javamap.Fold(name)
			if _, ok := c.byFold[fold]; !ok {
				c.byFold[fold] = i
			}
		}
		for _, name := range c.throwable {
			c.definition = appendText(c.definition, name)
		}
		c.definition = slices.Clip(c.definition)
		return c
	}).(*class)
}

// index returns the position of the field called name in the schema's fields, -1 if there is none.
func (c *class) index(name string) int {
	if i, ok := c.byName[name]; ok {
		return i
	}
	if len(name) > 255 {
		return -1
	}
	if i, ok := c.byFold[javamap.Fold(name)]; ok {
		return i
	}
	return -1
}
