"use strict";

/* Checks a server of conformance.thrift with the client of Apache Thrift's Node library.
 *
 *   node client.js --tls DIR [--reference] ROUTE=ADDRESS...
 *
 * Every argument is a route of peer.js and what server.js prints for it. For each, all checks that concern it are
 * run; each has connections of its own and prints one line: "ROUTE ok NAME", "ROUTE skip NAME: why" or
 * "ROUTE FAIL NAME: what". The exit code is 1 if any failed. With --reference the server is server.js: what it does
 * differently is skipped.
 */
const assert = require("assert");
const crypto = require("crypto");
const fs = require("fs");
const { parseArgs } = require("util");
const peer = require("./peer");
const { thrift, FAULTS, ROUTES, MULTIPLEXED, stack, methods, textOfResult, textOfArgument, service, base, types, shared } = peer;
const { Type, MessageType, TApplicationException, TApplicationExceptionType } = thrift.Thrift;

const TIMEOUT_MS = 20000;

const { values: options, positionals: targets } = parseArgs({
  options: { tls: { type: "string" }, reference: { type: "boolean", default: false } },
  allowPositionals: true,
});

// {name, run, concerns: which routes it concerns, skip: why it cannot be made; both functions of the context}
const CHECKS = [];

function check(name, run, { skip = () => undefined, concerns = () => true } = {}) {
  CHECKS.push({ name, run, skip, concerns });
}

const reference = (why) => () => (options.reference ? "Apache's Node server " + why : undefined);

function same(got, want, what = "got") {
  if (!Object.is(got, want)) {
    assert.fail(`${what} ${shorten(got)}, want ${shorten(want)}`);
  }
}

function shorten(value) {
  const s = typeof value === "string" ? JSON.stringify(value) : String(value);
  return s.length <= 400 ? s : `${s.slice(0, 400)}… (${s.length} characters)`;
}

// Expects the call to throw an exception of the kind whose fields have these values.
async function raises(kind, call, fields = {}) {
  let got;
  try {
    got = await call;
  } catch (e) {
    if (!(e instanceof kind)) {
      assert.fail(`${e && e.name} ${shorten(e)}, want ${kind.name}`);
    }
    for (const name in fields) {
      assert.deepStrictEqual(e[name], fields[name], `${kind.name}.${name} ${shorten(e[name])}, want ${shorten(fields[name])}`);
    }
    return;
  }
  assert.fail(`no exception but ${shorten(got)}, want ${kind.name}`);
}

const raisesApplication = (call, type) => raises(TApplicationException, call, { type });

// What a check gets: connections to the server over a route.
class Context {
  constructor(route, address) {
    Object.assign(this, { route, address, open: [] });
    [this.protocol, this.transport, this.socket] = route.split("/");
    this.json = this.protocol === "json";
  }

  // Returns a client on a new connection, which is closed after the check. Its methods fail when the connection does.
  connect() {
    return this.client(this.connection(), "Conformance", service);
  }

  connection() {
    const settings = stack(this.route, false);
    if (this.socket === "tls") {
      const pem = (name) => fs.readFileSync(options.tls + "/" + name);
      Object.assign(settings, { ca: pem("ca.pem"), cert: pem("client.pem"), key: pem("client.key") });
    }
    const [host, port] = this.address.split(":");
    let connection;
    if (this.transport === "http") {
      const { ca, cert, key, ...rest } = settings;
      connection = thrift.createHttpConnection(host, port, { ...rest, path: "/thrift", https: ca !== undefined, nodeOptions: { ca, cert, key } });
    } else if (this.socket === "unix") {
      connection = thrift.createUDSConnection(this.address.slice("unix:".length), settings);
    } else {
      connection = (this.socket === "tls" ? thrift.createSSLConnection : thrift.createConnection)(host, port, settings);
    }
    this.open.push(connection);
    connection.failed = new Promise((_, reject) => {
      connection.on("error", reject);
      connection.on("close", () => reject(new Error("the connection was closed")));
    });
    connection.failed.catch(() => {}); // it may come when nobody calls
    return connection;
  }

