# Apache Thrift for Python: THeader, with metadata
from foo import PingPong  # thrift --gen py -out . foo.thrift
from thrift.protocol.THeaderProtocol import THeaderProtocolFactory
from thrift.transport.TSocket import TSocket

protocol = THeaderProtocolFactory().getProtocol(TSocket("127.0.0.1", 6000))
client = PingPong.Client(protocol)
protocol.trans.open()
protocol.trans.set_header(b"trace", b"42")
print(client.ping())
protocol.trans.close()
