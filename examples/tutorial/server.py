import thriftpy2
from thriftpy2.rpc import make_server

foo_thrift = thriftpy2.load("foo.thrift", module_name="foo_thrift")


class Dispatcher:
    def ping(self):
        return "pong"

    def login(self, username, password):
        return "登录成功!"


server = make_server(foo_thrift.PingPong, Dispatcher(), "127.0.0.1", 6000)
server.serve()