  // Returns a client of a service on a connection.
  client(connection, name, generated) {
    if (this.socket === "mux") {
      connection.multiplexer ??= new thrift.Multiplexer();
    }
    const client = connection.multiplexer
      ? connection.multiplexer.createClient(name, generated, connection)
      : thrift.createClient(generated, connection);
    return new Proxy(client, {
      get: (_, method) => (method in methods ? (...args) => this.wait(connection, client[method](...args)) : client[method]),
      set: (_, name, value) => Reflect.set(client, name, value),
    });
  }

  // Returns what a call does, unless it takes too long or the connection fails.
  wait(connection, call) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer in time")), TIMEOUT_MS);
    });
    return Promise.race([call, connection.failed, late]).finally(() => clearTimeout(timer));
  }

  close() {
    for (const connection of this.open) {
      if (connection.end) {
        connection.end();
      }
    }
    this.open = [];
  }

  // Checks that method of a new connection answers each of the values.
  async echoes(method, ...values) {
    const client = this.connect();
    for (const value of values) {
      same(textOfResult(method, await client[method](value)), textOfResult(method, value), method);
    }
  }

  // Returns the doubles, without those that the library cannot write: negative zero, and in JSON what is not finite.
  writable(...doubles) {
    return doubles.filter((d) => !Object.is(d, -0) && (!this.json || Number.isFinite(d)));
  }
}

// Small ones are numbers, because of FAULTS.jsonNegatives.
const i64 = (big) => (big === BigInt.asIntN(53, big) ? Number(big) : thrift.fromBigInt(big));
const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

const losesEmptyLists = (c) => (c.json ? FAULTS.jsonLists : undefined);

const echo = (method, ...values) => check(method, (c) => c.echoes(method, ...values));

check("ping", async (c) => same(await c.connect().ping(), "pong"));

echo("echoBool", true, false);
echo("echoByte", 0, 1, -1, 127, -128);
echo("echoI8", 0, 1, -1, 127, -128);
echo("echoI16", 0, 1, -1, 32767, -32768);
echo("echoI32", 0, 1, -1, 2147483647, -2147483648);
echo("echoI64", ...[0n, 1n, -1n, 1n << 53n, (1n << 53n) + 1n, 9223372036854775807n, -9223372036854775808n].map(i64));
check("echoDouble", (c) =>
  c.echoes("echoDouble", ...c.writable(0, -0, 1, -1.5, 0.1, 5e-324, 2.2250738585072014e-308, Number.MAX_VALUE, Infinity, -Infinity, NaN)),
);
echo("echoString", "", "a", "\0", "tab\t line\n", 'quotes " \\ /', "é", "水", "🦉 astral", "\ufeff", "\uffff");
echo("echoBinary", Buffer.alloc(0), Buffer.from("\0"), Buffer.from("plain"), bytes);
echo("echoColor", 0, 5, 6, -3, 12345);
echo("echoLevel", 1, 5, 10);
echo("echoTimestamp", ...[0n, 1700000000123n, -1n].map(i64));
echo("echoUserID", 0, -2147483648);
check("echoBools", (c) => c.echoes("echoBools", [], [true], Array(100).fill([false, true, false]).flat()), {
  skip: (c) => (c.protocol === "compact" ? FAULTS.compactBools : undefined),
});
echo("echoInts", [], [0], [-2147483648, 2147483647], Array.from({ length: 100 }, (_, i) => i - 50));
echo("echoNames", [], [""], ["a", "b", "a"]);
echo("echoMatrix", [], [[]], [[1], [2, 3]]);
check("echoMatrix with empty lists", (c) => c.echoes("echoMatrix", [[], [1], [2, 3], []]), { skip: losesEmptyLists });
echo("echoIntSet", [], [1], [3, 1, 2, -5]);
echo("echoStringSet", [], [""], ["b", "a", "🦉"]);
echo("echoIntToString", {}, { 0: "" }, { 1: "one", [-1]: "minus", 2147483647: "max" });
echo("echoDeep", {}, { a: {} }, { a: { 1: ["x"], 2: ["x", "y"] }, "": { 0: [""] } });
check("echoDeep with empty sets", (c) => c.echoes("echoDeep", { a: { 1: [], 2: ["x", "y"] } }), { skip: losesEmptyLists });
echo("echoItems", [], [new types.Item({ name: "a", count: 1 })], [{ name: "a", count: 1 }, {}, { price: 0.5 }].map((v) => new types.Item(v)));
echo("echoStringToItems", {}, { "": [] }, { one: [new types.Item({ name: "a", count: 1 })], two: [new types.Item(), new types.Item()] });
check("echoPointToString", (c) => c.echoes("echoPointToString", {}));
echo("echoEmpty", new types.Empty());

