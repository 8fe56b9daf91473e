"""What server.py and client.py share: the routes, and the text form of values.

A route is "protocol/transport/socket". The library supports all of them but

  json/header   THeaderProtocol carries binary and compact (PROTOCOLS_BY_ID in protocol/THeaderProtocol.py)
  http/unix     THttpServer and THttpClient take a host and a port

Two faults of the library are kept clear of. Its JSON protocol writes infinities and NaN as bare words, which nobody
can read, itself included (TJSONProtocol.writeDouble). Its zlib transport loses what it has decompressed beyond 4096
bytes when an accelerated protocol reads from it (TZlibTransport.cstringio_refill): there the pure ones are used.
"""

import inspect
import struct

import conformance.Conformance
import conformance.shared.Base
import conformance.shared.ttypes
import conformance.ttypes
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAcceleratedFactory, TBinaryProtocolFactory
from thrift.protocol.TCompactProtocol import TCompactProtocolAcceleratedFactory, TCompactProtocolFactory
from thrift.protocol.THeaderProtocol import THeaderProtocolFactory
from thrift.protocol.TJSONProtocol import TJSONProtocolFactory
from thrift.Thrift import TType
from thrift.transport.THeaderTransport import THeaderSubprotocolID
from thrift.transport.TTransport import TBufferedTransport, TBufferedTransportFactory, TFramedTransportFactory
from thrift.transport.TZlibTransport import TZlibTransport

service = conformance.Conformance
base = conformance.shared.Base
shared = conformance.shared.ttypes
types = conformance.ttypes

# The compiler makes structs that are no keys, though the IDL has maps and sets of them.
shared.Point.__hash__ = lambda self: hash((self.x, self.y))


class ZlibTransportFactory:
    """TZlibTransport over a buffer, with no limit to what one connection may carry."""

    def getTransport(self, transport):
        return TZlibTransport(TBufferedTransport(transport), max_decompressed_size=1 << 40)


PROTOCOLS = {
    "binary": TBinaryProtocolAcceleratedFactory(fallback=True),
    "compact": TCompactProtocolAcceleratedFactory(fallback=True),
    "json": TJSONProtocolFactory(),
}
ZLIB_PROTOCOLS = {
    "binary": TBinaryProtocolFactory(),
    "compact": TCompactProtocolFactory(),
    "json": TJSONProtocolFactory(),
}
HEADER_PROTOCOLS = {
    "binary": THeaderProtocolFactory(default_protocol=THeaderSubprotocolID.BINARY),
    "compact": THeaderProtocolFactory(default_protocol=THeaderSubprotocolID.COMPACT),
}
# What may be below the header: NESTED names transports that have it inside.
NESTED = {"framed-header": "framed", "zlib-header": "zlib", "http-header": "http"}
TRANSPORTS = {
    "buffered": TBufferedTransportFactory(),
    "framed": TFramedTransportFactory(),
    "header": TBufferedTransportFactory(),  # below the header
    "zlib": ZlibTransportFactory(),
    "http": None,  # in the server and the client
}
SOCKETS = ("tcp", "tls", "unix")

MULTIPLEXED = "binary/buffered/mux"

ROUTES = [
    "/".join((protocol, transport, socket))
    for protocol in PROTOCOLS
    for transport in TRANSPORTS
    for socket in SOCKETS
    if (protocol, transport) != ("json", "header") and (transport, socket) != ("http", "unix")
] + [MULTIPLEXED]
NESTED_ROUTES = [
    "/".join((protocol, transport, socket))
    for protocol in HEADER_PROTOCOLS
    for transport in NESTED
    for socket in SOCKETS
    if (transport, socket) != ("http-header", "unix")
]


def below(route):
    """Returns the transport that carries the messages of a route, or their headers."""
    transport = route.split("/")[1]
    return NESTED.get(transport, transport)


def factories(route):
    """Returns the transport's and the protocol's factory of a route."""
    protocol, transport, _ = route.split("/")
    if transport in NESTED:
        return TRANSPORTS[NESTED[transport]], HEADER_PROTOCOLS[protocol]
    protocols = {"header": HEADER_PROTOCOLS, "zlib": ZLIB_PROTOCOLS}.get(transport, PROTOCOLS)
    return TRANSPORTS[transport], protocols[protocol]


def text_of_argument(method, value):
    """Returns the text of value as the first argument of method."""
    return _text_of_field(getattr(service, method + "_args").thrift_spec[1], value)


def text_of_result(method, value):
    """Returns the text of value as the result of method."""
    return _text_of_field(getattr(service, method + "_result").thrift_spec[0], value)


def _text_of_field(field, value):  # (id, ttype, name, spec, default)
    return text(value, field[1], field[3])


def text(value, ttype, spec=None):
    """Returns value in the form that conformance.thrift describes. ttype and spec are as in thrift_spec."""
    if ttype == TType.BOOL:
        return "true" if value else "false"
    if ttype in (TType.BYTE, TType.I16, TType.I32, TType.I64):
        return "%d" % value
    if ttype == TType.DOUBLE:
        return "nan" if value != value else struct.pack(">d", value).hex()
    if ttype == TType.STRING:
        if spec == "BINARY":
            return "x'%s'" % value.hex()
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
    if ttype == TType.LIST:
        return "[%s]" % ",".join(text(v, spec[0], spec[1]) for v in value)
    if ttype == TType.SET:
        return "{%s}" % ",".join(sorted((text(v, spec[0], spec[1]) for v in value), key=str.encode))
    if ttype == TType.MAP:
        pairs = [(text(k, spec[0], spec[1]), text(v, spec[2], spec[3])) for k, v in value.items()]
        return "{%s}" % ",".join("%s:%s" % p for p in sorted(pairs, key=lambda p: p[0].encode()))
    fields = {field[2]: field for field in value.thrift_spec if field}
    declared = list(inspect.signature(type(value)).parameters) if fields else []
    present = [(name, getattr(value, name)) for name in declared]
    return "%s{%s}" % (
        type(value).__name__,
        ",".join("%s=%s" % (name, _text_of_field(fields[name], v)) for name, v in present if v is not None),
    )
