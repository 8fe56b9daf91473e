// Package conformance is the service of testdata/conformance.thrift in Go: its types, a bound
// handler, a dynamic one, and the text form of values that the file defines. Its tests run them
// against the peers in py, in both directions; docs/conformance.md has the result.
//
// A field without requiredness is a pointer here where a check asks whether it was sent.
package conformance

import (
	"embed"
	"fmt"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/schema"
)

//go:embed testdata
var testdata embed.FS

// Load returns the schema of conformance.thrift.
func Load() (*schema.File, error) {
	return thriftkit.Load("testdata/conformance.thrift", thriftkit.WithFS(testdata))
}

// Color is an enum whose numbers have gaps and signs.
type Color int32

// The values of Color.
const (
	Red      Color = 0
	Green    Color = 5
	Blue     Color = 6
	Negative Color = -3
)

// Level is an enum of the included file.
type Level int32

// The values of Level.
const (
	Low    Level = 1
	Middle Level = 5
	High   Level = 10
)

// Timestamp and UserID are typedefs; Go binds them as it does the types that they name.
type (
	Timestamp int64
	UserID    int32
)

// Point is a struct of the included file; it serves as a key.
type Point struct{ X, Y int32 }

// Empty has no fields.
type Empty struct{}

// Item keeps which of its fields were sent.
type Item struct {
	Name  *string
	Count *int32
	Price *float64
}

// Choice is a union: exactly one field is not nil.
type Choice struct {
	Number  *int32
	Text    *string
	Point   *Point
	Many    []*Choice
	Flag    *bool
	Nothing *Empty
}

// AllTypes has a field for each type, and sets in both of their Go forms.
type AllTypes struct {
	ABool         bool
	AByte         int8
	AnI8          int8
	AnI16         int16
	AnI32         int32
	AnI64         int64
	ADouble       float64
	AString       string
	ABinary       []byte
	Color         Color
	Level         Level
	Timestamp     Timestamp
	User          UserID
	Item          Item
	Choice        *Choice
	Bools         []bool
	Bytes         []int8
	Shorts        []int16
	Ints          []int32
	Longs         []int64
	Doubles       []float64
	Strings       []string
	Binaries      [][]byte
	Colors        []Color
	Items         []Item
	Matrix        [][]int32
	IntSet        []int32
	StringSet     map[string]struct{}
	PointSet      map[Point]struct{}
	IntToString   map[int32]string
	StringToLong  map[string]int64
	BoolToByte    map[bool]int8
	ColorToItem   map[Color]*Item
	StringToItems map[string][]*Item
	PointToString map[Point]string
	Deep          map[string]map[int32]map[string]struct{}
	Deeper        []map[string][][][]byte
	Names         []string
	Groups        map[string][]string
	Empty         *Empty
}

// Scrambled is declared in another order than that of the ids; the Go order is yet another.
type Scrambled struct {
	Zeroth bool
	First  int32
	Middle *float64
	Last   string
}

// Sparse has ids far apart.
type Sparse struct {
	One          *int32
	Seventeen    *int32
	ThreeHundred *string
	Most         *bool
}

// Presence has optional fields of all shapes.
type Presence struct {
	RequiredInt    int32
	PlainInt       int32
	OptionalInt    *int32
	RequiredString string
	PlainString    string
	OptionalString *string
	OptionalBool   *bool
	OptionalDouble *float64
	OptionalBinary []byte
	OptionalList   []int32
	OptionalSet    map[string]struct{}
	OptionalMap    map[string]int32
	OptionalPoint  *Point
	OptionalColor  *Color
	PlainList      []int32
	PlainPoint     *Point
}

// Defaults has a default for nearly every field. Where a nil stands, the reader's default counts.
type Defaults struct {
	ABool          *bool
	AByte          *int8
	AnI16          *int16
	AnI32          *int32
	AnI64          *int64
	ADouble        *float64
	AString        *string
	ABinary        *[]byte
	Color          *Color
	Level          *Level
	AList          *[]int32
	ASet           *map[string]struct{}
	AMap           *map[string]int32
	Nested         *map[string][]int32
	Point          *Point
	Answer         *int32
	Greeting       *string
	OptionalInt    *int32
	OptionalString *string
	RequiredInt    int32
	WithoutDefault *int32
	Whole          *float64
	Timestamp      *Timestamp
}

// Tree holds itself in a list and in a map.
type Tree struct {
	Name     *string
	Children []*Tree
	Named    map[string]*Tree
}

// Chain holds itself.
type Chain struct {
	Value int32
	Rest  *Chain
}

// Person and Company hold each other.
type Person struct {
	Name     string
	Employer *Company
}

// Company is the other half of Person.
type Company struct {
	Name  string
	Staff []*Person
}

// DivisionByZero is an exception.
type DivisionByZero struct{ Dividend int32 }

// Error says what was divided.
func (e *DivisionByZero) Error() string { return fmt.Sprintf("%d divided by zero", e.Dividend) }

// InvalidInput is an exception.
type InvalidInput struct {
	Field string
	Code  int32
	Hints []string
}

// Error names the field.
func (e *InvalidInput) Error() string { return fmt.Sprintf("invalid %s (%d)", e.Field, e.Code) }

// Unavailable is an exception of the included file.
type Unavailable struct {
	Reason       string
	RetryAfterMs *int32
}

// Error gives the reason.
func (e *Unavailable) Error() string { return "unavailable: " + e.Reason }