// Returns an AllTypes with all that the library can write.
function allTypes(c) {
  const { AllTypes, Item, Choice, Empty, Color } = types;
  const { Point, Level } = shared;
  return new AllTypes({
    aBool: true,
    aByte: -128,
    anI8: 127,
    anI16: -32768,
    anI32: 2147483647,
    anI64: i64(-9223372036854775808n),
    aDouble: -2.5e-300,
    aString: 'quotes " and \\, tab\t, 水 🦉',
    aBinary: bytes,
    color: Color.NEGATIVE,
    level: Level.HIGH,
    timestamp: i64(1700000000123n),
    user: -1,
    item: new Item({ name: "one", count: 1, price: 0.1 }),
    choice: new Choice({ many: [new Choice({ number: 0 }), new Choice({ text: "" }), new Choice({ nothing: new Empty() })] }),
    bools: [true, false, true],
    bytes: [0, -1, 127],
    shorts: [-32768, 32767],
    ints: [-2147483648, 0, 2147483647],
    longs: [-9223372036854775808n, 9223372036854775807n].map(i64),
    doubles: c.writable(0, -0, Infinity, -Infinity, NaN, 5e-324, Number.MAX_VALUE),
    strings: ["", "a", "é", "水", "🦉"],
    binaries: [[], [0], [0xff, 0xfe]].map((b) => Buffer.from(b)),
    colors: [Color.RED, Color.BLUE],
    items: [new Item({ name: "", count: 0 }), new Item({ name: "b", count: -1, price: 2.5 })],
    matrix: [[], [1], [2, 3]],
    intSet: [3, 1, 2],
    stringSet: ["b", "", "a"],
    pointSet: [new Point({ x: 1, y: 2 }), new Point({ x: 2, y: 1 })],
    intToString: { 1: "one", [-1]: "minus one" },
    stringToLong: { "": i64(0n), max: i64(9223372036854775807n) },
    boolToByte: {}, // FAULTS.boolKeys
    colorToItem: { [Color.GREEN]: new Item({ name: "green", count: 5 }) },
    stringToItems: { none: [], two: [new Item({ name: "a", count: 1 }), new Item({ name: "b", count: 2 })] },
    pointToString: {}, // FAULTS.structKeys
    deep: { a: { 1: ["x", "y"], 2: [] }, b: {} },
    deeper: [{}, { k: [[Buffer.from("v"), Buffer.alloc(0)], []] }],
    names: ["n1", "n2"],
    groups: { g: ["n1"], empty: [] },
    empty: new Empty(),
  });
}

