// Package hessian2 reads and writes values of a schema in Hessian 2.0, the serialization of Dubbo and Motan: bound Go values, dynamic
// ones, and values without a schema, as attachments and generic calls have them. internal/javamap says which Java types stand for
// those of the schema.
//
// A message is a sequence of values that share class definitions, types and references: one [Encoder] writes it, one [Decoder]
// reads it. Structs and exceptions with a Java class travel as objects of it, others as maps by field name; enums as objects with
// their name, or as the name; sets as lists. Fields are found by name, as Java spells it or else ignoring case and underscores;
// unknown ones are skipped. null stands for a field that is unset, and may not be in a list, set or map.
//
// Integers of every form are read as any integer type that holds their value, and as double. Nothing is allocated for what a message
// only claims. A reference is read as a copy of what it refers to, and copies have a bound; one to a value that has not ended, a
// cycle, is an error except in fields that are skipped.
//
// Decoded strings and binaries share the message's memory where they can: the caller must own it and never write to it again. Errors
// are *wire.Error with the offset and the path of fields.
//
// The source is "Hessian 2.0 Serialization Protocol" (hessian.caucho.com/doc/hessian-serialization.html). Where Java differs we do as it
// does: 0x5f is a double in thousandths, and characters outside of the basic plane are two surrogates of three bytes each.
package hessian2

import (
	"time"
)

// The limits of a message, besides wire.MaxDepth.
const (
	maxClasses   = 4096     // class definitions; and as many types
	maxFields    = 4096     // of a class
	maxCopied    = 64 << 10 // bytes of the message that references repeat, besides maxCopiedX times its length, up to maxCopiedAll
	maxCopiedX   = 16
	maxCopiedAll = 8 << 20
	refCost      = 16 // of maxCopied, besides what is repeated
)

// A value without a schema is one of nil, bool, int32, int64, float64, string, []byte, time.Time, []any, *List, *Map and *Object. An
// Encoder also takes an int, []string, map[string]string and map[string]any.
type (
	// A List is a list with a type, such as "java.util.HashSet" or "[int" of an array.
	List struct {
		Type  string
		Items []any
	}

	// A Map is a map. Type is "" for a HashMap.
	Map struct {
		Type    string
		Entries []Entry
	}

	// An Entry is one key of a Map and its value.
	Entry struct{ Key, Value any }

	// An Object is an object of a Java class.
	Object struct {
		Class  string
		Fields []Field
	}

	// A Field is one field of an Object.
	Field struct {
		Name  string
		Value any
	}
)

// Get returns the value of a key that is a string, nil if there is none.
func (m *Map) Get(key string) any {
	for i := len(m.Entries) - 1; i >= 0; i-- {
		if m.Entries[i].Key == key {
			return m.Entries[i].Value
		}
	}
	return nil
}

// Get returns the field of that name, nil if there is none.
func (o *Object) Get(name string) any {
	for _, f := range o.Fields {
		if f.Name == name {
			return f.Value
		}
	}
	return nil
}

// A form is what a value begins with.
type form uint8

const (
	formBad form = iota
	formNull
	formBool
	formInt
	formLong
	formDouble
	formDate
	formString
	formBinary
	formList
	formMap
	formClass // a class definition, before an object
	formObject
	formReference
	formEnd // of a list or map of no fixed length
)

var formNames = [...]string{
	"no value", "null", "a boolean", "an int", "a long", "a double", "a date", "a string", "a binary", "a list", "a map", "a class definition", "an object",
	"a reference", "the end of a list",
}

func (f form) String() string { return formNames[f] }

// The tags of values that have one.
const (
	tagString      = 'S'
	tagStringPart  = 'R'
	tagBinary      = 'B'
	tagBinaryPart  = 'A'
	tagInt         = 'I'
	tagLong        = 'L'
	tagLongInt     = 0x59
	tagDouble      = 'D'
	tagZero        = 0x5b
	tagOne         = 0x5c
	tagDoubleByte  = 0x5d
	tagDoubleShort = 0x5e
	tagDoubleMill  = 0x5f
	tagDate        = 0x4a
	tagDateMinute  = 0x4b
	tagListOpen    = 0x55 // of a type, up to the end
	tagListTyped   = 'V'
	tagUntypedOpen = 0x57
	tagUntyped     = 0x58
	tagMap         = 'M'
	tagUntypedMap  = 'H'
	tagClass       = 'C'
	tagObject      = 'O'
	tagReference   = 0x51
	tagEnd         = 'Z'
	tagNull        = 'N'
	tagTrue        = 'T'
	tagFalse       = 'F'
)

// forms has the form of each first byte.
var forms = func() (f [256]form) {
	for _, r := range []struct {
		first, last int
		form        form
	}{
		{0x00, 0x1f, formString}, {0x20, 0x2f, formBinary}, {0x30, 0x33, formString}, {0x34, 0x37, formBinary}, {0x38, 0x3f, formLong},
		{tagBinaryPart, tagBinary, formBinary}, {tagClass, tagClass, formClass}, {tagDouble, tagDouble, formDouble}, {tagFalse, tagFalse, formBool},
		{tagUntypedMap, tagUntypedMap, formMap}, {tagInt, tagInt, formInt}, {tagDate, tagDateMinute, formDate}, {tagLong, tagLong, formLong},
		{tagMap, tagMap, formMap}, {tagNull, tagNull, formNull}, {tagObject, tagObject, formObject}, {tagReference, tagReference, formReference},
		{tagStringPart, tagString, formString}, {tagTrue, tagTrue, formBool}, {tagListOpen, tagUntyped, formList}, {tagLongInt, tagLongInt, formLong},
		{tagEnd, tagEnd, formEnd}, {tagZero, tagDoubleMill, formDouble}, {0x60, 0x6f, formObject}, {0x70, 0x7f, formList}, {0x80, 0xd7, formInt},
		{0xd8, 0xff, formLong},
	} {
		for i := r.first; i <= r.last; i++ {
			f[i] = r.form
		}
	}
	return f
}()

// date returns the time that is so many milliseconds after the epoch.
func date(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
