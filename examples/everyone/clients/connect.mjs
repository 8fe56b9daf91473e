// Connect for Node: npm install @connectrpc/connect-node @bufbuild/buf
// thriftkit gen proto --out proto foo.thrift && npx buf build proto -o foo.binpb
import { readFileSync } from "node:fs";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync("foo.binpb")));
const transport = createConnectTransport({ baseUrl: "http://127.0.0.1:6000", httpVersion: "2" });
const client = createClient(registry.getService("foo.PingPong"), transport);
const reply = await client.login({ username: "Connect", password: "secret" });
console.log(reply.result);