// The text of allTypes but for the doubles.
const ALL_TYPES = (doubles) =>
  "AllTypes{aBool=true,aByte=-128,anI8=127,anI16=-32768,anI32=2147483647,anI64=-9223372036854775808," +
  `aDouble=81bac9a7b3b7302f,aString="quotes \\" and \\\\, tab\t, 水 🦉",aBinary=x'${bytes.toString("hex")}',` +
  'color=-3,level=10,timestamp=1700000000123,user=-1,item=Item{name="one",count=1,price=3fb999999999999a},' +
  'choice=Choice{many=[Choice{number=0},Choice{text=""},Choice{nothing=Empty{}}]},bools=[true,false,true],' +
  "bytes=[0,-1,127],shorts=[-32768,32767],ints=[-2147483648,0,2147483647]," +
  `longs=[-9223372036854775808,9223372036854775807],doubles=[${doubles}],strings=["","a","é","水","🦉"],` +
  "binaries=[x'',x'00',x'fffe'],colors=[0,6]," +
  'items=[Item{name="",count=0},Item{name="b",count=-1,price=4004000000000000}],matrix=[[],[1],[2,3]],' +
  'intSet={1,2,3},stringSet={"","a","b"},pointSet={Point{x=1,y=2},Point{x=2,y=1}},' +
  'intToString={-1:"minus one",1:"one"},stringToLong={"":0,"max":9223372036854775807},' +
  'boolToByte={},colorToItem={5:Item{name="green",count=5}},' +
  'stringToItems={"none":[],"two":[Item{name="a",count=1},Item{name="b",count=2}]},pointToString={},' +
  'deep={"a":{1:{"x","y"},2:{}},"b":{}},deeper=[{},{"k":[[x\'76\',x\'\'],[]]}],names=["n1","n2"],' +
  'groups={"empty":[],"g":["n1"]},empty=Empty{}}';

check("echoAll", (c) => {
  const value = allTypes(c);
  if (c.protocol === "compact") {
    value.bools = [false]; // FAULTS.compactBools
  } else if (c.json) {
    Object.assign(value, { matrix: [[1]], deep: {}, deeper: [], stringToItems: {}, groups: {} }); // FAULTS.jsonLists
  }
  return c.echoes("echoAll", value);
});

check("describeAll", async (c) => {
  const special = c.json ? "" : "7ff0000000000000,fff0000000000000,nan,";
  const doubles = "0000000000000000," + special + "0000000000000001,7fefffffffffffff";
  same(await c.connect().describeAll(allTypes(c)), ALL_TYPES(doubles));
});

check("string of 1 MiB", (c) => c.echoes("echoString", "x".repeat(1 << 20), "é🦉".repeat(1 << 17)));
check("binary of 1 MiB", (c) => c.echoes("echoBinary", Buffer.concat(Array(1 << 12).fill(bytes))));

check("large lists", async (c) => {
  await c.echoes("echoInts", Array.from({ length: 30000 }, (_, i) => i));
  await c.echoes("echoItems", Array.from({ length: 2000 }, (_, i) => new types.Item({ name: "item", count: i, price: i / 8 })));
});

check("large map", (c) => c.echoes("echoIntToString", Object.fromEntries(Array.from({ length: 8000 }, (_, i) => [i, "value " + i]))));

check("declaration order is not id order", async (c) => {
  const value = new types.Scrambled({ last: "z", first: -1, middle: 0.5, zeroth: true });
  await c.echoes("echoScrambled", value, new types.Scrambled({ last: "", first: 0, zeroth: false }));
  same(await c.connect().describeScrambled(value), 'Scrambled{last="z",first=-1,middle=3fe0000000000000,zeroth=true}');
});

check("arguments go by declaration", async (c) => same(await c.connect().order("a", "b", "c"), "a-b-c"));

check("ids far apart", (c) =>
  c.echoes("echoSparse", ...[{ one: 1, seventeen: 17, threeHundred: "x", most: true }, { most: false }, { one: 1 }].map((v) => new types.Sparse(v))),
);

check("keywords of programming languages as names", async (c) => same(await c.connect().select("t", "r", "f"), "t-r-f"));

// Returns a Presence in which everything is set that a server may insist on, and fields.
const presence = (fields) =>
  new types.Presence({ requiredInt: 0, plainInt: 0, requiredString: "", plainString: "", plainList: [], plainPoint: new shared.Point({ x: 0, y: 0 }), ...fields });

check("presence: optional fields absent", async (c) => {
  const want = 'Presence{requiredInt=0,plainInt=0,requiredString="",plainString="",plainList=[],plainPoint=Point{x=0,y=0}}';
  same(await c.connect().describePresence(presence()), want);
  await c.echoes("echoPresence", presence());
});

