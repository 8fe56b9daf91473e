"use strict";

/* What server.js and client.js share: the library and the generated code of $THRIFTKIT_NODE, which scripts/peers/node.sh
 * makes; the routes, and the text form of values.
 *
 * A route is "protocol/transport/socket". The library does not support
 *
 *   zlib          it has no such transport
 *   json/header   THeaderProtocol carries binary and compact (ProtocolMap in header_protocol.js)
 *
 * and an HTTP server of it on a unix socket would not know the path of the URL from its own. What else it cannot do is
 * its own fault, and kept clear of: FAULTS names it.
 */
const path = require("path");

const place = process.env.THRIFTKIT_NODE;
if (!place) {
  throw new Error("THRIFTKIT_NODE is not set: scripts/peers/node.sh --env tells it");
}
const thrift = require(path.join(place, "node_modules", "thrift"));
const generated = (name) => require(path.join(place, "gen", name));
const schemas = ["conformance", "shared"].map((name) => require(path.join(place, "json", name + ".json")));

// What the library or its generated code does wrong, whatever the other side is.
const FAULTS = {
  structKeys: "Node turns structs that are keys into the text [object Object]",
  boolKeys: "Node turns every key of bool into true",
  negativeZero: "Node writes negative zero as zero",
  compactBools: "Node's compact reads every bool in a container as false",
  jsonDoubles: "Node's JSON writes NaN and infinities as bare words",
  jsonNegatives: "Node's JSON writes small negative i64 with leading zeros",
  jsonLists: "Node's JSON misreads empty lists and sets in containers",
};

// THeaderProtocol prepends the header when it is itself flushed; generated clients flush the transport.
class HeaderTransport extends thrift.TBufferedTransport {
  flush() {
    this.writeHeaders();
    super.flush();
  }
}
HeaderTransport.receiver = thrift.TBufferedTransport.receiver;

class CompactHeaderTransport extends HeaderTransport {
  constructor(...args) {
    super(...args);
    this.setProtocolId(2);
  }
}

const PROTOCOLS = { binary: thrift.TBinaryProtocol, compact: thrift.TCompactProtocol, json: thrift.TJSONProtocol };
const TRANSPORTS = { buffered: thrift.TBufferedTransport, framed: thrift.TFramedTransport, header: null, http: thrift.TBufferedTransport };

const MULTIPLEXED = "binary/buffered/mux";

const ROUTES = [];
for (const protocol in PROTOCOLS) {
  for (const transport in TRANSPORTS) {
    for (const socket of ["tcp", "tls", "unix"]) {
      if (protocol + transport !== "jsonheader" && transport + socket !== "httpunix") {
        ROUTES.push([protocol, transport, socket].join("/"));
      }
    }
  }
}
ROUTES.push(MULTIPLEXED);

// Returns the transport and the protocol of a route, as options of the library. Servers answer in the protocol
// in which they were asked.
function stack(route, forServer) {
  const [protocol, transport] = route.split("/");
  if (transport !== "header") {
    return { transport: TRANSPORTS[transport], protocol: PROTOCOLS[protocol] };
  }
  const header = protocol === "compact" ? CompactHeaderTransport : HeaderTransport;
  return { transport: forServer ? thrift.TBufferedTransport : header, protocol: thrift.THeaderProtocol };
}

const structs = {};
for (const schema of schemas) {
  for (const s of schema.structs) {
    structs[s.name] = s;
  }
}
const methods = {};
for (const schema of schemas) {
  for (const f of schema.services.flatMap((s) => s.functions)) {
    methods[f.name] = f;
  }
}

// Returns the text of value as the result of a method that answers its argument.
const textOfResult = (method, value) => text(value, methods[method].returnTypeId, methods[method].returnType);

// Returns the text of value as the first argument of a method.
const textOfArgument = (method, value) => text(value, methods[method].arguments[0].typeId, methods[method].arguments[0].type);

// Returns value in the form that conformance.thrift describes. id and type are as in the compiler's description.
function text(value, id, type) {
  switch (id) {
    case "i64":
      return (value instanceof thrift.Int64 ? thrift.toBigInt(value) : value).toString();
    case "double":
      return Number.isNaN(value) ? "nan" : bits(value);
    case "string":
      return '"' + value.replace(/[\\"]/g, "\\$&") + '"';
    case "binary":
      return "x'" + Buffer.from(value).toString("hex") + "'";
    case "list":
      return "[" + value.map((v) => text(v, type.elemTypeId, type.elemType)).join() + "]";
    case "set":
      return "{" + value.map((v) => text(v, type.elemTypeId, type.elemType)).sort(byBytes).join() + "}";
    case "map": {
      const pairs = Object.entries(value).map(([k, v]) => [text(k, type.keyTypeId, type.keyType), text(v, type.valueTypeId, type.valueType)]);
      return "{" + pairs.sort((a, b) => byBytes(a[0], b[0])).map((p) => p.join(":")).join() + "}"; // prettier-ignore
    }
    case "struct":
    case "union": {
      const name = type.class.replace("shared.", "");
      const present = structs[name].fields.filter((f) => value[f.name] !== null && value[f.name] !== undefined);
      return name + "{" + present.map((f) => f.name + "=" + text(value[f.name], f.typeId, f.type)).join() + "}";
    }
  }
  return String(value); // bool and the integers; keys of objects are text already
}

function bits(double) {
  const b = Buffer.alloc(8);
  b.writeDoubleBE(double);
  return b.toString("hex");
}

const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));

module.exports = {
  thrift, FAULTS, ROUTES, MULTIPLEXED, stack, methods, textOfResult, textOfArgument,
  service: generated("Conformance"), base: generated("Base"), types: generated("conformance_types"), shared: generated("shared_types"),
}; // prettier-ignore
