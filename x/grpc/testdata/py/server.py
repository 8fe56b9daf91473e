"""Serves some of Shop with grpcio and generated code, on a free port that it prints, until standard input ends.

usage: server.py FOLDER-OF-GENERATED-CODE
"""

from concurrent import futures
import sys

sys.path.insert(0, sys.argv[1])

from google.protobuf import any_pb2
import status_pb2
import grpc
import shop_pb2 as pb
import shop_pb2_grpc


class Shop(shop_pb2_grpc.ShopServicer):
    def ping(self, request, context):
        return pb.PingResponse(result="pong")

    def add(self, request, context):
        return pb.AddResponse(result=request.a + (request.b if request.HasField("b") else 5))

    def echo(self, request, context):
        if request.value.name == "missing":
            detail = any_pb2.Any()
            detail.Pack(pb.NotFound(key="missing", code=7))
            s = status_pb2.Status(code=grpc.StatusCode.NOT_FOUND.value[0], message="gone", details=[detail])
            context.set_trailing_metadata([("grpc-status-details-bin", s.SerializeToString())])
            context.abort(grpc.StatusCode.NOT_FOUND, "gone")
        if request.value.name == "denied":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")
        return request.value

    def metadata(self, request, context):
        for key, value in context.invocation_metadata():
            if key == request.key:
                context.send_initial_metadata([("x-reply", "r")])
                context.set_trailing_metadata([("x-after-bin", b"\x00\xff")])
                return pb.MetadataResponse(result=value.decode() if isinstance(value, bytes) else value)
        return pb.MetadataResponse()

    def wait(self, request, context):
        return pb.WaitResponse(result=int(context.time_remaining() or 0))

    def count(self, request, context):
        for i in range(request.upTo):
            yield pb.Point(x=i)

    def sum(self, request_iterator, context):
        return pb.SumResponse(result=sum(p.x for p in request_iterator))

    def mirror(self, request_iterator, context):
        for p in request_iterator:
            yield pb.Point(x=p.y, y=p.x)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
shop_pb2_grpc.add_ShopServicer_to_server(Shop(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(None)
