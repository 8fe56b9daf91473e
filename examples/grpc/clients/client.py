# gRPC for Python: pip install grpcio grpcio-tools
# thriftkit gen proto --out proto foo.thrift
# python3 -m grpc_tools.protoc -I proto --python_out=clients --grpc_python_out=clients foo.proto
import grpc

import foo_pb2
import foo_pb2_grpc

with grpc.insecure_channel("127.0.0.1:6000") as channel:
    client = foo_pb2_grpc.PingPongStub(channel)
    print(client.ping(foo_pb2.PingRequest()).result)
    print(client.login(foo_pb2.LoginRequest(username="root", password="secret")).result)
    try:
        client.login(foo_pb2.LoginRequest(username="root", password="?"))
    except grpc.RpcError as e:
        print(e.code().name, e.details())
