# thriftpy2: pip install thriftpy2
import thriftpy2
from thriftpy2.rpc import make_client

foo_thrift = thriftpy2.load("foo.thrift", module_name="foo_thrift")
client = make_client(foo_thrift.PingPong, "127.0.0.1", 6000)
print(client.login("thriftpy2", "secret"))
client.close()
