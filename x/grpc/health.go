package grpc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/thriftkit/thriftkit/schema"
	wireproto "github.com/thriftkit/thriftkit/wire/proto"
)

// healthName is the service of the GRPC Health Checking Protocol (grpc/doc/health-checking.md).
const healthName = "grpc.health.v1.Health"

// Its statuses.
const (
	serving    = 1
	notServing = 2
	unknown    = 3
)

var healthStatuses = [...]string{"UNKNOWN", serving: "SERVING", notServing: "NOT_SERVING", unknown: "SERVICE_UNKNOWN"}

// healthRequest converts HealthCheckRequest.
var healthRequest = func() *wireproto.JSON {
	j, err := wireproto.JSONForField(schema.Base(schema.KindString), "service")
	if err != nil {
		panic(err) // strings can be mapped
	}
	return j
}()

// newHealthFile returns the descriptor of grpc/health/v1/health.proto.
func newHealthFile() protoreflect.FileDescriptor {
	message := func(name string, fields ...*descriptorpb.FieldDescriptorProto) *descriptorpb.DescriptorProto {
		return &descriptorpb.DescriptorProto{Name: &name, Field: fields}
	}
	field := func(name, typeName string, t descriptorpb.FieldDescriptorProto_Type) *descriptorpb.FieldDescriptorProto {
		f := &descriptorpb.FieldDescriptorProto{Name: &name, Number: proto.Int32(1), Type: &t, Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum()}
		if typeName != "" {
			f.TypeName = &typeName
		}
		return f
	}
	response := message("HealthCheckResponse", field("status", ".grpc.health.v1.HealthCheckResponse.ServingStatus", descriptorpb.FieldDescriptorProto_TYPE_ENUM))
	status := &descriptorpb.EnumDescriptorProto{Name: proto.String("ServingStatus")}
	for i, name := range healthStatuses {
		status.Value = append(status.Value, &descriptorpb.EnumValueDescriptorProto{Name: &name, Number: proto.Int32(int32(i))})
	}
	response.EnumType = append(response.EnumType, status)
	method := func(name string, streams bool) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{
			Name: &name, InputType: proto.String(".grpc.health.v1.HealthCheckRequest"), OutputType: proto.String(".grpc.health.v1.HealthCheckResponse"), ServerStreaming: &streams,
		}
	}
	f, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("grpc/health/v1/health.proto"), Package: proto.String("grpc.health.v1"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{message("HealthCheckRequest", field("service", "", descriptorpb.FieldDescriptorProto_TYPE_STRING)), response},
		Service:     []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Health"), Method: []*descriptorpb.MethodDescriptorProto{method("Check", false), method("Watch", true)}}},
	}, nil)
	if err != nil {
		panic(err) // the literal above is wrong
	}
	return f
}

// withHealth finds the health service besides the services of a server.
type withHealth struct {
	files  *protoregistry.Files
	health protoreflect.FileDescriptor
}

func (w withHealth) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if path == w.health.Path() {
		return w.health, nil
	}
	return w.files.FindFileByPath(path)
}

func (w withHealth) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if d, err := w.files.FindDescriptorByName(name); err == nil {
		return d, nil
	}
	if name == healthName {
		return w.health.Services().Get(0), nil
	}
	for i := range w.health.Messages().Len() {
		if m := w.health.Messages().Get(i); m.FullName() == name {
			return m, nil
		}
	}
	return nil, protoregistry.NotFound
}

// A health answers for some services.
type health struct {
	names []string
}

// handlers returns the handlers of the health service by path.
func (h *health) handlers(opts ...connect.HandlerOption) map[string]http.Handler {
	check, watch := "/"+healthName+"/Check", "/"+healthName+"/Watch"
	return map[string]http.Handler{
		check: connect.NewUnaryHandler(check, func(ctx context.Context, req *connect.Request[message]) (*connect.Response[message], error) {
			requestOf(ctx).readDone()
			status, err := h.of(ctx, req.Msg)
			switch {
			case err != nil:
				return nil, err
			case status == unknown:
				return nil, connect.NewError(connect.CodeNotFound, errors.New("unknown service"))
			}
			return connect.NewResponse(h.reply(status, req.Msg.json)), nil
		}, opts...),
		watch: connect.NewServerStreamHandler(watch, func(ctx context.Context, req *connect.Request[message], s *connect.ServerStream[message]) error {
			requestOf(ctx).readDone()
			for {
				status, err := h.of(ctx, req.Msg)
				if err != nil {
					return err
				}
				if err := s.Send(h.reply(status, req.Msg.json)); err != nil || status == notServing {
					return err
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-invokerOf(ctx).Draining():
				}
				if status == unknown { // and will not be known
					return nil
				}
			}
		}, opts...),
	}
}

// of returns the status of the service that req names, "" being the server.
func (h *health) of(ctx context.Context, req *message) (int, error) {
	b, err := req.binary(healthRequest)
	if err != nil {
		return 0, connect.NewError(connect.CodeInvalidArgument, err)
	}
	name := ""
	for len(b) > 0 {
		number, t, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0, connect.NewError(connect.CodeInvalidArgument, protowire.ParseError(n))
		}
		b = b[n:]
		if number == 1 && t == protowire.BytesType {
			name, _ = protowire.ConsumeString(b)
		}
		if n = protowire.ConsumeFieldValue(number, t, b); n < 0 {
			return 0, connect.NewError(connect.CodeInvalidArgument, protowire.ParseError(n))
		}
		b = b[n:]
	}
	if name != "" && !slices.Contains(h.names, name) {
		return unknown, nil
	}
	select {
	case <-invokerOf(ctx).Draining():
		return notServing, nil
	default:
		return serving, nil
	}
}

func (h *health) reply(status int, json bool) *message {
	if json {
		return &message{data: fmt.Appendf(nil, `{"status":%q}`, healthStatuses[status]), json: true}
	}
	return &message{data: protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(status))}
}
