package grpc

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/thriftkit/thriftkit/internal/javamap"
	"github.com/thriftkit/thriftkit/internal/protomap"
	"github.com/thriftkit/thriftkit/schema"
	wireproto "github.com/thriftkit/thriftkit/wire/proto"
)

// Descriptors returns the descriptors of services, of all that they use and of the files that they are in:
// what reflection hands out. A file of the schema is a file of proto3. The error joins what cannot be
// mapped, such as annotations that do not fit and definitions of one name in one package.
func Descriptors(services ...*schema.Service) (*protoregistry.Files, error) {
	d, err := describe(services)
	if err != nil {
		return nil, err
	}
	return d.files, nil
}

// A description is what descriptors of services lead to.
type description struct {
	files   *protoregistry.Files
	structs map[*schema.Struct]string // full names
	methods map[string]*method        // by "/package.Service/Method"
	names   []string                  // of the services
}

// A method is a method of a service as gRPC has it.
type method struct {
	svc        *schema.Service
	m          *schema.Method
	desc       protoreflect.MethodDescriptor
	isRequest  bool // the only argument, or what the client streams, is the request
	isResponse bool // the result is the response
	wrapped    bool // the path is that of a Java interface, where requests are wrappers

	input, output *wireproto.JSON // of the messages; output is nil for void
}

func describe(services []*schema.Service) (*description, error) {
	var files []*schema.File
	for _, s := range services {
		for at := s; at != nil; at = at.Extends {
			files = append(files, at.File)
		}
	}
	set, err := protomap.FilesOf(files...)
	if err != nil {
		return nil, err
	}
	d := &description{files: new(protoregistry.Files), structs: set.Structs, methods: make(map[string]*method)}
	for _, f := range set.Files {
		fd, err := protodesc.NewFile(fileOf(f), d.files)
		if err == nil {
			err = d.files.RegisterFile(fd)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Schema.Path, err)
		}
	}
	for _, s := range services {
		d.names = append(d.names, protomap.FullName(s))
		if err := d.addMethods(s, s); err != nil {
			return nil, err
		}
	}
	for _, s := range services { // also by the services that they extend, as clients of those call
		for base := s.Extends; base != nil; base = base.Extends {
			if err := d.addMethods(base, s); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range services {
		for at := s; at != nil; at = at.Extends {
			d.addWrapped(at, s)
		}
	}
	return d, nil
}

// addWrapped adds the methods of s, which svc answers, at the paths of its Java interface.
func (d *description) addWrapped(s, svc *schema.Service) {
	for _, m := range s.AllMethods() {
		path := "/" + javamap.Interface(s) + "/" + m.Name
		if d.methods[path] == nil && m.Stream == schema.Unary {
			d.methods[path] = &method{svc: svc, m: m, wrapped: true}
		}
	}
}

// addMethods adds the methods of s, which svc answers, unless another service has them.
func (d *description) addMethods(s, svc *schema.Service) error {
	name := protomap.FullName(s)
	desc, err := d.files.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return err
	}
	for _, m := range s.AllMethods() {
		md := desc.(protoreflect.ServiceDescriptor).Methods().ByName(protoreflect.Name(protomap.Ident(m.Name)))
		path := "/" + name + "/" + protomap.Ident(m.Name)
		if md == nil || d.methods[path] != nil { // it cannot be mapped
			continue
		}
		x := &method{svc: svc, m: m, desc: md, isRequest: protomap.Request(m) != nil, isResponse: protomap.IsResponse(m)}
		if err := x.setJSON(); err != nil {
			return err
		}
		d.methods[path] = x
	}
	return nil
}

// setJSON fills in the converters of m.
func (m *method) setJSON() (err error) {
	item := m.m.ClientItem()
	switch {
	case m.isRequest:
		m.input, err = wireproto.JSONFor(protomap.Request(m.m).Type())
	case item != nil:
		m.input, err = wireproto.JSONForField(item, protomap.ItemField)
	default:
		m.input, err = wireproto.JSONFor(m.m.Args.Type())
	}
	if err != nil || m.m.Result.Kind == schema.KindVoid {
		return err
	}
	if m.isResponse {
		m.output, err = wireproto.JSONFor(m.m.Result)
	} else {
		m.output, err = wireproto.JSONForField(m.m.Result, protomap.ResultField)
	}
	return err
}