check("presence: optional fields present though zero", async (c) => {
  const value = presence({
    optionalInt: 0, optionalString: "", optionalBool: false, optionalDouble: 0, optionalBinary: Buffer.alloc(0),
    optionalList: [], optionalSet: [], optionalMap: {}, optionalPoint: new shared.Point({ x: 0, y: 0 }), optionalColor: 0,
  }); // prettier-ignore
  const want =
    'Presence{requiredInt=0,plainInt=0,optionalInt=0,requiredString="",plainString="",optionalString="",' +
    "optionalBool=false,optionalDouble=0000000000000000,optionalBinary=x'',optionalList=[],optionalSet={}," +
    "optionalMap={},optionalPoint=Point{x=0,y=0},optionalColor=0,plainList=[],plainPoint=Point{x=0,y=0}}";
  same(await c.connect().describePresence(value), want);
  await c.echoes("echoPresence", value);
});

// Calls a method, which the IDL need not know, with arguments that are written by hand: [id, type, write] each.
// What answers is the result's first field, read with read, or an exception.
function call(c, client, method, args, { read, kind = MessageType.CALL } = {}) {
  client._seqid = client.new_seqid();
  const connection = c.open[c.open.length - 1];
  const answer = new Promise((resolve, reject) => {
    client._reqs[client.seqid()] = (err, result) => (err ? reject(err) : resolve(result));
    client["recv_" + method] ??= (input, mtype, seqid) => {
      const callback = client._reqs[seqid];
      delete client._reqs[seqid];
      const x = new TApplicationException();
      x.read(input);
      input.readMessageEnd();
      callback(x);
    };
    const output = new client.pClass(client.output);
    output.writeMessageBegin(method, kind, client.seqid());
    struct(...args)(output);
    output.writeMessageEnd();
    client.output.flush();
  });
  answer.catch(() => {}); // of a oneway call
  return kind === MessageType.CALL ? c.wait(connection, answer) : undefined;
}

// Returns what writes a struct of fields.
const struct =
  (...fields) =>
  (output) => {
    output.writeStructBegin("");
    for (const [id, type, write] of fields) {
      output.writeFieldBegin("", type, id);
      write(output);
      output.writeFieldEnd();
    }
    output.writeFieldStop();
    output.writeStructEnd();
  };

const list = (type, ...elements) => (output) => {
  output.writeListBegin(type, elements.length);
  elements.forEach((write) => write(output));
  output.writeListEnd();
};

const string = (s) => (output) => output.writeString(s);
const i32 = (i) => (output) => output.writeI32(i);

check("presence: a required field missing", async (c) => {
  const client = c.connect();
  await raises(TApplicationException, call(c, client, "describePresence", [[1, Type.STRUCT, struct([1, Type.I32, i32(1)])]]));
  same(await client.ping(), "pong", "the connection afterwards:");
}, { skip: reference("does not insist on required fields") }); // prettier-ignore

const DEFAULTS =
  "Defaults{aBool=true,aByte=-7,anI16=300,anI32=127,anI64=5000000000,aDouble=3ff8000000000000," +
  "aString=\"it is \\\"quoted\\\"\",aBinary=x'6279746573',color=5,level=10,aList=[1,2,3],aSet={\"a\",\"b\"}," +
  'aMap={"one":1,"two":2},nested={"none":[],"odd":[1,3]},point=Point{x=3,y=4},answer=42,greeting="hello",' +
  'optionalInt=11,optionalString="given",requiredInt=12,whole=4000000000000000,timestamp=-1}';

check("defaults: sent", async (c) => {
  same(await c.connect().describeDefaults(new types.Defaults()), DEFAULTS);
  await c.echoes("echoDefaults", new types.Defaults());
}, { skip: (c) => (c.json ? FAULTS.jsonNegatives : undefined) }); // prettier-ignore

check("defaults: filled in by the server", async (c) => {
  same(await call(c, c.connect(), "describeDefaults", [[1, Type.STRUCT, struct([20, Type.I32, i32(12)])]]), DEFAULTS);
});

