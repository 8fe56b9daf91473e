// The part of grpc.testing that the interoperability tests of gRPC call, as Thrift has it: grpc-go's own client and
// server know it from test.proto.
namespace * grpc.testing

struct Empty {}

enum PayloadType { COMPRESSABLE = 0 }

struct Payload {
  1: PayloadType type
  2: binary body
}

struct EchoStatus {
  1: i32 code
  2: string message
}

struct SimpleRequest {
  1: PayloadType response_type
  2: i32 response_size
  3: optional Payload payload
  7: optional EchoStatus response_status
}

struct SimpleResponse {
  1: optional Payload payload
}

struct StreamingInputCallRequest {
  1: optional Payload payload
}

struct StreamingInputCallResponse {
  1: i32 aggregated_payload_size
}

struct ResponseParameters {
  1: i32 size
  2: i32 interval_us
}

struct StreamingOutputCallRequest {
  1: PayloadType response_type
  2: list<ResponseParameters> response_parameters
  3: optional Payload payload
  7: optional EchoStatus response_status
}

struct StreamingOutputCallResponse {
  1: optional Payload payload
}

service TestService {
  Empty EmptyCall(1: Empty request)
  SimpleResponse UnaryCall(1: SimpleRequest request)
  StreamingOutputCallResponse StreamingOutputCall(1: StreamingOutputCallRequest request) (streaming.mode = "server")
  StreamingInputCallResponse StreamingInputCall(1: StreamingInputCallRequest request) (streaming.mode = "client")
  StreamingOutputCallResponse FullDuplexCall(1: StreamingOutputCallRequest request) (streaming.mode = "bidirectional")
  StreamingOutputCallResponse HalfDuplexCall(1: StreamingOutputCallRequest request) (streaming.mode = "bidirectional")
  Empty UnimplementedCall(1: Empty request)
} (grpc.request = "argument")
