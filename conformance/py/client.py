"""Checks a server of conformance.thrift with the client of an unmodified thriftpy2.

The target is what server.py prints: "host:port" or "unix:PATH". Every check makes connections of
its own and prints one line: "ok NAME", "skip NAME: why" or "FAIL NAME: what". The exit code is 1
if any failed, 2 if the arguments are wrong.
"""

import argparse
import asyncio
import contextlib
import io
import logging
import re
import sys
import threading
import time
import traceback
import uuid

import thriftpy2
import thriftpy2.http
from thriftpy2.contrib.aio import http as aio_http
from thriftpy2.rpc import make_aio_client, make_client
from thriftpy2.thrift import TApplicationException, TType

import peer

CHECKS = []  # (name, function, reason to skip or None, as a function of the options)

TIMEOUT_MS = 60000  # of machines that are busy


def check(name, skip=lambda o: None):
    """Adds a check. skip returns why these options cannot pass it, else None."""

    def add(function):
        CHECKS.append((name, function, skip))
        return function

    return add


def reference(why):
    """Skips what thriftpy2's own server does differently."""
    return lambda o: "thriftpy2's server " + why if o.reference else None


class Failure(Exception):
    pass


def same(got, want, what="got"):
    if got != want:
        raise Failure("%s %s, want %s" % (what, shorten(got), shorten(want)))


def shorten(value):
    s = repr(value)
    return s if len(s) <= 400 else "%s… (%d characters)" % (s[:400], len(s))


@contextlib.contextmanager
def raises(kind, **fields):
    """Expects an exception of the class kind whose fields have these values."""
    try:
        yield
    except kind as e:
        for name, want in fields.items():
            same(getattr(e, name), want, "%s.%s" % (kind.__name__, name))
    else:
        raise Failure("no exception, want %s" % kind.__name__)


class Blocking:
    """An asyncio client with blocking methods, so that a check is written once."""

    def __init__(self, loop, client):
        self.loop, self.client = loop, client

    def __getattr__(self, name):
        method = getattr(self.client, name)
        if name == "close":
            return method
        return lambda *args, **kwargs: self.loop.run_until_complete(method(*args, **kwargs))


class OneCall:
    """A client that makes a connection for each call, for a protocol that is good for one.

    It is used like a client; last holds the connection of the last call, and clients of other services share it.
    """

    def __init__(self, connect, service, last=None):
        self.connect, self.service, self.last = connect, service, [] if last is None else last

    def __getattr__(self, name):
        if name != "_recv":
            self.last[:] = [self.connect(self.service)]
        client = self.last[0]
        return getattr(type(client)(self.service, client._iprot), name)

    def other(self, service):
        return OneCall(self.connect, service, self.last)


