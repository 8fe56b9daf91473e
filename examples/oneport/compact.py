# Apache Thrift for Python: compact, framed
from foo import PingPong  # thrift --gen py -out . foo.thrift
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TFramedTransport

transport = TFramedTransport(TSocket("127.0.0.1", 6000))
client = PingPong.Client(TCompactProtocol(transport))
transport.open()
print(client.ping())
transport.close()