check("defaults: set by the server", async (c) => same(textOfResult("newDefaults", await c.connect().newDefaults()), DEFAULTS));

check("defaults: overridden by zero", async (c) => {
  const value = new types.Defaults({
    aBool: false, aByte: 0, anI16: 0, anI32: 0, anI64: i64(0n), aDouble: 0, aString: "", aBinary: Buffer.alloc(0), color: 0, aList: [],
    aSet: [], aMap: {}, nested: {}, point: new shared.Point({ x: 0, y: 0 }), answer: 0, greeting: "", optionalInt: 0,
    optionalString: "", requiredInt: 0, whole: 0, timestamp: i64(0n), level: 1,
  }); // prettier-ignore
  same(await c.connect().describeDefaults(value), textOfArgument("describeDefaults", value));
  await c.echoes("echoDefaults", value);
});

check("defaults of arguments", async (c) => {
  const client = c.connect();
  same(await client.greet("you", 2, 10), "you*2@10");
  same(await client.greet("", 0, 1), "*0@1");
  same(await call(c, client, "greet", []), "world*1@5");
  same(await call(c, client, "greet", [[2, Type.I32, i32(3)]]), "world*3@5");
});

check("unions", async (c) => {
  const choice = (v) => new types.Choice(v);
  const values = [
    { number: 0 }, { number: -1 }, { text: "" }, { text: "🦉" }, { point: new shared.Point({ x: 1, y: 2 }) },
    { many: [] }, { many: [choice({ number: 1 }), choice({ many: [choice({ flag: true })] })] },
    { flag: false }, { flag: true }, { nothing: new types.Empty() },
  ].map(choice); // prettier-ignore
  await c.echoes("echoChoice", ...values);
  same(await c.connect().describeChoice(values[0]), "Choice{number=0}");
  same(await c.connect().describeChoice(values[6]), "Choice{many=[Choice{number=1},Choice{many=[Choice{flag=true}]}]}");
});

check("recursive structs", async (c) => {
  const tree = (v) => new types.Tree(v);
  const leaves = [0, 1, 2].map((i) => tree({ name: "leaf " + i }));
  await c.echoes("echoTree", tree({ name: "alone" }), tree({ name: "root", children: [tree({ name: "branch", children: leaves })] }));
  await c.echoes("echoTree", tree({ name: "r", named: { a: tree({ name: "a", named: { b: tree({ name: "b" }) } }), "": tree() } }));
});

check("recursion 50 levels deep", (c) => {
  let chain;
  for (let i = 0; i < 50; i++) {
    chain = new types.Chain({ value: i, rest: chain });
  }
  return c.echoes("echoChain", chain);
});

check("mutually recursive structs", (c) => {
  const person = (v) => new types.Person(v);
  const company = (v) => new types.Company(v);
  const inner = company({ name: "inner", staff: [person({ name: "a" }), person({ name: "b", employer: company({ name: "x", staff: [] }) })] });
  return c.echoes("echoPerson", person({ name: "p" }), person({ name: "p", employer: inner }));
});

check("included types and the service extended", async (c) => {
  const client = c.connect();
  const got = await client.mirror(new shared.Point({ x: 1, y: -2 }));
  same(`${got.x},${got.y}`, "-2,1");
  same(await client.check(true), undefined);
  await raises(shared.Unavailable, client.check(false), { reason: "not ok", retryAfterMs: 250 });
  same(await client.ping(), "pong");
});

check("declared exceptions", async (c) => {
  const client = c.connect();
  same(await client.divide(7, 2), 3);
  same(await client.divide(-7, 2), -3);
  same(await client.divide(0, 5), 0);
  await raises(types.DivisionByZero, client.divide(7, 0), { dividend: 7 });
  await raises(types.InvalidInput, client.divide(7, -2), { field: "b", code: -1, hints: ["b >= 0", "try again"] });
  await raises(types.DivisionByZero, client.fail("zero"), { dividend: 7 });
  await raises(types.InvalidInput, client.fail("invalid"), { field: "kind", code: 3, hints: [] });
  await raises(shared.Unavailable, client.fail("unavailable"), { reason: "closed", retryAfterMs: null });
  same(await client.fail("not at all"), undefined);
  same(await client.ping(), "pong");
});