class Context:
    """What a check gets: the IDL and connections to the server."""

    def __init__(self, options):
        self.options = options
        self.thrift = peer.load(options)
        self.service = self.thrift.Conformance
        self.shared = self.thrift.shared
        self.loop = asyncio.new_event_loop() if options.aio else None
        self.open = []
        self.make_client = thriftpy2.http.make_client if options.transport == "http" else make_client

    def arguments(self):
        kwargs = peer.factories(self.options)
        kwargs["timeout"] = TIMEOUT_MS
        if self.options.tls and self.options.transport != "http":
            kwargs["cafile"], kwargs["certfile"], kwargs["keyfile"] = peer.tls_files(self.options, "client")
        elif self.options.tls:
            context = peer.tls_context(self.options, "client")
            kwargs["scheme"] = "https"
            kwargs.update({"ssl_context": context} if self.options.aio else {"ssl_context_factory": lambda: context})
        kind, _, path = self.options.target.partition(":")
        if kind == "unix":
            kwargs["unix_socket"] = path
        else:
            host, _, port = self.options.target.rpartition(":")
            kwargs.update(host=host.strip("[]"), port=int(port))
        return kwargs

    def connect(self, service=None):
        """Returns a client on a new connection, which is closed after the check."""
        service = service or self.service
        return OneCall(self.connect_once, service) if self.options.protocol == "json" else self.connect_once(service)

    def connect_once(self, service):
        """Returns one on a single connection."""
        if self.options.aio:
            client = Blocking(self.loop, self.loop.run_until_complete(self.connect_aio(service)))
        else:
            client = self.make_client(service, **self.arguments())
        self.open.append(client)
        return client

    async def connect_aio(self, service):
        """Returns a client of asyncio on a new connection."""
        arguments = self.arguments()
        if self.options.transport == "http":
            del arguments["trans_factory"]
            return await aio_http.make_client(service, **arguments)
        return await make_aio_client(service, **arguments)

    def other(self, client, service):
        """Returns a client of another service on the connection of client."""
        if isinstance(client, OneCall):
            return client.other(service)
        inner = client.client if self.options.aio else client
        other = type(inner)(service, inner._iprot)
        return Blocking(self.loop, other) if self.options.aio else other

    def close(self):
        for client in self.open:
            with contextlib.suppress(Exception):
                client.close()
        self.open = []
        if self.loop:
            self.loop.run_until_complete(asyncio.sleep(0))  # lets the transports close
            if self.options.tls:  # thriftpy2 closes the socket below asyncio's, whose loop then misses what the next one gets
                self.loop.close()
                self.loop = asyncio.new_event_loop()

    def text(self, method, value):
        """Returns the text of value as the result of method."""
        return peer.text_of_result(self.service, method, value)

    def echoes(self, method, *values):
        """Checks that method of a new connection answers each of the values."""
        client = self.connect()
        for value in values:
            got = getattr(client, method)(value)
            same(self.text(method, got), self.text(method, value), method)

    def all_types(self):
        t, s = self.thrift, self.shared
        return t.AllTypes(
            aBool=True,
            aByte=-128,
            anI8=127,
            anI16=-32768,
            anI32=2147483647,
            anI64=-9223372036854775808,
            aDouble=-2.5e-300,
            aString='quotes " and \\, tab\t, 水 🦉',
            aBinary=bytes(range(256)),
            color=t.Color.NEGATIVE,
            level=s.Level.HIGH,
            timestamp=1700000000123,
            user=-1,
            item=t.Item(name="one", count=1, price=0.1),
            choice=t.Choice(many=[t.Choice(number=0), t.Choice(text=""), t.Choice(nothing=t.Empty())]),
            bools=[True, False, True],
            bytes=[0, -1, 127],
            shorts=[-32768, 32767],
            ints=[-2147483648, 0, 2147483647],
            longs=[-9223372036854775808, 9223372036854775807],
            doubles=[0.0, -0.0, float("inf"), float("-inf"), float("nan"), 5e-324, 1.7976931348623157e308],
            strings=["", "a", "é", "水", "🦉"],
            binaries=[b"", b"\x00", b"\xff\xfe"],
            colors=[t.Color.RED, t.Color.BLUE],
            items=[t.Item(name="", count=0), t.Item(name="b", count=-1, price=-0.0)],
            matrix=[[], [1], [2, 3]],
            intSet=[3, 1, 2],
            stringSet=["b", "", "a"],
            pointSet=[s.Point(x=1, y=2), s.Point(x=2, y=1)],
            intToString={1: "one", -1: "minus one"},
            stringToLong={"": 0, "max": 9223372036854775807},
            boolToByte={True: 1, False: 0},
            colorToItem={t.Color.GREEN: t.Item(name="green", count=5)},
            stringToItems={"none": [], "two": [t.Item(name="a", count=1), t.Item(name="b", count=2)]},
            pointToString={s.Point(x=0, y=0): "origin", s.Point(x=-1, y=1): "left"},
            deep={"a": {1: ["x", "y"], 2: []}, "b": {}},
            deeper=[{}, {"k": [[b"v", b""], []]}],
            names=["n1", "n2"],
            groups={"g": ["n1"], "empty": []},
            empty=t.Empty(),
        )


def echo(method, *values, skip=lambda o: None):
    @check(method, skip)
    def run(c):
        c.echoes(method, *values)


# asyncio compact of thriftpy2 reads maps that have string keys or values as empty.
LOSES_MAPS = "thriftpy2's asyncio compact loses maps"


def no_maps_in(o):
    return LOSES_MAPS if o.protocol == "compact" and o.reference and o.server_aio else None


def no_maps(o):
    return LOSES_MAPS if o.protocol == "compact" and o.aio else no_maps_in(o)


