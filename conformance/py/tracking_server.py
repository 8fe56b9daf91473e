"""The conformance service on the tracked processor of an unmodified thriftpy2.

Prints "READY host:port" when it listens, then "handshake APP_ID VERSION" for each connection that upgrades and
"request JSON" with request_id, seq and meta for each tracked call, and serves until its standard input closes. The
header of a reply has the call's meta and "served-by".
"""

import argparse
import json
import os
import sys
import threading

from thriftpy2.contrib.tracking import TrackerBase, TTrackedProcessor
from thriftpy2.server import TThreadedServer
from thriftpy2.transport import TServerSocket

import peer
from server import Handler


class Tracker(TrackerBase):
    def handle_handshake_info(self, handshake):
        print("handshake", handshake.app_id, handshake.version, flush=True)

    def handle(self, header):
        super().handle(header)
        seen = {"request_id": header.request_id, "seq": header.seq, "meta": header.meta}
        print("request", json.dumps(seen, sort_keys=True), flush=True)
        self.add_response_meta(**dict(header.meta or {}, **{"served-by": "thriftpy2"}))


class Server(TThreadedServer):
    """Has a processor for each connection, as TTrackedProcessor needs."""

    def __init__(self, thrift, *args, **kwargs):
        super().__init__(None, *args, **kwargs)
        self.service, self.handler = thrift.Conformance, Handler(thrift)

    def handle(self, client):
        connection = TThreadedServer.__new__(TThreadedServer)
        connection.__dict__.update(self.__dict__, processor=TTrackedProcessor(Tracker(), self.service, self.handler))
        connection.handle(client)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peer.add_arguments(parser)
    options = parser.parse_args()
    factories = peer.factories(options)

    sock = TServerSocket("127.0.0.1", 0)
    sock.listen()
    sock.listen = lambda: None  # serve listens, and does not tell when it does
    server = Server(
        peer.load(options), sock, itrans_factory=factories["trans_factory"], iprot_factory=factories["proto_factory"]
    )  # fmt: skip
    threading.Thread(target=server.serve, daemon=True).start()
    print("READY %s:%d" % sock.sock.getsockname()[:2], flush=True)
    while sys.stdin.buffer.read1(4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