check("application exception", async (c) => {
  const client = c.connect();
  await raises(TApplicationException, client.fail("application"), { type: TApplicationExceptionType.PROTOCOL_ERROR, message: "as asked" });
  same(await client.ping(), "pong", "the connection afterwards:");
}, { skip: reference("writes no type of such exceptions") }); // prettier-ignore

check("undeclared error", async (c) => {
  const client = c.connect();
  await raisesApplication(client.fail("undeclared"), TApplicationExceptionType.INTERNAL_ERROR);
  same(await client.ping(), "pong", "the connection afterwards:");
}, { skip: reference("writes no type of such exceptions") }); // prettier-ignore

check("no result", async (c) => {
  const client = c.connect();
  let got;
  try {
    got = "no error but " + (await client.absent());
  } catch (e) {
    got = e.message || e;
  }
  same(/^(absent failed: unknown result|.*result.*)$/.test(got), true, got);
  same(await client.ping(), "pong", "the connection afterwards:");
});

check("unknown method", async (c) => {
  const client = c.connect();
  for (let i = 0; i < 3; i++) {
    const args = [[1, Type.STRING, string("a")], [2, Type.LIST, list(Type.I32, i32(1), i32(2))]]; // prettier-ignore
    await raisesApplication(call(c, client, "unheardOf", args), TApplicationExceptionType.UNKNOWN_METHOD);
    same(await client.echoI32(5), 5, "the connection afterwards:");
  }
}, { skip: reference("writes no type of such exceptions") }); // prettier-ignore

check("unknown oneway method", async (c) => {
  const client = c.connect();
  call(c, client, "unheardOf", [[1, Type.STRING, string("a")]], { kind: MessageType.ONEWAY });
  for (let i = 0; i < 3; i++) {
    same(await client.echoI32(i), i, "the connection afterwards:");
  }
}, { skip: reference("answers it") }); // prettier-ignore

check("unknown fields", async (c) => {
  const item = struct(
    [-1, Type.STRING, string("n")], [1, Type.STRING, string("kept")], [2, Type.I32, i32(3)],
    [100, Type.BOOL, (o) => o.writeBool(true)], [101, Type.BYTE, (o) => o.writeByte(-1)], [102, Type.I16, (o) => o.writeI16(-2)],
    [104, Type.I64, (o) => o.writeI64(i64(-4n))], [105, Type.DOUBLE, (o) => o.writeDouble(-5)],
    [107, Type.STRING, (o) => o.writeBinary(Buffer.from([0xff]))], [108, Type.LIST, list(Type.STRING, string("a"), string(""))],
    [113, Type.STRUCT, struct([1, Type.STRUCT, struct()], [9, Type.STRING, string("s")])], [3, Type.DOUBLE, (o) => o.writeDouble(0.25)],
  ); // prettier-ignore
  const client = c.connect();
  for (let i = 0; i < 3; i++) {
    const got = await call(c, client, "echoItem", [[1, Type.STRUCT, item], [7, Type.STRUCT, item]]); // prettier-ignore
    same(textOfResult("echoItem", got), 'Item{name="kept",count=3,price=3fd0000000000000}');
  }
  same(await client.ping(), "pong");
});

check("field of another type", async (c) => {
  const item = struct([1, Type.STRING, string("kept")], [2, Type.LIST, list(Type.I32, i32(1), i32(2))], [3, Type.I64, (o) => o.writeI64(7)]);
  const client = c.connect();
  const got = await call(c, client, "echoItem", [[1, Type.STRUCT, item]]);
  same(`${got.name} ${got.count || 0} ${got.price}`, "kept 0 null");
  same(await client.ping(), "pong");
});

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

