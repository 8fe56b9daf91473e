# Apache Thrift for Python: pip install thrift; thrift --gen py -out . foo.thrift
from foo import PingPong
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TFramedTransport

transport = TFramedTransport(TSocket("127.0.0.1", 6000))
client = PingPong.Client(TCompactProtocol(transport))
transport.open()
print(client.login("Apache Thrift", "secret"))
transport.close()