# In JSON a string is text.
def text_only(o):
    return "JSON strings are text" if o.protocol in ("json", "thriftpy2-json") else None


def apache_json(why):
    """Skips what thriftpy2's Apache JSON cannot do."""
    return lambda o: why if o.protocol == "json" else None


def either(*skips):
    """Skips for the first of the reasons."""
    return lambda o: next(filter(None, (skip(o) for skip in skips)), None)


no_nested_lists = apache_json("thriftpy2's Apache JSON has no lists of lists")
no_odd_keys = apache_json("thriftpy2's Apache JSON has no maps with structs or enums as keys")
too_large = apache_json("thriftpy2's Apache JSON takes too long for large values")
one_call = apache_json("thriftpy2's Apache JSON is good for one call on a connection")


@check("ping")
def _(c):
    same(c.connect().ping(), "pong")


echo("echoBool", True, False)
echo("echoByte", 0, 1, -1, 127, -128)
echo("echoI8", 0, 1, -1, 127, -128)
echo("echoI16", 0, 1, -1, 32767, -32768)
echo("echoI32", 0, 1, -1, 2147483647, -2147483648)
echo("echoI64", 0, 1, -1, 1 << 53, (1 << 53) + 1, 9223372036854775807, -9223372036854775808)
echo(
    "echoDouble",
    0.0, -0.0, 1.0, -1.5, 0.1, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
    float("inf"), float("-inf"), float("nan"), skip=apache_json("thriftpy2's Apache JSON reads -0 as an integer"),
)  # fmt: skip
echo("echoString", "", "a", "\x00", "tab\t line\n", 'quotes " \\ /', "é", "水", "🦉 astral", "\ufeff", "\uffff")
echo("echoBinary", b"", b"\x00", b"plain", bytes(range(256)))
echo("echoColor", 0, 5, 6, -3, 12345)
echo("echoLevel", 1, 5, 10)
echo("echoTimestamp", 0, 1700000000123, -1)
echo("echoUserID", 0, -2147483648)
echo("echoBools", [], [True], [False, True, False] * 100)
echo("echoInts", [], [0], [-2147483648, 2147483647], list(range(-50, 50)))
echo("echoNames", [], [""], ["a", "b", "a"])
echo("echoMatrix", [], [[]], [[], [1], [2, 3], []], skip=no_nested_lists)
echo("echoIntSet", [], [1], [3, 1, 2, -5])
echo("echoStringSet", [], [""], ["b", "a", "🦉"])
echo("echoIntToString", {}, {0: ""}, {1: "one", -1: "minus", 2147483647: "max"}, skip=no_maps)
echo("echoDeep", {}, {"a": {}}, {"a": {1: [], 2: ["x", "y"]}, "": {0: [""]}}, skip=no_maps)


@check("echoItems")
def _(c):
    item = c.thrift.Item
    c.echoes("echoItems", [], [item(name="a", count=1)], [item(name="a", count=1), item(), item(price=0.5)])


@check("echoStringToItems", no_maps)
def _(c):
    item = c.thrift.Item
    c.echoes("echoStringToItems", {}, {"": []}, {"one": [item(name="a", count=1)], "two": [item(), item()]})


@check("echoPointToString", either(no_maps, no_odd_keys))
def _(c):
    point = c.shared.Point
    c.echoes("echoPointToString", {}, {point(x=1, y=2): "a", point(x=2, y=1): "b"})


@check("echoEmpty")
def _(c):
    c.echoes("echoEmpty", c.thrift.Empty())


@check("echoAll", either(no_maps, no_odd_keys))
def _(c):
    c.echoes("echoAll", c.all_types())


@check("describeAll", either(no_maps_in, no_odd_keys))
def _(c):
    value = c.all_types()
    same(c.connect().describeAll(value), peer.text_of_argument(c.service, "describeAll", value))


@check("string that is not UTF-8", text_only)
def _(c):
    for value in (b"\xff", b"a\xc3", b"\xed\xa0\x80"):
        same(c.connect().echoString(value), value)


def no_large_bodies(o):
    if o.reference and o.server_aio and o.transport == "http":
        return "thriftpy2's asyncio HTTP server takes no body over 1 MiB"
    return None


@check("string of 1 MiB", either(no_large_bodies, too_large))
def _(c):
    c.echoes("echoString", "x" * (1 << 20), "é🦉" * (1 << 17))


