"""The conformance service on Apache Thrift's Python library: a listener for each route that the library has.

Prints "ROUTE protocol/transport/socket ADDRESS" for each and then "READY", and serves until its standard
input closes. ADDRESS is host:port or unix:PATH. peer.py says which routes the library lacks.
"""

import argparse
import http.server
import logging
import os
import ssl
import sys
import threading
import time
from collections import Counter

from thrift.server.THttpServer import THttpServer
from thrift.server.TServer import TThreadedServer
from thrift.Thrift import TApplicationException
from thrift.TMultiplexedProcessor import TMultiplexedProcessor
from thrift.transport.TSocket import TServerSocket
from thrift.transport.TSSLSocket import TSSLServerSocket

import peer
from peer import base, service, shared, types

HOST = "127.0.0.1"


class Handler:
    """Implements the service as conformance.thrift describes it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.tokens = Counter()

    def __getattr__(self, name):
        if name.startswith("echo"):
            return lambda v: v
        if name.startswith("describe"):
            return lambda v: peer.text_of_argument(name, v)
        raise AttributeError(name)

    def ping(self):
        return "pong"

    def mirror(self, p):
        return shared.Point(x=p.y, y=p.x)

    def check(self, ok):
        if not ok:
            raise shared.Unavailable(reason="not ok", retryAfterMs=250)

    def newDefaults(self):
        return types.Defaults()

    def order(self, a, b, c):
        return "-".join((a, b, c))

    def greet(self, name, times, level):
        return "%s*%d@%d" % (name, times, level)

    def select(self, type, range, func):
        return "-".join((type, range, func))

    def absent(self):
        return None

    def divide(self, a, b):
        if b == 0:
            raise types.DivisionByZero(dividend=a)
        if b < 0:
            raise types.InvalidInput(field="b", code=-1, hints=["b >= 0", "try again"])
        return a // b if a >= 0 else -(-a // b)

    def fail(self, kind):
        if kind == "zero":
            raise types.DivisionByZero(dividend=7)
        if kind == "invalid":
            raise types.InvalidInput(field="kind", code=3, hints=[])
        if kind == "unavailable":
            raise shared.Unavailable(reason="closed")
        if kind == "application":
            raise TApplicationException(TApplicationException.PROTOCOL_ERROR, "as asked")
        if kind == "undeclared":
            raise RuntimeError("undeclared, as asked")

    def notify(self, token):
        with self.lock:
            self.tokens[token] += 1

    def notified(self, token):
        with self.lock:
            return self.tokens[token]

    def sleep(self, ms):
        time.sleep(ms / 1000)


class HTTPServer(http.server.ThreadingHTTPServer):
    """Serves more than one connection at a time."""

    request_queue_size = 128
    daemon_threads = True


def serve_http(route, options, processor):
    """Starts to serve a route over HTTP, and returns the address."""
    secure = route.endswith("/tls")
    pem = {"cert_file": options.tls + "/server.pem", "key_file": options.tls + "/server.key"} if secure else {}
    _, protocol = peer.factories(route)
    server = THttpServer(processor, (HOST, 0), protocol, server_class=HTTPServer, **pem)
    threading.Thread(target=server.serve, daemon=True).start()
    return "%s:%d" % server.httpd.server_address


def serve(route, options, processor):
    """Starts to serve a route, and returns the address."""
    kind = route.split("/")[2]
    if kind == "unix":
        path = os.path.join(options.unix, route.replace("/", "-"))
        sock = TServerSocket(unix_socket=path)
    elif kind == "tls":
        sock = TSSLServerSocket(
            HOST, 0, certfile=options.tls + "/server.pem", keyfile=options.tls + "/server.key",
            ssl_version=ssl.PROTOCOL_TLS_SERVER,  # the default is that of clients
        )  # fmt: skip
    else:
        sock = TServerSocket(HOST, 0)
    sock.listen()
    sock.listen = lambda: None  # serve listens, and does not tell when it does
    transport, protocol = peer.factories(route)
    server = TThreadedServer(processor, sock, transport, protocol, daemon=True)
    threading.Thread(target=server.serve, daemon=True).start()
    return "unix:" + path if kind == "unix" else "%s:%d" % sock.handle.getsockname()[:2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tls", metavar="DIR", required=True, help="has server.pem and server.key")
    parser.add_argument("--unix", metavar="DIR", required=True, help="where unix sockets go")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)

    handler = Handler()
    multiplexed = TMultiplexedProcessor()
    multiplexed.registerProcessor("Conformance", service.Processor(handler))
    multiplexed.registerProcessor("Base", base.Processor(handler))

    for route in peer.ROUTES + peer.NESTED_ROUTES:
        if route == peer.MULTIPLEXED:
            address = serve(route, options, multiplexed)
        else:
            start = serve_http if peer.below(route) == "http" else serve
            # One for each: THttpServer leaves a mark on it.
            address = start(route, options, service.Processor(handler))
        print("ROUTE", route, address, flush=True)
    print("READY", flush=True)

    while sys.stdin.buffer.read1(4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
