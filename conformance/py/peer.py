"""What server.py and client.py share: the IDL, the protocols and transports by name, text."""

import os
import ssl
import struct

import thriftpy2
from thriftpy2.contrib.aio.protocol import binary as aio_binary
from thriftpy2.contrib.aio.protocol import compact as aio_compact
from thriftpy2.contrib.aio.transport import buffered as aio_buffered
from thriftpy2.contrib.aio.transport import framed as aio_framed
from thriftpy2.protocol import TBinaryProtocolFactory
from thriftpy2.protocol.apache_json import TApacheJSONProtocolFactory
from thriftpy2.protocol.compact import TCompactProtocolFactory
from thriftpy2.protocol.json import TJSONProtocolFactory
from thriftpy2.thrift import TType
from thriftpy2.transport import TBufferedTransportFactory, TFramedTransportFactory
from thriftpy2.transport._ssl import create_thriftpy_context

IDL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "testdata", "conformance.thrift")

# name -> the factory for threads, the one for asyncio (None: there is none).
PROTOCOLS = {
    "binary": (TBinaryProtocolFactory, aio_binary.TAsyncBinaryProtocolFactory),
    "compact": (TCompactProtocolFactory, aio_compact.TAsyncCompactProtocolFactory),
    "thriftpy2-json": (TJSONProtocolFactory, None),
    "json": (TApacheJSONProtocolFactory, None),
}
TRANSPORTS = {
    "buffered": (TBufferedTransportFactory, aio_buffered.TAsyncBufferedTransportFactory),
    "framed": (TFramedTransportFactory, aio_framed.TAsyncFramedTransportFactory),
    "http": (TBufferedTransportFactory, aio_buffered.TAsyncBufferedTransportFactory),  # for asyncio there is none around the body
}


def add_arguments(parser):
    """Adds the arguments that say how to talk and what about."""
    parser.add_argument("--idl", default=IDL, help="the file with the service (default: conformance.thrift)")
    parser.add_argument("--protocol", choices=PROTOCOLS, default="binary")
    parser.add_argument("--transport", choices=TRANSPORTS, default="buffered")
    parser.add_argument("--aio", action="store_true", help="use asyncio instead of threads")
    parser.add_argument("--tls", metavar="FOLDER", help="speak TLS, with both sides' certificates: ca.pem, server.pem, ...")


def load(options):
    """Returns the module of the IDL."""
    return thriftpy2.load(options.idl, module_name="conformance_thrift")


def factories(options):
    """Returns the keyword arguments of thriftpy2's make_client and make_server that options ask for."""
    protocol = PROTOCOLS[options.protocol][options.aio]
    transport = TRANSPORTS[options.transport][options.aio]
    for factory, name in ((protocol, options.protocol), (transport, options.transport)):
        if factory is None:
            raise SystemExit("thriftpy2 has no %s for asyncio" % name)
    return {"proto_factory": protocol(), "trans_factory": transport()}


def tls_files(options, side):
    """Returns the paths of the authority's certificate, and of the certificate and the key of "server" or "client"."""
    return [os.path.join(options.tls, name) for name in ("ca.pem", side + ".pem", side + ".key")]


def tls_context(options, side):
    """Returns thriftpy2's context of TLS for "server" or "client", made to insist on the other's certificate."""
    ca, cert, key = tls_files(options, side)
    context = create_thriftpy_context(server_side=side == "server")
    context.load_verify_locations(ca)
    context.load_cert_chain(cert, key)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def text(value, ttype, spec=None):
    """Returns value in the form that conformance.thrift describes. ttype and spec are as in thrift_spec."""
    if ttype == TType.BOOL:
        return "true" if value else "false"
    if ttype in (TType.BYTE, TType.I16, TType.I32, TType.I64):
        return "%d" % value
    if ttype == TType.DOUBLE:
        return "nan" if value != value else struct.pack(">d", value).hex()
    if ttype == TType.BINARY:
        return "x'%s'" % (value.encode() if isinstance(value, str) else bytes(value)).hex()
    if ttype == TType.STRING:
        if isinstance(value, bytes):  # not UTF-8
            value = value.decode("utf-8", "surrogateescape")
        return '"%s"' % value.replace("\\", "\\\\").replace('"', '\\"')
    if ttype == TType.LIST:
        return "[%s]" % ",".join(text(v, *_type(spec)) for v in value)
    if ttype == TType.SET:
        return "{%s}" % ",".join(sorted((text(v, *_type(spec)) for v in value), key=_bytes))
    if ttype == TType.MAP:
        pairs = [(text(k, *_type(spec[0])), text(v, *_type(spec[1]))) for k, v in value.items()]
        return "{%s}" % ",".join("%s:%s" % p for p in sorted(pairs, key=lambda p: _bytes(p[0])))
    fields = []
    for field in type(value).thrift_spec.values():
        v = getattr(value, field[1])
        if v is not None:
            fields.append("%s=%s" % (field[1], text(v, *_field_type(field))))
    return "%s{%s}" % (type(value).__name__, ",".join(fields))


def text_of_argument(service, method, value):
    """Returns the text of value as the first argument of method."""
    field = next(iter(getattr(service, method + "_args").thrift_spec.values()))
    return text(value, *_field_type(field))


def text_of_result(service, method, value):
    """Returns the text of value as the result of method."""
    return text(value, *_field_type(getattr(service, method + "_result").thrift_spec[0]))


def _type(spec):
    return spec if isinstance(spec, tuple) else (spec,)


def _field_type(field):  # (ttype, name, required) or (ttype, name, spec, required)
    return (field[0], field[2]) if len(field) == 4 else (field[0],)


def _bytes(s):
    return s.encode("utf-8", "surrogateescape")