@check("binary of 1 MiB", either(no_large_bodies, too_large))
def _(c):
    c.echoes("echoBinary", bytes(range(256)) * (1 << 12))


@check("large lists", too_large)
def _(c):
    c.echoes("echoInts", list(range(100000)))
    c.echoes("echoNames", ["name %d" % i for i in range(20000)])
    c.echoes("echoItems", [c.thrift.Item(name="item", count=i, price=i / 8) for i in range(5000)])


@check("large map", either(no_maps, too_large))
def _(c):
    c.echoes("echoIntToString", {i: "value %d" % i for i in range(20000)})


@check("declaration order is not id order")
def _(c):
    value = c.thrift.Scrambled(last="z", first=-1, middle=0.5, zeroth=True)
    c.echoes("echoScrambled", value, c.thrift.Scrambled(last="", first=0, zeroth=False))
    want = 'Scrambled{last="z",first=-1,middle=3fe0000000000000,zeroth=true}'
    same(c.connect().describeScrambled(value), want)


@check("arguments go by declaration")
def _(c):
    same(c.connect().order("a", "b", "c"), "a-b-c")
    same(c.connect().order(b="b", c="c", a="a"), "a-b-c")


@check("ids far apart")
def _(c):
    sparse = c.thrift.Sparse
    c.echoes("echoSparse", sparse(one=1, seventeen=17, threeHundred="x", most=True), sparse(most=False), sparse(one=1))


@check("keywords of programming languages as names")
def _(c):
    same(c.connect().select("t", "r", "f"), "t-r-f")


PRESENT = {"requiredInt": 0, "plainInt": 0, "requiredString": "", "plainString": "", "plainList": []}


def presence(c, **fields):
    """Returns a Presence in which everything is set that a server may insist on, and fields."""
    return c.thrift.Presence(**dict(PRESENT, plainPoint=c.shared.Point(x=0, y=0), **fields))


@check("presence: optional fields absent")
def _(c):
    want = (
        'Presence{requiredInt=0,plainInt=0,requiredString="",plainString="",'
        "plainList=[],plainPoint=Point{x=0,y=0}}"
    )
    same(c.connect().describePresence(presence(c)), want)
    got = c.connect().echoPresence(presence(c))
    same([name for name, v in vars(got).items() if v is None and name.startswith("optional")],
         [f[1] for f in c.thrift.Presence.thrift_spec.values() if f[1].startswith("optional")])  # fmt: skip


@check("presence: optional fields present though zero", no_maps)
def _(c):
    value = presence(
        c, optionalInt=0, optionalString="", optionalBool=False, optionalDouble=0.0, optionalBinary=b"",
        optionalList=[], optionalSet=[], optionalMap={}, optionalPoint=c.shared.Point(x=0, y=0), optionalColor=0,
    )  # fmt: skip
    want = (
        'Presence{requiredInt=0,plainInt=0,optionalInt=0,requiredString="",plainString="",optionalString="",'
        "optionalBool=false,optionalDouble=0000000000000000,optionalBinary=x'',optionalList=[],optionalSet={},"
        "optionalMap={},optionalPoint=Point{x=0,y=0},optionalColor=0,plainList=[],plainPoint=Point{x=0,y=0}}"
    )
    same(c.connect().describePresence(value), want)
    c.echoes("echoPresence", value)


@check("presence: a required field missing", reference("does not insist on required fields"))
def _(c):
    client = c.connect()
    value = presence(c)
    value.requiredString = None
    with raises(TApplicationException):
        client.describePresence(value)
    same(client.ping(), "pong", "the connection afterwards:")


DEFAULTS = (
    "Defaults{aBool=true,aByte=-7,anI16=300,anI32=127,anI64=5000000000,aDouble=3ff8000000000000,"
    "aString=\"it is \\\"quoted\\\"\",aBinary=x'6279746573',color=5,level=10,aList=[1,2,3],aSet={\"a\",\"b\"},"
    'aMap={"one":1,"two":2},nested={"none":[],"odd":[1,3]},point=Point{x=3,y=4},answer=42,greeting="hello",'
    'optionalInt=11,optionalString="given",requiredInt=12,whole=4000000000000000,timestamp=-1}'
)