func fileOf(f *protomap.File) *descriptorpb.FileDescriptorProto {
	p := &descriptorpb.FileDescriptorProto{Name: &f.Path, Package: &f.Package, Syntax: proto.String("proto3"), Dependency: f.Imports}
	for _, e := range f.Enums {
		p.EnumType = append(p.EnumType, enumOf(e))
	}
	for _, m := range f.Messages {
		p.MessageType = append(p.MessageType, messageOf(m))
	}
	for _, s := range f.Services {
		x := &descriptorpb.ServiceDescriptorProto{Name: &s.Name}
		for _, m := range s.Methods {
			d := &descriptorpb.MethodDescriptorProto{
				Name: &m.Name, InputType: proto.String("." + m.Input), OutputType: proto.String("." + m.Output),
				ClientStreaming: proto.Bool(m.Schema.Stream.ClientStreams()), ServerStreaming: proto.Bool(m.Schema.Stream.ServerStreams()),
			}
			if level, ok := descriptorpb.MethodOptions_IdempotencyLevel_value[protomap.Idempotency(m.Schema)]; ok {
				d.Options = &descriptorpb.MethodOptions{IdempotencyLevel: descriptorpb.MethodOptions_IdempotencyLevel(level).Enum()}
			}
			x.Method = append(x.Method, d)
		}
		p.Service = append(p.Service, x)
	}
	return p
}

func enumOf(e *protomap.EnumDef) *descriptorpb.EnumDescriptorProto {
	p := &descriptorpb.EnumDescriptorProto{Name: &e.Name}
	for _, v := range e.Values {
		p.Value = append(p.Value, &descriptorpb.EnumValueDescriptorProto{Name: &v.Name, Number: &v.Number})
	}
	if e.Alias {
		p.Options = &descriptorpb.EnumOptions{AllowAlias: proto.Bool(true)}
	}
	return p
}

func messageOf(m *protomap.MessageDef) *descriptorpb.DescriptorProto {
	p := &descriptorpb.DescriptorProto{Name: &m.Name}
	if m.MapEntry {
		p.Options = &descriptorpb.MessageOptions{MapEntry: proto.Bool(true)}
	}
	if m.Oneof != "" {
		p.OneofDecl = append(p.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: &m.Oneof})
	}
	for _, f := range m.Fields {
		d := fieldOf(f)
		switch {
		case m.Oneof != "":
			d.OneofIndex = proto.Int32(0)
		case f.Optional != "": // proto3 has a oneof for each of these, after the others
			d.Proto3Optional, d.OneofIndex = proto.Bool(true), proto.Int32(int32(len(p.OneofDecl)))
			p.OneofDecl = append(p.OneofDecl, &descriptorpb.OneofDescriptorProto{Name: &f.Optional})
		}
		p.Field = append(p.Field, d)
	}
	for _, n := range m.Nested {
		p.NestedType = append(p.NestedType, messageOf(n))
	}
	return p
}

var fieldTypes = map[protomap.Kind]descriptorpb.FieldDescriptorProto_Type{
	protomap.Bool: descriptorpb.FieldDescriptorProto_TYPE_BOOL, protomap.Int32: descriptorpb.FieldDescriptorProto_TYPE_INT32,
	protomap.Sint32: descriptorpb.FieldDescriptorProto_TYPE_SINT32, protomap.Sfixed32: descriptorpb.FieldDescriptorProto_TYPE_SFIXED32,
	protomap.Int64: descriptorpb.FieldDescriptorProto_TYPE_INT64, protomap.Sint64: descriptorpb.FieldDescriptorProto_TYPE_SINT64,
	protomap.Sfixed64: descriptorpb.FieldDescriptorProto_TYPE_SFIXED64, protomap.Double: descriptorpb.FieldDescriptorProto_TYPE_DOUBLE,
	protomap.String: descriptorpb.FieldDescriptorProto_TYPE_STRING, protomap.Bytes: descriptorpb.FieldDescriptorProto_TYPE_BYTES,
	protomap.Enum: descriptorpb.FieldDescriptorProto_TYPE_ENUM, protomap.Message: descriptorpb.FieldDescriptorProto_TYPE_MESSAGE,
}

func fieldOf(f *protomap.FieldDef) *descriptorpb.FieldDescriptorProto {
	d := &descriptorpb.FieldDescriptorProto{
		Name: &f.Name, JsonName: &f.JSONName, Number: &f.Number, Type: fieldTypes[f.Kind].Enum(),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
	}
	if f.Repeated {
		d.Label = descriptorpb.FieldDescriptorProto_LABEL_REPEATED.Enum()
	}
	if f.TypeName != "" {
		d.TypeName = proto.String("." + f.TypeName)
	}
	return d
}
