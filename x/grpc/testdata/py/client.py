"""Calls Shop with grpcio and generated code, and prints what comes, a line for each call.

usage: client.py FOLDER-OF-GENERATED-CODE TARGET
"""

import sys

sys.path.insert(0, sys.argv[1])

import grpc
import status_pb2
import shop_pb2 as pb
import shop_pb2_grpc


def everything():
    e = pb.Everything(
        flag=True, tiny=-5, small=-300, number=2**31 - 1, big=-(2**63), ratio=0.1, name="登录 é", data=b"\x00\xff", id=bytes(range(16)),
        color=pb.COLOR_GREEN, point=pb.Point(x=1, y=-2), ints=[1, -1, 0], longs=[5, 7], words=["", "a"], points=[pb.Point(x=3), pb.Point()],
        counts={"a": 0, "b": -1}, names={-7: "x"}, colors=[pb.COLOR_BLUE, pb.COLOR_RED],
        shape=pb.Shape(labels=pb.Shape.LabelsList(items=["l"])), maybe=0, answer=0, greeting="", zigzag=-9, fixed=-10,
        text_id="123e4567-e89b-12d3-a456-426614174000", reserved=11,
    )
    e.by_color.add(key=pb.COLOR_RED, value=pb.Point(x=1))
    e.by_point.add(key=pb.Point(x=1, y=2), value="p")
    e.grid.add(items=[True, False])
    e.grid.add()
    e.flags[True].items.extend([1, 2])
    e.ratios.add(key=0.5, value=3)
    e.maps.add().entries["k"] = 4
    e.nested[9].entries["z"].x = 5
    e.self.number = 6
    e.self.answer = 42
    e.self.greeting = "hello"
    return e


def status(call):
    try:
        call()
    except grpc.RpcError as e:
        text = "%s %r" % (e.code().name, e.details())
        for key, value in e.trailing_metadata() or ():
            if key == "grpc-status-details-bin":
                s = status_pb2.Status.FromString(value)
                for d in s.details:
                    x = {"shop.v1.NotFound": pb.NotFound, "shop.v1.Plain": pb.Plain}[d.type_url.split("/")[1]]()
                    d.Unpack(x)
                    text += " " + str(x).replace("\n", " ").strip()
        return text
    return "OK"


with grpc.insecure_channel(sys.argv[2]) as channel:
    shop = shop_pb2_grpc.ShopStub(channel)
    print("ping", shop.ping(pb.PingRequest()).result)
    print("add", shop.add(pb.AddRequest(a=2, b=3)).result)
    print("add default", shop.add(pb.AddRequest(a=2)).result)
    sent = everything()
    print("echo", shop.echo(pb.EchoRequest(value=sent)) == sent)
    print("echo_direct", shop.echo_direct(sent) == sent)
    print("names", list(shop.names(pb.NamesRequest(count=2)).result))
    print("where", shop.where(pb.WhereRequest(who="me")).result["me"].y)
    print("favourite", pb.Color.Name(shop.favourite(pb.FavouriteRequest()).result))
    print("log", shop.log(pb.LogRequest(line="a")) == pb.LogResponse())
    print("missing", status(lambda: shop.echo(pb.EchoRequest(value=pb.Everything(name="missing")))))
    print("nothing", status(lambda: shop.nothing(pb.NothingRequest(why="100% é"))))
    print("undeclared", status(lambda: shop.echo(pb.EchoRequest(value=pb.Everything(name="undeclared")))))
    print("range", status(lambda: shop.echo_direct(pb.Everything(tiny=128))))
    print("deadline", status(lambda: shop.wait(pb.WaitRequest(millis=60000), timeout=0.05)).split()[0])
    reply, call = shop.metadata.with_call(pb.MetadataRequest(key="x-a-bin"), metadata=[("x-a-bin", b"a\x00b")])
    print("metadata", repr(reply.result), [v for k, v in call.initial_metadata() if k == "x-reply-bin"])
    print("count", [p.x for p in shop.count(pb.CountRequest(upTo=3))])
    print("count error", status(lambda: list(shop.count(pb.CountRequest(upTo=2000)))))
    print("sum", shop.sum(iter([pb.Point(x=1), pb.Point(x=2)])).result)
    print("total", shop.total(iter([pb.TotalRequest(item=1), pb.TotalRequest(), pb.TotalRequest(item=3)])).result)
    print("mirror", [(p.x, p.y) for p in shop.mirror(iter([pb.Point(x=1, y=2), pb.Point(x=3)]))])