@check("defaults: sent", no_maps)
def _(c):
    value = c.thrift.Defaults()
    same(c.connect().describeDefaults(value), DEFAULTS)
    c.echoes("echoDefaults", value)


@check("defaults: filled in by the server")
def _(c):
    absent = {f[1]: None for f in c.thrift.Defaults.thrift_spec.values() if not f[-1]}
    same(c.connect().describeDefaults(c.thrift.Defaults(**absent)), DEFAULTS)


@check("defaults: set by the server", no_maps)
def _(c):
    same(c.text("newDefaults", c.connect().newDefaults()), DEFAULTS)


@check("defaults: overridden by zero")
def _(c):
    value = c.thrift.Defaults(
        aBool=False, aByte=0, anI16=0, anI32=0, anI64=0, aDouble=0.0, aString="", aBinary=b"", color=0, aList=[],
        aSet=[], aMap={}, nested={}, point=c.shared.Point(x=0, y=0), answer=0, greeting="", optionalInt=0,
        optionalString="", requiredInt=0, whole=0.0, timestamp=0, level=1,
    )  # fmt: skip
    same(c.connect().describeDefaults(value), peer.text_of_argument(c.service, "describeDefaults", value))
    c.echoes("echoDefaults", value)


@check("defaults of arguments")
def _(c):
    client = c.connect()
    same(client.greet(), "world*1@5")
    same(client.greet("you", 2, 10), "you*2@10")
    same(client.greet(times=0), "world*0@5")


@check("defaults of arguments: filled in by the server")
def _(c):
    client = c.connect()
    client._send("greet", name=None, times=3, level=None)
    same(client._recv("greet"), "world*3@5")


@check("unions")
def _(c):
    choice, point, empty = c.thrift.Choice, c.shared.Point, c.thrift.Empty
    values = [
        choice(number=0), choice(number=-1), choice(text=""), choice(text="🦉"), choice(point=point(x=1, y=2)),
        choice(many=[]), choice(many=[choice(number=1), choice(many=[choice(flag=True)])]),
        choice(flag=False), choice(flag=True), choice(nothing=empty()),
    ]  # fmt: skip
    c.echoes("echoChoice", *values)
    same(c.connect().describeChoice(values[0]), "Choice{number=0}")
    same(c.connect().describeChoice(values[6]), "Choice{many=[Choice{number=1},Choice{many=[Choice{flag=true}]}]}")


@check("recursive structs")
def _(c):
    tree = c.thrift.Tree
    leaves = [tree(name="leaf %d" % i) for i in range(3)]
    c.echoes("echoTree", tree(name="alone"), tree(name="root", children=[tree(name="branch", children=leaves)]))


@check("recursive structs in maps", no_maps)
def _(c):
    tree = c.thrift.Tree
    c.echoes("echoTree", tree(name="r", children=[], named={"a": tree(name="a", named={"b": tree(name="b")}), "": tree()}))


@check("recursion 50 levels deep")
def _(c):
    chain = None
    for i in range(50):
        chain = c.thrift.Chain(value=i, rest=chain)
    c.echoes("echoChain", chain)


@check("mutually recursive structs")
def _(c):
    person, company = c.thrift.Person, c.thrift.Company
    inner = company(name="inner", staff=[person(name="a"), person(name="b", employer=company(name="x", staff=[]))])
    c.echoes("echoPerson", person(name="p"), person(name="p", employer=inner))


@check("included types and the service extended")
def _(c):
    client = c.connect()
    same(client.mirror(c.shared.Point(x=1, y=-2)), c.shared.Point(x=-2, y=1))
    same(client.check(True), None)
    with raises(c.shared.Unavailable, reason="not ok", retryAfterMs=250):
        client.check(False)
    same(client.ping(), "pong")


@check("declared exceptions")
def _(c):
    client, t = c.connect(), c.thrift
    same(client.divide(7, 2), 3)
    same(client.divide(-7, 2), -3)
    same(client.divide(0, 5), 0)
    with raises(t.DivisionByZero, dividend=7):
        client.divide(7, 0)
    with raises(t.InvalidInput, field="b", code=-1, hints=["b >= 0", "try again"]):
        client.divide(7, -2)
    with raises(t.DivisionByZero, dividend=7):
        client.fail("zero")
    with raises(t.InvalidInput, field="kind", code=3, hints=[]):
        client.fail("invalid")
    with raises(c.shared.Unavailable, reason="closed", retryAfterMs=None):
        client.fail("unavailable")
    same(client.fail("not at all"), None)
    same(client.ping(), "pong")


