// Serves some of Shop on a free port that it prints, until standard input ends.
//
// usage: server.mjs grpc-js|connect FOLDER
//
// FOLDER has shop.proto and status.proto, and what "buf build" makes of them. grpc-js is @grpc/grpc-js; connect is @connectrpc/connect-node, over
// HTTP/1.1.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const [mode, folder] = process.argv.slice(2);
const require = createRequire(join(process.env.PEER, "package.json"));
const { create, createFileRegistry, fromBinary, toBinary } = require("@bufbuild/protobuf");
const { FileDescriptorSetSchema, anyPack } = require("@bufbuild/protobuf/wkt");
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(join(folder, "shop.binpb"))));
const notFound = registry.getMessage("shop.v1.NotFound");

function grpcJS() {
  const grpc = require("@grpc/grpc-js");
  // Messages as bytes: protobufjs, which proto-loader uses, does not keep all that the types can hold.
  const desc = registry.getService("shop.v1.Shop");
  const service = {};
  for (const m of desc.methods) {
    service[m.name] = {
      path: `/shop.v1.Shop/${m.name}`,
      requestStream: m.methodKind === "client_streaming" || m.methodKind === "bidi_streaming",
      responseStream: m.methodKind === "server_streaming" || m.methodKind === "bidi_streaming",
      requestDeserialize: (b) => fromBinary(m.input, b),
      responseSerialize: (x) => Buffer.from(toBinary(m.output, create(m.output, x))),
    };
  }
  const fail = (code, message, details) => {
    const metadata = new grpc.Metadata();
    if (details) metadata.set("grpc-status-details-bin", Buffer.from(details));
    return { code, message, metadata };
  };
  const server = new grpc.Server();
  server.addService(service, {
    ping: (call, done) => done(null, { result: "pong" }),
    add: (call, done) => done(null, { result: BigInt(call.request.a + (call.request.b ?? 5)) }),
    echo: (call, done) => {
      const value = call.request.value;
      if (value.name === "missing") {
        const status = registry.getMessage("status.Status");
        const detail = anyPack(notFound, create(notFound, { key: "missing", code: 7 }));
        return done(fail(grpc.status.NOT_FOUND, "gone", toBinary(status, create(status, { code: grpc.status.NOT_FOUND, message: "gone", details: [detail] }))));
      }
      if (value.name === "denied") return done(fail(grpc.status.PERMISSION_DENIED, "not you"));
      done(null, value);
    },
    metadata: (call, done) => {
      const header = new grpc.Metadata();
      header.set("x-reply", "r");
      call.sendMetadata(header);
      const trailer = new grpc.Metadata();
      trailer.set("x-after-bin", Buffer.from([0, 255]));
      done(null, { result: String(call.metadata.get(call.request.key)[0] ?? "") }, trailer);
    },
    wait: (call, done) => done(null, { result: Math.floor((call.getDeadline() - Date.now()) / 1000) }),
    count: (call) => {
      for (let i = 0; i < call.request.upTo; i++) call.write({ x: i });
      call.end();
    },
    sum: (call, done) => {
      let sum = 0;
      call.on("data", (p) => (sum += p.x)).on("end", () => done(null, { result: sum }));
    },
    mirror: (call) => call.on("data", (p) => call.write({ x: p.y, y: p.x })).on("end", () => call.end()),
  });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (e, port) => {
    if (e) throw e;
    console.log(port);
  });
}

function connect() {
  const { Code, ConnectError, encodeBinaryHeader } = require("@connectrpc/connect");
  const { connectNodeAdapter } = require("@connectrpc/connect-node");
  const shop = {
    ping: () => ({ result: "pong" }),
    add: (r) => ({ result: BigInt(r.a + (r.b ?? 5)) }),
    echo: ({ value }) => {
      if (value.name === "missing") throw new ConnectError("gone", Code.NotFound, undefined, [{ desc: notFound, value: { key: "missing", code: 7 } }]);
      if (value.name === "denied") throw new ConnectError("not you", Code.PermissionDenied);
      return value;
    },
    metadata: (r, context) => {
      context.responseHeader.set("x-reply", "r");
      context.responseTrailer.set("x-after-bin", encodeBinaryHeader(new Uint8Array([0, 255])));
      return { result: context.requestHeader.get(r.key) ?? "" };
    },
    wait: (r, context) => ({ result: Math.floor((context.timeoutMs() ?? 0) / 1000) }),
    count: async function* (r) {
      for (let i = 0; i < r.upTo; i++) yield { x: i };
    },
    sum: async (points) => {
      let sum = 0;
      for await (const p of points) sum += p.x;
      return { result: sum };
    },
  };
  const server = createServer(connectNodeAdapter({ routes: (router) => router.service(registry.getService("shop.v1.Shop"), shop) }));
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
}

(mode === "grpc-js" ? grpcJS : connect)();
process.stdin.on("end", () => process.exit(0)).resume();
