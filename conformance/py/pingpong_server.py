"""The smallest thriftpy2 server. Usage: pingpong_server.py [PORT]"""

import os
import sys

import thriftpy2
from thriftpy2.rpc import make_server

here = os.path.dirname(os.path.abspath(__file__))
foo_thrift = thriftpy2.load(os.path.join(here, "../testdata/foo.thrift"), module_name="foo_thrift")


class Dispatcher:
    def ping(self):
        return "pong"

    def login(self, username, password):
        return "登录成功!"


server = make_server(foo_thrift.PingPong, Dispatcher(), "127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 6000)
server.serve()