@check(
    "application exception",
    lambda o: "thriftpy2's asyncio server drops the connection instead" if o.reference and o.server_aio else None,
)
def _(c):
    client = c.connect()
    with raises(TApplicationException, type=TApplicationException.PROTOCOL_ERROR, message="as asked"):
        client.fail("application")
    same(client.ping(), "pong", "the connection afterwards:")


@check("undeclared error", reference("drops the connection instead"))
def _(c):
    client = c.connect()
    with raises(TApplicationException, type=TApplicationException.INTERNAL_ERROR):
        client.fail("undeclared")
    same(client.ping(), "pong", "the connection afterwards:")


@check("no result")
def _(c):
    client = c.connect()
    with raises(TApplicationException, type=TApplicationException.MISSING_RESULT):
        client.absent()
    same(client.ping(), "pong", "the connection afterwards:")


def service(idl, name):
    """Returns the service S of the text of an IDL."""
    return thriftpy2.parser.load_fp(io.StringIO(idl), name + "_thrift").S


@check("unknown method")
def _(c):
    client = c.connect()
    unknown = service("service S { string unheardOf(1: string a, 2: list<map<i32, string>> b) }", "unknown")
    for _ in range(3):
        with raises(TApplicationException, type=TApplicationException.UNKNOWN_METHOD):
            c.other(client, unknown).unheardOf("a", [{1: "x"}, {}])
        same(client.echoI32(5), 5, "the connection afterwards:")


@check("unknown oneway method", reference("answers it"))
def _(c):
    client = c.connect()
    c.other(client, service("service S { oneway void unheardOf(1: string a) }", "unknown_oneway")).unheardOf("a")
    for i in range(3):
        same(client.echoI32(i), i, "the connection afterwards:")


# A newer version of the client: the server does not know these fields.
NEWER = """
struct Inner { 1: double d, 2: list<Inner> inners }
struct Item {
  -1: string negative,
  1: string name,
  2: i32 count,
  100: bool b, 101: byte y, 102: i16 h, 103: i32 i, 104: i64 l, 105: double d, 106: string s, 107: binary x,
  108: list<string> strings, 109: set<i32> ints, 110: list<Inner> inners, 111: map<string, list<Inner>> named,
  112: map<i32, bool> flags, 113: Inner inner, 114: list<bool> bools, 115: map<string, string> none,
  3: optional double price,
}
service S { Item echoItem(1: Item v, 7: Item more) }
"""


@check("unknown fields")
def _(c):
    newer = service(NEWER, "newer")
    module = sys.modules["newer_thrift"]
    inner = module.Inner(d=1.0, inners=[module.Inner(d=2.0), module.Inner(inners=[])])
    item = module.Item(
        negative="n", name="kept", count=3, price=0.25, b=True, y=-1, h=-2, i=-3, l=-4, d=-5.0, s="six", x=b"\xff",
        strings=["a", ""], ints=[1, 2], inners=[inner, inner], named={"a": [inner], "b": []}, flags={1: True, 2: False},
        inner=inner, bools=[True, False], none={},
    )  # fmt: skip
    client = c.connect()
    for _ in range(3):
        got = c.other(client, newer).echoItem(item, item)
        same((got.name, got.count, got.price), ("kept", 3, 0.25))
    same(client.ping(), "pong")


@check("field of another type", lambda o: "thriftpy2's JSON carries no types" if o.protocol == "thriftpy2-json" else None)
def _(c):
    idl = "struct Item { 1: string name, 2: list<i32> count, 3: i64 price } service S { Item echoItem(1: Item v) }"
    other = service(idl, "other")
    item = sys.modules["other_thrift"].Item
    client = c.connect()
    mixed = c.other(client, other)
    mixed._send("echoItem", v=item(name="kept", count=[1, 2, 3], price=7))
    got = client._recv("echoItem")
    same((got.name, got.price), ("kept", None))
    same(got.count in (None, 0), True, "count is absent or 0:")
    same(client.ping(), "pong")


