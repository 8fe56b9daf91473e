"""Checks a server of conformance.thrift that wants SASL PLAIN with the SASL client transport of an unmodified thriftpy2.

Prints a line for each check, "ok NAME" or "FAIL NAME: what"; the exit code is 1 if any failed.
"""

import argparse
import contextlib
import sys

from puresasl.client import SASLClient
from thriftpy2.protocol import TCyBinaryProtocolFactory
from thriftpy2.protocol.binary import TBinaryProtocolFactory
from thriftpy2.protocol.compact import TCompactProtocolFactory
from thriftpy2.thrift import TClient
from thriftpy2.transport import TSocket, TTransportException
from thriftpy2.transport.sasl import TSaslClientTransport, TCySaslClientTransport

import peer


class Client:
    """What TSaslClientTransport wants of a SASL library, on pure-sasl."""

    def __init__(self, user, password):
        self.sasl = SASLClient("localhost", "thrift", username=user, password=password)

    def start(self, mechanism):
        self.sasl.choose_mechanism([mechanism], allow_anonymous=False)
        return True, self.sasl.mechanism, self.sasl.process()

    def encode(self, data):
        return True, self.sasl.wrap(data)

    def decode(self, data):
        return True, self.sasl.unwrap(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="host:port")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    options = parser.parse_args()
    options.idl = peer.IDL
    service = peer.load(options).Conformance
    host, _, port = options.target.rpartition(":")

    @contextlib.contextmanager
    def connect(factory, password=options.password, transport=TSaslClientTransport):
        socket = TSocket(host, int(port), socket_timeout=10000)
        transport = transport(lambda: Client(options.user, password), "PLAIN", socket)
        try:
            transport.open()
            yield TClient(service, factory.get_protocol(transport))
        finally:
            socket.close()

    def calls(factory, **kwargs):
        with connect(factory, **kwargs) as client:
            assert client.ping() == "pong"
            for i in range(100):
                assert client.echoI32(i) == i
            for size in (0, 1, 1 << 20):
                assert client.echoString("x" * size) == "x" * size
            client.notify("sasl")
            assert client.echoInts(list(range(1000))) == list(range(1000))

    def accelerated_calls(factory):
        calls(factory, transport=TCySaslClientTransport)

    def refuses(password):
        try:
            with connect(TBinaryProtocolFactory(), password):
                raise AssertionError("the password %r is accepted" % password)
        except TTransportException:
            pass

    failed = 0
    for name, check, argument in (
        ("calls in binary", calls, TBinaryProtocolFactory()),
        ("calls in binary, accelerated", accelerated_calls, TCyBinaryProtocolFactory()),
        ("calls in compact", calls, TCompactProtocolFactory()),
        ("another password", refuses, options.password + "?"),
        ("no password", refuses, ""),
    ):
        try:
            check(argument)
            print("ok", name)
        except Exception as e:  # noqa: BLE001: whatever a check meets is its result
            failed += 1
            print("FAIL %s: %s: %s" % (name, type(e).__name__, str(e)[:300].replace("\n", " ")))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
