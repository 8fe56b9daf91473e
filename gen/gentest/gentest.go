// Package gentest has code that was generated from IDL with everything in it, for tests: in coded
// with the usual options, in kept with sets as maps and unknown fields.
package gentest

import (
	_ "embed"
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/idl/compile"
	"github.com/thriftkit/thriftkit/schema"
)

//go:generate go run github.com/thriftkit/thriftkit/cmd/thriftkit gen go --out coded things.thrift streams.thrift
//go:generate go run github.com/thriftkit/thriftkit/cmd/thriftkit gen go --out kept --sets map --keep-unknown --prefix My things.thrift streams.thrift

//go:embed things.thrift
var thingsIDL string

//go:embed streams.thrift
var streamsIDL string

//go:embed common.thrift
var commonIDL string

const importPath = "github.com/thriftkit/thriftkit/gen/gentest"

// variants are the options of each folder.
var variants = map[string]gen.Options{
	"coded": {},
	"kept":  {SetsAsMaps: true, KeepUnknown: true, TypePrefix: "My"},
}

// Generate returns what is to be in this folder, by path.
func Generate() (map[string][]byte, error) {
	out := make(map[string][]byte)
	for _, name := range []string{"things.thrift", "streams.thrift"} {
		texts := compile.Texts{"things.thrift": thingsIDL, "streams.thrift": streamsIDL, "common.thrift": commonIDL}
		file, diags := compile.Compile(name, compile.Options{Source: texts})
		if file == nil {
			return nil, diags
		}
		for _, dir := range slices.Sorted(maps.Keys(variants)) {
			o := variants[dir]
			o.ImportPath = path.Join(importPath, dir)
			files, err := gen.Go([]*schema.File{file}, o)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", dir, err)
			}
			for _, f := range files {
				out[path.Join(dir, f.Path)] = f.Text
			}
		}
	}
	return out, nil
}