@check("oneway")
def _(c):
    client, token = c.connect(), uuid.uuid4().hex
    same(client.notified(token), 0)
    for _ in range(10):
        same(client.notify(token), None)
    same(client.echoI32(7), 7, "the connection afterwards:")
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while client.notified(token) < 10 and time.monotonic() < deadline:
        time.sleep(0.01)
    same(client.notified(token), 10)


@check("a slow call")
def _(c):
    client, start = c.connect(), time.monotonic()
    client.sleep(120)
    same(time.monotonic() - start >= 0.12, True, "slept:")
    same(client.ping(), "pong")


@check("many calls on one connection", one_call)
def _(c):
    client = c.connect()
    for i in range(500):
        same(client.echoI32(i), i)


@check("calls of all kinds on one connection", one_call)
def _(c):
    client, t = c.connect(), c.thrift
    for i in range(100):
        same(client.echoString("s%d" % i), "s%d" % i)
        with raises(t.DivisionByZero, dividend=i):
            client.divide(i, 0)
        client.notify("mixed")
        same(client.echoInts(list(range(i))), list(range(i)))
        with raises(TApplicationException):
            client.absent()


@check("concurrent clients", one_call)
def _(c):
    clients, calls = 16, 100
    if c.options.aio:

        async def use(n):
            client = await c.connect_aio(c.service)
            try:
                return [await client.echoString("%d/%d" % (n, i)) for i in range(calls)]
            finally:
                client.close()

        async def use_all():
            return await asyncio.gather(*(use(n) for n in range(clients)))

        got = c.loop.run_until_complete(use_all())
    else:
        got = [None] * clients

        def use(n):
            client = c.make_client(c.service, **c.arguments())
            got[n] = [client.echoString("%d/%d" % (n, i)) for i in range(calls)]
            client.close()

        threads = [threading.Thread(target=use, args=(n,)) for n in range(clients)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    same(got, [["%d/%d" % (n, i) for i in range(calls)] for n in range(clients)])


@check(
    "a slow call holds up nobody else",
    lambda o: "thriftpy2's HTTP client sends and receives in one" if o.transport == "http" else None,
)
def _(c):
    slow, fast = c.connect(), c.connect()
    fast.ping()
    start = time.monotonic()
    slow._send("sleep", ms=1000)
    same(fast.ping(), "pong")
    answered = time.monotonic() - start
    same(slow._recv("sleep"), None)
    same(answered < time.monotonic() - start, True, "answered before the slow call:")
    same(answered < 1, True, "answered while the slow call slept:")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="host:port or unix:PATH")
    peer.add_arguments(parser)
    parser.add_argument("--reference", action="store_true", help="the server is server.py: skip what thriftpy2 cannot do")
    parser.add_argument("--server-aio", action="store_true", help="with --reference: it runs with --aio")
    parser.add_argument("--only", type=re.compile, metavar="REGEXP", help="run the checks whose names match")
    options = parser.parse_args()

    # thriftpy2 leaves it to the garbage collector to close the sessions of asyncio HTTP, and aiohttp complains.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    context = Context(options)
    count = {"ok": 0, "skip": 0, "FAIL": 0}
    for name, function, skip in CHECKS:
        if options.only and not options.only.search(name):
            continue
        verdict, detail = "ok", ""
        why = skip(options)
        if why:
            verdict, detail = "skip", why
        else:
            try:
                function(context)
            except Failure as e:
                verdict, detail = "FAIL", str(e)
            except Exception as e:  # noqa: BLE001: whatever a check meets is its result
                where = traceback.extract_tb(e.__traceback__)
                lines = [f.lineno for f in where if f.filename == __file__]
                verdict, detail = "FAIL", "line %d: %s: %s" % (lines[-1], type(e).__name__, shorten(e))
            context.close()
        count[verdict] += 1
        print("%s %s%s" % (verdict, name, detail and ": " + detail.replace("\n", " ")), flush=True)
        if name == "ping" and verdict == "FAIL":  # the others would only wait for their timeouts
            break
    print("%d ok, %d failed, %d skipped" % (count["ok"], count["FAIL"], count["skip"]))
    sys.exit(1 if count["FAIL"] else 0)


if __name__ == "__main__":
    main()
