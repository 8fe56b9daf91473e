"""Calls a server of conformance.thrift with the tracked client of an unmodified thriftpy2.

Prints "upgraded VERSION" (0: the server knows nothing of tracking), "response META" in JSON for each reply's header,
and a line for each check, "ok NAME" or "FAIL NAME: what". The exit code is 1 if any failed.
"""

import argparse
import json
import sys

from thriftpy2.contrib.tracking import TrackerBase, TTrackedClient
from thriftpy2.contrib.tracking.tracker import ctx
from thriftpy2.thrift import TApplicationException
from thriftpy2.transport import TSocket

import peer


class Tracker(TrackerBase):
    def init_handshake_info(self, handshake):
        handshake.app_id = self.client

    def handle_response_header(self, header):
        print("response", json.dumps(header.meta, sort_keys=True), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="host:port or unix:PATH")
    peer.add_arguments(parser)
    parser.add_argument("--meta", type=json.loads, default={}, metavar="JSON", help="what goes with every call")
    options = parser.parse_args()
    thrift = peer.load(options)
    factories = peer.factories(options)

    kind, _, path = options.target.partition(":")
    host, _, port = options.target.rpartition(":")
    socket = TSocket(unix_socket=path) if kind == "unix" else TSocket(host, int(port))
    socket.set_timeout(10000)
    transport = factories["trans_factory"].get_transport(socket)
    transport.open()
    ctx.meta = options.meta
    tracker = Tracker("conformance client", "conformance server")
    client = TTrackedClient(tracker, thrift.Conformance, factories["proto_factory"].get_protocol(transport))
    print("upgraded", client.current_version, flush=True)

    def calls():
        assert client.ping() == "pong"
        for i in range(50):
            assert client.echoI32(i) == i
        assert client.echoString("x" * (1 << 20)) == "x" * (1 << 20)

    def exceptions():
        for i in range(3):
            try:
                client.divide(i, 0)
                raise AssertionError("no exception")
            except thrift.DivisionByZero as e:
                assert e.dividend == i
        assert client.ping() == "pong"

    def oneway():
        for _ in range(5):
            client.notify("tracked")
        assert client.echoI32(7) == 7

    def undeclared():
        try:
            client.fail("undeclared")
            raise AssertionError("no exception")
        except TApplicationException as e:
            assert e.type == TApplicationException.INTERNAL_ERROR, e
        assert client.ping() == "pong"

    failed = 0
    for name, check in (("calls", calls), ("exceptions", exceptions), ("oneway", oneway), ("undeclared error", undeclared)):
        try:
            check()
            print("ok", name)
        except Exception as e:  # noqa: BLE001: whatever a check meets is its result
            failed += 1
            print("FAIL %s: %s: %s" % (name, type(e).__name__, str(e)[:300].replace("\n", " ")))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
