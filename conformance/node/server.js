"use strict";

/* The conformance service on Apache Thrift's Node library: a listener for each route that the library has.
 *
 *   node server.js --tls DIR --unix DIR
 *
 * Prints "ROUTE protocol/transport/socket ADDRESS" for each and then "READY", and serves until its standard input
 * closes. ADDRESS is host:port or unix:PATH. peer.js says which routes the library lacks.
 *
 * Handlers call back at once where they can: what answers later over THeader goes without a header, because the
 * server has looked for the next message by then, with the same transport (createMultiplexServer in server.js).
 */
const fs = require("fs");
const path = require("path");
const { parseArgs } = require("util");
const { thrift, ROUTES, MULTIPLEXED, stack, methods, textOfArgument, service, base, types, shared } = require("./peer");

const HOST = "127.0.0.1";

const { values: options } = parseArgs({ options: { tls: { type: "string" }, unix: { type: "string" } } });

const tokens = new Map();

// Implements the service as conformance.thrift describes it.
const handler = {
  ping: (done) => done(null, "pong"),
  mirror: (p, done) => done(null, new shared.Point({ x: p.y, y: p.x })),
  check: (ok, done) => done(ok ? null : new shared.Unavailable({ reason: "not ok", retryAfterMs: 250 })),
  newDefaults: (done) => done(null, new types.Defaults()),
  order: (a, b, c, done) => done(null, [a, b, c].join("-")),
  greet: (name, times, level, done) => done(null, `${name}*${times}@${level}`),
  select: (type, range, func, done) => done(null, [type, range, func].join("-")),
  absent: (done) => done(null, null),
  divide(a, b, done) {
    if (b === 0) {
      done(new types.DivisionByZero({ dividend: a }));
    } else if (b < 0) {
      done(new types.InvalidInput({ field: "b", code: -1, hints: ["b >= 0", "try again"] }));
    } else {
      done(null, Math.trunc(a / b));
    }
  },
  fail(kind, done) {
    const { TApplicationException, TApplicationExceptionType } = thrift.Thrift;
    const errors = {
      zero: () => new types.DivisionByZero({ dividend: 7 }),
      invalid: () => new types.InvalidInput({ field: "kind", code: 3, hints: [] }),
      unavailable: () => new shared.Unavailable({ reason: "closed" }),
      application: () => new TApplicationException(TApplicationExceptionType.PROTOCOL_ERROR, "as asked"),
      undeclared: () => new Error("undeclared, as asked"),
    };
    done(kind in errors ? errors[kind]() : null);
  },
  notify: (token) => tokens.set(token, (tokens.get(token) || 0) + 1),
  notified: (token, done) => done(null, tokens.get(token) || 0),
  sleep: (ms, done) => setTimeout(done, ms),
};
for (const name in methods) {
  if (name.startsWith("echo")) {
    handler[name] = (v, done) => done(null, v);
  } else if (name.startsWith("describe")) {
    handler[name] = (v, done) => done(null, textOfArgument(name, v));
  }
}

// Returns a server of a route, which does not listen yet.
function create(route) {
  const settings = stack(route, true);
  if (route.endsWith("/tls")) {
    settings.tls = { key: fs.readFileSync(options.tls + "/server.key"), cert: fs.readFileSync(options.tls + "/server.pem") };
  }
  if (route.includes("/http/")) {
    const { tls, ...at } = settings;
    return thrift.createWebServer({ tls, services: { "/thrift": { ...at, processor: service, handler } } });
  }
  if (route !== MULTIPLEXED) {
    return thrift.createServer(service, handler, settings);
  }
  const multiplexed = new thrift.MultiplexedProcessor();
  multiplexed.registerProcessor("Conformance", new service.Processor(handler));
  multiplexed.registerProcessor("Base", new base.Processor(handler));
  return thrift.createMultiplexServer(multiplexed, settings);
}

// Starts to serve a route, and returns the address.
function serve(route) {
  const server = create(route);
  server.on("error", (err) => console.error(route, err)); // of connections, too
  const socket = path.join(options.unix, route.replaceAll("/", "-"));
  return new Promise((resolve) => {
    if (route.endsWith("/unix")) {
      server.listen(socket, () => resolve("unix:" + socket));
    } else {
      server.listen(0, HOST, () => resolve(HOST + ":" + server.address().port));
    }
  });
}

async function main() {
  for (const route of ROUTES) {
    console.log("ROUTE", route, await serve(route));
  }
  console.log("READY");
  process.stdin.resume().on("end", () => process.exit(0));
}

main();
