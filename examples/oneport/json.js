// Apache Thrift for Node: JSON over HTTP
const thrift = require("thrift");
const PingPong = require("./PingPong"); // thrift --gen js:node,es6 -out . foo.thrift

const connection = thrift.createHttpConnection("127.0.0.1", 6000, {
  transport: thrift.TBufferedTransport,
  protocol: thrift.TJSONProtocol,
  path: "/",
});
const client = thrift.createHttpClient(PingPong, connection);
client.ping().then(console.log);
