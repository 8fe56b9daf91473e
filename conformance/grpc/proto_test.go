package grpc_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/thriftkit/thriftkit"
	"github.com/thriftkit/thriftkit/gen"
	"github.com/thriftkit/thriftkit/schema"
	"github.com/thriftkit/thriftkit/x/grpc"
)

// TestGeneratedProto compiles the .proto files that are generated, with buf's compiler, and compares the result with what
// reflection hands out.
func TestGeneratedProto(t *testing.T) {
	for _, path := range []string{"testdata/book.thrift", "testdata/interop.thrift", "../../x/grpc/testdata/shop.thrift", "testdata/names.thrift"} {
		t.Run(path, func(t *testing.T) {
			file := thriftkit.MustLoad(path)
			texts := make(map[string]string)
			files, err := gen.Proto([]*schema.File{file}, gen.ProtoOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, f := range files {
				texts[f.Path] = string(f.Text)
				names = append(names, f.Path)
			}
			c := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(texts)})}
			compiled, err := c.Compile(t.Context(), names...)
			if err != nil {
				t.Fatalf("%v\n%s", err, texts)
			}
			reflected, err := grpc.Descriptors(file.Services...)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			reflected.RangeFiles(func(want protoreflect.FileDescriptor) bool {
				n++
				got := compiled.FindFileByPath(want.Path())
				if got == nil {
					t.Errorf("%s is not generated", want.Path())
					return true
				}
				g, w := normal(got), normal(want)
				if !proto.Equal(g, w) {
					t.Errorf("%s: generated\n%s\nreflected\n%s", want.Path(), cut(g.String()), cut(w.String()))
				}
				return true
			})
			if n != len(files) {
				t.Errorf("%d files are generated, %d reflected", len(files), n)
			}
		})
	}
}

// normal returns f without what may be said in two ways.
func normal(f protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	p := protodesc.ToFileDescriptorProto(f)
	var messages func([]*descriptorpb.DescriptorProto)
	messages = func(list []*descriptorpb.DescriptorProto) {
		for _, m := range list {
			for _, f := range m.Field {
				f.JsonName = proto.String(f.GetJsonName())
			}
			slices.SortFunc(m.NestedType, func(a, b *descriptorpb.DescriptorProto) int { return strings.Compare(a.GetName(), b.GetName()) })
			messages(m.NestedType)
		}
	}
	messages(p.MessageType)
	for _, s := range p.Service {
		for _, m := range s.Method {
			m.ClientStreaming, m.ServerStreaming = proto.Bool(m.GetClientStreaming()), proto.Bool(m.GetServerStreaming())
		}
	}
	return p
}

func cut(s string) string {
	return s[:min(len(s), 3000)] + strings.Repeat("…", min(1, max(0, len(s)-3000)))
}