check("oneway", async (c) => {
  const client = c.connect();
  const token = crypto.randomUUID();
  same(await client.notified(token), 0);
  for (let i = 0; i < 10; i++) {
    client.notify(token).catch(() => {}); // its promise is never kept
  }
  same(await client.echoI32(7), 7, "the connection afterwards:");
  const deadline = Date.now() + 5000;
  while ((await client.notified(token)) < 10 && Date.now() < deadline) {
    await pause(10);
  }
  same(await client.notified(token), 10);
});

check("a slow call", async (c) => {
  const client = c.connect();
  const start = Date.now();
  await client.sleep(120);
  same(Date.now() - start >= 115, true, "slept:"); // the clock is not that of the timer
  same(await client.ping(), "pong");
}, { skip: (c) => options.reference && c.transport === "header" ? "Apache's Node server sends what it answers later without a header" : undefined }); // prettier-ignore

check("many calls on one connection", async (c) => {
  const client = c.connect();
  for (let i = 0; i < 200; i++) {
    same(await client.echoI32(i), i);
  }
});

check("many calls at once on one connection", async (c) => {
  const client = c.connect();
  const numbers = Array.from({ length: 100 }, (_, i) => i);
  same((await Promise.all(numbers.map((i) => client.echoI32(i)))).join(), numbers.join());
});

check("calls of all kinds on one connection", async (c) => {
  const client = c.connect();
  for (let i = 0; i < 5; i++) {
    same(await client.echoString("s" + i), "s" + i);
    await raises(types.DivisionByZero, client.divide(i, 0), { dividend: i });
    client.notify("mixed").catch(() => {});
    same((await client.echoInts([i, i])).join(), `${i},${i}`);
  }
});

check("concurrent clients", async (c) => {
  const clients = Array.from({ length: 8 }, () => c.connect());
  const calls = clients.map(async (client, n) => {
    for (let i = 0; i < 20; i++) {
      same(await client.echoString(`${n}/${i}`), `${n}/${i}`);
    }
  });
  await Promise.all(calls);
});

check("two services on one connection", async (c) => {
  const connection = c.connection();
  const client = c.client(connection, "Conformance", service);
  const other = c.client(connection, "Base", base);
  for (let i = 0; i < 3; i++) {
    same(await client.echoI32(i), i);
    same(await other.ping(), "pong");
  }
  await raises(shared.Unavailable, other.check(false), { reason: "not ok", retryAfterMs: 250 });
  same(await client.ping(), "pong");
}, { concerns: (c) => c.route === MULTIPLEXED }); // prettier-ignore

check("headers", async (c) => {
  const client = c.connect();
  for (let i = 0; i < 3; i++) {
    client.output.setWriteHeader("key", "value " + i);
    same(await client.ping(), "pong");
  }
}, { concerns: (c) => c.transport === "header" }); // prettier-ignore

async function main() {
  const count = { ok: 0, FAIL: 0, skip: 0 };
  for (const target of targets) {
    const route = target.slice(0, target.indexOf("="));
    if (!ROUTES.includes(route)) {
      throw new Error("no such route: " + route);
    }
    const context = new Context(route, target.slice(route.length + 1));
    for (const { name, run, skip, concerns } of CHECKS) {
      if (!concerns(context)) {
        continue;
      }
      let verdict = "ok";
      let detail = skip(context);
      if (detail) {
        verdict = "skip";
      } else {
        try {
          await run(context);
        } catch (e) {
          verdict = "FAIL";
          detail = e instanceof assert.AssertionError ? e.message : `${e && e.name}: ${shorten(e && e.message)} ${e && e.stack && e.stack.split("\n")[1]}`;
        }
        context.close();
      }
      count[verdict]++;
      console.log(`${route} ${verdict} ${name}${detail ? ": " + detail.replaceAll("\n", " ") : ""}`);
      if (name === "ping" && verdict === "FAIL") {
        break; // the others would only wait for their timeouts
      }
    }
  }
  console.log(`done ${count.ok} ok, ${count.FAIL} failed, ${count.skip} skipped`);
  process.exit(count.FAIL ? 1 : 0);
}

main();
