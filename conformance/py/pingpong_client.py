"""The smallest thriftpy2 client: prints what the calls answer. Usage: pingpong_client.py [PORT]"""

import os
import sys

import thriftpy2
from thriftpy2.rpc import make_client

here = os.path.dirname(os.path.abspath(__file__))
foo_thrift = thriftpy2.load(os.path.join(here, "../testdata/foo.thrift"), module_name="foo_thrift")

client = make_client(foo_thrift.PingPong, "127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 6000)
print(client.ping())
print(client.login("root", "pwd"))
client.close()
