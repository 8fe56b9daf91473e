// Calls Shop and prints what comes, a line for each call.
//
// usage: client.mjs grpc-js|grpc|grpc-web|connect FOLDER TARGET
//
// FOLDER has shop.proto, and what "buf build" makes of it. grpc-js is @grpc/grpc-js; the others are protocols of @connectrpc/connect-node.

import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [mode, folder, target] = process.argv.slice(2);
const require = createRequire(join(process.env.PEER, "package.json"));

// A peer calls a method: unary, or with a list of messages, or for one.
async function grpcJS() {
  const grpc = require("@grpc/grpc-js");
  const definition = require("@grpc/proto-loader").loadSync(join(folder, "shop.proto"), { keepCase: true, longs: String, enums: String, defaults: false });
  const { Shop } = grpc.loadPackageDefinition(definition).shop.v1;
  const client = new Shop(target, grpc.credentials.createInsecure());
  const fail = (e) => ({ code: grpc.status[e.code], message: e.details });
  return {
    unary: (method, request, options = {}) =>
      new Promise((resolve, reject) => {
        const deadline = options.timeout ? Date.now() + options.timeout : Infinity;
        const metadata = new grpc.Metadata();
        for (const [k, v] of Object.entries(options.metadata ?? {})) metadata.set(k, k.endsWith("-bin") ? Buffer.from(v, "base64") : v);
        const call = client[method](request, metadata, { deadline }, (e, reply) => (e ? reject(fail(e)) : resolve({ reply, header })));
        let header = {};
        call.on("metadata", (m) => (header = m.getMap()));
      }),
    server: (method, request) =>
      new Promise((resolve, reject) => {
        const items = [];
        const call = client[method](request);
        call.on("data", (x) => items.push(x)).on("error", (e) => reject(fail(e))).on("end", () => resolve(items));
      }),
    client: (method, items) =>
      new Promise((resolve, reject) => {
        const call = client[method]((e, reply) => (e ? reject(fail(e)) : resolve(reply)));
        for (const x of items) call.write(x);
        call.end();
      }),
    bidi: (method, items) =>
      new Promise((resolve, reject) => {
        const got = [];
        const call = client[method]();
        call.on("data", (x) => got.push(x)).on("error", (e) => reject(fail(e))).on("end", () => resolve(got));
        for (const x of items) call.write(x);
        call.end();
      }),
    close: () => client.close(),
  };
}

async function connect() {
  const { createFileRegistry, fromBinary } = require("@bufbuild/protobuf");
  const { FileDescriptorSetSchema } = require("@bufbuild/protobuf/wkt");
  const { Code, createClient } = require("@connectrpc/connect");
  const transports = require("@connectrpc/connect-node");
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(join(folder, "shop.binpb"))));
  const baseUrl = "http://" + target;
  const transport = {
    grpc: () => transports.createGrpcTransport({ baseUrl }),
    "grpc-web": () => transports.createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    connect: () => transports.createConnectTransport({ baseUrl, httpVersion: "1.1" }),
  }[mode]();
  const client = createClient(registry.getService("shop.v1.Shop"), transport);
  const fail = (e) => ({ code: Code[e.code].replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase(), message: e.rawMessage });
  const all = async (stream) => {
    const items = [];
    for await (const x of stream) items.push(x);
    return items;
  };
  const guard = (p) => p.catch((e) => Promise.reject(fail(e)));
  async function* each(items) {
    yield* items;
  }
  return {
    unary: (method, request, options = {}) => {
      let header = {};
      const headers = options.metadata ?? {};
      return guard(
        client[method](request, { headers, timeoutMs: options.timeout, onHeader: (h) => (header = Object.fromEntries(h)) }).then((reply) => ({ reply, header }))
      );
    },
    server: (method, request) => guard(all(client[method](request))),
    client: (method, items) => guard(client[method](each(items))),
    bidi: (method, items) => guard(all(client[method](each(items)))),
    close: () => {},
  };
}

const peer = await (mode === "grpc-js" ? grpcJS() : connect());
const status = (p) => p.then(() => "OK", (e) => `${e.code} ${JSON.stringify(e.message)}`);
const print = (...words) => console.log(...words.map((w) => (typeof w === "string" ? w : JSON.stringify(w, (_, v) => (typeof v === "bigint" ? String(v) : v)))));

print("ping", (await peer.unary("ping", {})).reply.result);
print("add", String((await peer.unary("add", { a: 2, b: 3 })).reply.result));
print("add default", String((await peer.unary("add", { a: 2 })).reply.result));
print("names", (await peer.unary("names", { count: 2 })).reply.result);
print("where", (await peer.unary("where", { who: "me" })).reply.result.me.y);
print("missing", await status(peer.unary("echo", { value: { name: "missing" } })));
print("nothing", await status(peer.unary("nothing", { why: "100% é" })));
print("undeclared", await status(peer.unary("echo", { value: { name: "undeclared" } })));
print("range", await status(peer.unary("echo_direct", { tiny: 128 })));
print("deadline", (await status(peer.unary("wait", { millis: 60000 }, { timeout: 50 }))).split(" ")[0]);
const { reply, header } = await peer.unary("metadata", { key: "x-a-bin" }, { metadata: { "x-a-bin": "YQBi" } });
print("metadata", reply.result, header["x-reply"]);
print("count", (await peer.server("count", { upTo: 3 })).map((p) => p.x ?? 0));
print("count error", await status(peer.server("count", { upTo: 2000 })));
if (mode === "grpc-js" || mode === "grpc") {
  print("sum", (await peer.client("sum", [{ x: 1 }, { x: 2 }])).result);
  print("mirror", (await peer.bidi("mirror", [{ x: 1, y: 2 }, { x: 3 }])).map((p) => [p.x ?? 0, p.y ?? 0]));
}
peer.close();
process.exit(0);
