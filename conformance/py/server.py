"""The conformance service on an unmodified thriftpy2.

Prints one line when it listens, "READY host:port" or "READY unix:PATH", and then serves until it
gets SIGTERM or its standard input closes, so that it does not outlive the test that started it.
"""

import argparse
import asyncio
import http.server
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter

from thriftpy2.contrib.aio import http as aio_http
from thriftpy2.contrib.aio.socket import TAsyncServerSocket
from thriftpy2.http import THttpServer
from thriftpy2.rpc import make_aio_server, make_server
from thriftpy2.server import TSimpleServer
from thriftpy2.thrift import TApplicationException, TProcessor
from thriftpy2.transport import TSSLServerSocket

import peer


class Handler:
    """Implements the service as conformance.thrift describes it."""

    def __init__(self, thrift):
        self.thrift = thrift
        self.lock = threading.Lock()
        self.tokens = Counter()

    def __getattr__(self, name):
        if name.startswith("echo"):
            return lambda v: v
        if name.startswith("describe"):
            return lambda v: peer.text_of_argument(self.thrift.Conformance, name, v)
        raise AttributeError(name)

    def ping(self):
        return "pong"

    def mirror(self, p):
        return self.thrift.shared.Point(x=p.y, y=p.x)

    def check(self, ok):
        if not ok:
            raise self.thrift.shared.Unavailable(reason="not ok", retryAfterMs=250)

    def newDefaults(self):
        return self.thrift.Defaults()

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
            raise self.thrift.DivisionByZero(dividend=a)
        if b < 0:
            raise self.thrift.InvalidInput(field="b", code=-1, hints=["b >= 0", "try again"])
        return a // b if a >= 0 else -(-a // b)

    def fail(self, kind):
        if kind == "zero":
            raise self.thrift.DivisionByZero(dividend=7)
        if kind == "invalid":
            raise self.thrift.InvalidInput(field="kind", code=3, hints=[])
        if kind == "unavailable":
            raise self.thrift.shared.Unavailable(reason="closed")
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


class AsyncHandler:
    """The same handler for asyncio."""

    def __init__(self, handler):
        self.handler = handler

    def __getattr__(self, name):
        method = getattr(self.handler, name)

        async def call(*args):
            return method(*args)

        return call

    async def sleep(self, ms):
        await asyncio.sleep(ms / 1000)


class HTTPServer(http.server.ThreadingHTTPServer):
    """Serves more than one connection at a time."""

    request_queue_size = 128


def serve_http(service, handler, options):
    """Serves over HTTP for ever."""
    kwargs = peer.factories(options)
    server = THttpServer(
        TProcessor(service, handler), (options.host, options.port), kwargs["trans_factory"], kwargs["proto_factory"],
        server_class=HTTPServer,
    )  # fmt: skip
    print("READY %s:%d" % server.httpd.server_address[:2], flush=True)
    server.serve()


async def serve_aio_http(service, handler, options):
    """Serves over HTTP on asyncio for ever."""
    server = aio_http.make_server(
        service, AsyncHandler(handler), options.host, options.port,
        proto_factory=peer.factories(options)["proto_factory"],
        ssl_context=peer.tls_context(options, "server") if options.tls else None,
    )  # fmt: skip
    serving = asyncio.ensure_future(server.serve())
    while not (server._runner and server._runner.addresses):
        await asyncio.sleep(0.01)
    print("READY %s:%d" % server._runner.addresses[0][:2], flush=True)
    await serving


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peer.add_arguments(parser)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--unix", metavar="PATH", help="listen on a unix socket instead")
    parser.add_argument(
        "--client-timeout",
        type=int,
        default=3000,
        metavar="MS",
        help="how long a connection may be idle (with --aio: live), 0 is for ever; the default is thriftpy2's",
    )
    parser.add_argument("--simple", action="store_true", help="serve one connection at a time, by TSimpleServer")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)

    thrift = peer.load(options)
    handler = Handler(thrift)

    # Closing a thriftpy2 server does not end serve(), so the process ends instead.
    def stop(*_):
        if options.unix and os.path.exists(options.unix):
            os.unlink(options.unix)
        os._exit(0)

    def stop_at_end_of_input():
        while sys.stdin.buffer.read1(4096):
            pass
        stop()

    signal.signal(signal.SIGTERM, stop)
    threading.Thread(target=stop_at_end_of_input, daemon=True).start()

    if options.transport == "http" and options.aio:
        asyncio.run(serve_aio_http(thrift.Conformance, handler, options))
    if options.transport == "http":
        if options.tls:
            raise SystemExit("thriftpy2's HTTP server has no TLS")
        serve_http(thrift.Conformance, handler, options)
    kwargs = peer.factories(options)
    if options.unix:
        kwargs["unix_socket"] = options.unix
    else:
        kwargs.update(host=options.host, port=options.port or 1)
    if options.aio:
        kwargs["loop"] = loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        server = make_aio_server(thrift.Conformance, AsyncHandler(handler), **kwargs)
    else:
        server = make_server(thrift.Conformance, handler, **kwargs)
    if options.simple:
        server = TSimpleServer(
            server.processor, server.trans, iprot_factory=server.iprot_factory, itrans_factory=server.itrans_factory
        )

    # make_server takes no certificates of clients, refuses port 0, and ignores the timeout for unix sockets.
    if options.tls:
        make_socket = TAsyncServerSocket if options.aio else TSSLServerSocket
        server.trans = make_socket(options.host, options.port, ssl_context=peer.tls_context(options, "server"))
    server.trans.port = options.port
    server.trans.client_timeout = options.client_timeout / 1000 or None

    listen = server.trans.listen

    def listen_and_tell():
        listen()
        sock = server.trans.raw_sock if options.aio else server.trans.sock
        print("READY", "unix:" + options.unix if options.unix else "%s:%d" % sock.getsockname()[:2], flush=True)

    server.trans.listen = listen_and_tell
    server.serve()


if __name__ == "__main__":
    main()
