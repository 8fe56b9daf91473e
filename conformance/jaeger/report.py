"""Reports spans to an agent at HOST:PORT with Jaeger's client, by UDP: report.py PROTOCOL HOST PORT.

PROTOCOL is compact, as the client has it, or binary, which agents take on another port.
"""

import sys
import time

from jaeger_client import Config
from jaeger_client.reporter import Reporter
from thrift.protocol.TBinaryProtocol import TBinaryProtocol


def main():
    protocol, host, port = sys.argv[1:]
    if protocol == "binary":
        Reporter.getProtocol = lambda self, transport: TBinaryProtocol(transport)
    config = Config(
        config={
            "sampler": {"type": "const", "param": 1},
            "local_agent": {"reporting_host": host, "reporting_port": int(port)},
            "tags": {"place": "长沙"},
        },
        service_name="reporter",
    )
    tracer = config.initialize_tracer()
    for i in range(20):
        with tracer.start_span("outer", tags={"number": i, "ratio": 0.5, "even": i % 2 == 0}) as outer:
            outer.log_kv({"event": "begun"})
            with tracer.start_span("inner", child_of=outer):
                pass
    closing = tracer.close()  # of another thread: it has no way to wait for it
    while not closing.done():
        time.sleep(0.01)
    print("reported")


if __name__ == "__main__":
    main()
