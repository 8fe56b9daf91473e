// Walkers writes the plain walkers of the binary and the compact protocol, which differ only in
// how they write and read a scalar, from the templates in this folder:
//
//	go generate ./wire
//
// A walker follows a compiled plan through a value and appends or consumes it. The loops over the
// fields of a struct, which follow the format of each protocol, and the fast paths (the files
// *_step.go) are written by hand. One walker that is generic over the protocol costs twice the time.
package main

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed *.tmpl
var templates embed.FS

// A protocol is what the templates need to know of a protocol.
type protocol struct {
	Package string
	// Compact says that the walkers of values are methods of Protocol, which has a version.
	Compact bool
	Recv    string // of an encoder: "(c Protocol) " or ""
	Call    string // before the call of such a method: "c." or ""
	Arg     string // first argument of an encoder that is a function: "c, " or ""
	Param   string // first parameter of a decoder that may have no decoder value: "c Protocol, " or ""
	Own     string // first argument for it: "d.Protocol, " or ""
}

var protocols = []protocol{
	{Package: "binary"},
	{Package: "compact", Compact: true, Recv: "(c Protocol) ", Call: "c.", Arg: "c, ", Param: "c Protocol, ", Own: "d.Protocol, "},
}

// A mapType is a plan.MapType with its type arguments: no value means pointers.
type mapType struct{ Op, Key, Value string }

// Maps are the maps that are not walked by reflection.
func (protocol) Maps() []mapType {
	return []mapType{
		{"MapStringString", "string", "string"},
		{"MapStringI32", "string", "int32"},
		{"MapStringI64", "string", "int64"},
		{"MapStringDouble", "string", "float64"},
		{"MapI32String", "int32", "string"},
		{"MapI64String", "int64", "string"},
		{"MapI32I64", "int32", "int64"},
		{"MapI64I64", "int64", "int64"},
		{"MapI64Double", "int64", "float64"},
		{"MapStringPointer", "string", ""},
		{"MapI32Pointer", "int32", ""},
		{"MapI64Pointer", "int64", ""},
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: walkers DIR\n\nDIR is the folder of package wire.")
		os.Exit(2)
	}
	files, err := generate()
	for name, text := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Args[1], filepath.FromSlash(name)), text, 0o666)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "walkers:", err)
		os.Exit(1)
	}
}

// generate returns the files by their path below the folder of package wire.
func generate() (map[string][]byte, error) {
	all, err := template.ParseFS(templates, "*.tmpl")
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte)
	for _, p := range protocols {
		for _, name := range []string{"encode_values.go", "decode_values.go"} {
			var b bytes.Buffer
			if err := all.ExecuteTemplate(&b, name+".tmpl", p); err != nil {
				return nil, err
			}
			text, err := format.Source(b.Bytes())
			if err != nil {
				return nil, fmt.Errorf("%s of %s: %w", name, p.Package, err)
			}
			files[p.Package+"/"+name] = text
		}
	}
	return files, nil
}
