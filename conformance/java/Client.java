import conformance.AllTypes;
import conformance.Chain;
import conformance.Choice;
import conformance.Color;
import conformance.Company;
import conformance.Conformance;
import conformance.Defaults;
import conformance.DivisionByZero;
import conformance.Empty;
import conformance.InvalidInput;
import conformance.Item;
import conformance.Person;
import conformance.Presence;
import conformance.Scrambled;
import conformance.Sparse;
import conformance.Tree;
import conformance.shared.Base;
import conformance.shared.Level;
import conformance.shared.Point;
import conformance.shared.Unavailable;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.function.Predicate;
import javax.net.ssl.HttpsURLConnection;
import org.apache.thrift.TApplicationException;
import org.apache.thrift.TException;
import org.apache.thrift.protocol.TField;
import org.apache.thrift.protocol.TList;
import org.apache.thrift.protocol.TMap;
import org.apache.thrift.protocol.TMessage;
import org.apache.thrift.protocol.TMessageType;
import org.apache.thrift.protocol.TMultiplexedProtocol;
import org.apache.thrift.protocol.TProtocol;
import org.apache.thrift.protocol.TStruct;
import org.apache.thrift.protocol.TType;
import org.apache.thrift.transport.THttpClient;
import org.apache.thrift.transport.TSSLTransportFactory;
import org.apache.thrift.transport.TSocket;
import org.apache.thrift.transport.TTransport;

/**
 * Checks a server of the conformance service with Apache Thrift's Java library.
 *
 * <p>{@code Client --tls DIR ROUTE=ADDRESS...} prints "ROUTE ok NAME", "ROUTE skip NAME: why" or "ROUTE FAIL NAME: what"
 * for each check. The exit code is 1 if any failed.
 */
public final class Client {
  private static final int TIMEOUT_MS = 60000;

  private interface Body {
    void run(Context c) throws Exception;
  }

  private interface Call {
    void run() throws Exception;
  }

  /** One check. */
  private static final class Check {
    final String name;
    final Body body;

    Check(String name, Body body) {
      this.name = name;
      this.body = body;
    }
  }

  private static final class Failure extends Exception {
    private static final long serialVersionUID = 1;

    Failure(String message) {
      super(message);
    }
  }

  /** What a check gets: connections to the server, closed after it. */
  private static final class Context {
    final Routes.Route route;
    private final String host;
    private final int port;
    private final Routes.Certificates certificates;
    private final List<TTransport> open = Collections.synchronizedList(new ArrayList<>());

    Context(Routes.Route route, String address, Routes.Certificates certificates) {
      this.route = route;
      int colon = address.lastIndexOf(':');
      host = address.substring(0, colon);
      port = Integer.parseInt(address.substring(colon + 1));
      this.certificates = certificates;
    }

    TProtocol connect() throws Exception {
      TTransport t;
      boolean tls = route.socket.equals("tls");
      if (route.transport.equals("http")) {
        t = new THttpClient((tls ? "https" : "http") + "://" + host + ":" + port + "/thrift");
      } else if (tls) {
        t = TSSLTransportFactory.getClientSocket(host, port, TIMEOUT_MS, certificates.parameters());
      } else {
        t = new TSocket(host, port, TIMEOUT_MS);
      }
      t = route.transports().getTransport(t);
      if (!t.isOpen()) {
        t.open();
      }
      open.add(t);
      return route.protocols().getProtocol(t);
    }

    /** Returns a client on a protocol, multiplexed where the route is. */
    Conformance.Client client(TProtocol p) {
      return new Conformance.Client(route.socket.equals("mux") ? new TMultiplexedProtocol(p, "Conformance") : p);
    }

    Conformance.Client client() throws Exception {
      return client(connect());
    }

    void close() {
      open.forEach(TTransport::close);
      open.clear();
    }
  }

  private static final List<Check> CHECKS = new ArrayList<>();

  private Client() {}

  private static void check(String name, Body body) {
    CHECKS.add(new Check(name, body));
  }

  private static String shorten(String s) {
    return s.length() <= 300 ? s : s.substring(0, 300) + "… (" + s.length() + " characters)";
  }

  /** Fails unless the texts of both are the same. */
  private static void same(Object got, Object want) throws Failure {
    String g = Text.of(got);
    String w = Text.of(want);
    if (!g.equals(w)) {
      throw new Failure("got " + shorten(g) + ", want " + shorten(w));
    }
  }

  private static <E extends Exception> void raises(Class<E> kind, Predicate<E> ok, Call call) throws Exception {
    try {
      call.run();
    } catch (Exception e) {
      if (!kind.isInstance(e)) {
        throw e;
      }
      if (!ok.test(kind.cast(e))) {
        throw new Failure("another exception: " + e);
      }
      return;
    }
    throw new Failure("no exception, want " + kind.getSimpleName());
  }

  private static void raisesApplication(int type, Call call) throws Exception {
    raises(TApplicationException.class, e -> e.getType() == type, call);
  }

  /** Checks that a connection still works. */
  private static void usable(Conformance.Client client) throws Exception {
    for (int i = 0; i < 3; i++) {
      same(client.echoI32(i), i);
    }
  }

  private static void echoes(Context c, String method, Object... values) throws Exception {
    Method m = Arrays.stream(Conformance.Client.class.getMethods())
        .filter(x -> x.getName().equals(method)).findFirst().orElseThrow();
    Conformance.Client client = c.client();
    for (Object v : values) {
      same(m.invoke(client, v), v);
    }
  }

  /** Adds the check of an echo: each value comes back as it went. */
  private static void echo(String method, Object... values) {
    check(method, c -> echoes(c, method, values));
  }

  private static ByteBuffer bytes(int n) {
    byte[] b = new byte[n];
    for (int i = 0; i < n; i++) {
      b[i] = (byte) i;
    }
    return ByteBuffer.wrap(b);
  }

  private static ByteBuffer bytes(int... values) {
    byte[] b = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      b[i] = (byte) values[i];
    }
    return ByteBuffer.wrap(b);
  }

  private static Choice many(Choice... choices) {
    return Choice.many(List.of(choices));
  }

  private static AllTypes allTypes() {
    AllTypes v = new AllTypes();
    v.setABool(true).setAByte(Byte.MIN_VALUE).setAnI8(Byte.MAX_VALUE).setAnI16(Short.MIN_VALUE);
    v.setAnI32(Integer.MAX_VALUE).setAnI64(Long.MIN_VALUE).setADouble(-2.5e-300);
    v.setAString("quotes \" and \\, tab\t, 水 🦉").setABinary(bytes(256));
    v.setColor(Color.NEGATIVE).setLevel(Level.HIGH).setTimestamp(1700000000123L).setUser(-1);
    v.setItem(new Item("one", 1).setPrice(0.1));
    v.setChoice(many(Choice.number(0), Choice.text(""), Choice.nothing(new Empty())));
    v.setBools(List.of(true, false, true)).setBytes(List.of((byte) 0, (byte) -1, Byte.MAX_VALUE));
    v.setShorts(List.of(Short.MIN_VALUE, Short.MAX_VALUE));
    v.setInts(List.of(Integer.MIN_VALUE, 0, Integer.MAX_VALUE)).setLongs(List.of(Long.MIN_VALUE, Long.MAX_VALUE));
    v.setDoubles(List.of(0.0, -0.0, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN, Double.MIN_VALUE,
        Double.MAX_VALUE));
    v.setStrings(List.of("", "a", "é", "水", "🦉")).setBinaries(List.of(bytes(0), bytes(1), bytes(0xff, 0xfe)));
    v.setColors(List.of(Color.RED, Color.BLUE));
    v.setItems(List.of(new Item("", 0), new Item("b", -1).setPrice(-0.0)));
    v.setMatrix(List.of(List.of(), List.of(1), List.of(2, 3)));
    v.setIntSet(Set.of(3, 1, 2)).setStringSet(Set.of("b", "", "a"));
    v.setPointSet(Set.of(new Point(1, 2), new Point(2, 1)));
    v.setIntToString(Map.of(1, "one", -1, "minus one")).setStringToLong(Map.of("", 0L, "max", Long.MAX_VALUE));
    v.setBoolToByte(Map.of(true, (byte) 1, false, (byte) 0)).setColorToItem(Map.of(Color.GREEN, new Item("green", 5)));
    v.setStringToItems(Map.of("none", List.of(), "two", List.of(new Item("a", 1), new Item("b", 2))));
    v.setPointToString(Map.of(new Point(0, 0), "origin", new Point(-1, 1), "left"));
    v.setDeep(Map.of("a", Map.of(1, Set.of("x", "y"), 2, Set.of()), "b", Map.of()));
    v.setDeeper(List.of(Map.of(), Map.of("k", List.of(List.of(bytes('v'), bytes(0)), List.of()))));
    v.setNames(List.of("n1", "n2")).setGroups(Map.of("g", List.of("n1"), "empty", List.of()));
    return v.setEmpty(new Empty());
  }

  /** The text of a Defaults in which nothing was set. */
  private static final String DEFAULTS =
      "Defaults{aBool=true,aByte=-7,anI16=300,anI32=127,anI64=5000000000,aDouble=3ff8000000000000,"
      + "aString=\"it is \\\"quoted\\\"\",aBinary=x'6279746573',color=5,level=10,aList=[1,2,3],aSet={\"a\",\"b\"},"
      + "aMap={\"one\":1,\"two\":2},nested={\"none\":[],\"odd\":[1,3]},point=Point{x=3,y=4},answer=42,greeting=\"hello\","
      + "optionalInt=11,optionalString=\"given\",requiredInt=12,whole=4000000000000000,timestamp=-1}";

  private static Presence presence() {
    return new Presence(0, 0, "", "", List.of(), new Point(0, 0));
  }

  /** Calls a method that is not in the IDL. */
  private static void callUnheardOf(TProtocol p, byte type) throws TException {
    p.writeMessageBegin(new TMessage("unheardOf", type, 0));
    p.writeStructBegin(new TStruct("args"));
    p.writeFieldBegin(new TField("a", TType.STRING, (short) 1));
    p.writeString("x");
    p.writeFieldEnd();
    p.writeFieldStop();
    p.writeStructEnd();
    p.writeMessageEnd();
    p.getTransport().flush();
  }

  /** Calls echoItem with fields that are not in the IDL, and returns the answer. */
  private static Item echoItemOfTomorrow(TProtocol p) throws TException {
    p.writeMessageBegin(new TMessage("echoItem", TMessageType.CALL, 0));
    p.writeStructBegin(new TStruct("args"));
    p.writeFieldBegin(new TField("v", TType.STRUCT, (short) 1));
    p.writeStructBegin(new TStruct("Item"));
    p.writeFieldBegin(new TField("new", TType.MAP, (short) 100));
    p.writeMapBegin(new TMap(TType.STRING, TType.LIST, 1));
    p.writeString("k");
    p.writeListBegin(new TList(TType.BOOL, 2));
    p.writeBool(true);
    p.writeBool(false);
    p.writeListEnd();
    p.writeMapEnd();
    p.writeFieldEnd();
    p.writeFieldBegin(new TField("negative", TType.STRING, (short) -1));
    p.writeString("n");
    p.writeFieldEnd();
    p.writeFieldBegin(new TField("name", TType.STRING, (short) 1));
    p.writeString("kept");
    p.writeFieldEnd();
    p.writeFieldBegin(new TField("count", TType.DOUBLE, (short) 2)); // of another type
    p.writeDouble(1.5);
    p.writeFieldEnd();
    p.writeFieldBegin(new TField("price", TType.DOUBLE, (short) 3));
    p.writeDouble(0.25);
    p.writeFieldEnd();
    p.writeFieldStop();
    p.writeStructEnd();
    p.writeFieldEnd();
    p.writeFieldBegin(new TField("more", TType.I64, (short) 7));
    p.writeI64(-1);
    p.writeFieldEnd();
    p.writeFieldStop();
    p.writeStructEnd();
    p.writeMessageEnd();
    p.getTransport().flush();
    p.readMessageBegin();
    Conformance.echoItem_result result = new Conformance.echoItem_result();
    result.read(p);
    p.readMessageEnd();
    return result.success;
  }

  private static void addEchoes() {
    check("ping", c -> same(c.client().ping(), "pong"));
    echo("echoBool", true, false);
    echo("echoByte", (byte) 0, (byte) 1, (byte) -1, Byte.MAX_VALUE, Byte.MIN_VALUE);
    echo("echoI8", (byte) 0, Byte.MAX_VALUE, Byte.MIN_VALUE);
    echo("echoI16", (short) 0, (short) -1, Short.MAX_VALUE, Short.MIN_VALUE);
    echo("echoI32", 0, -1, Integer.MAX_VALUE, Integer.MIN_VALUE);
    echo("echoI64", 0L, -1L, (1L << 53) + 1, Long.MAX_VALUE, Long.MIN_VALUE);
    echo("echoDouble", 0.0, -0.0, 1.0, -1.5, 0.1, Double.MIN_VALUE, Double.MIN_NORMAL, Double.MAX_VALUE,
        Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, Double.NaN);
    echo("echoString", "", "a", "\0", "tab\t line\n", "quotes \" \\ /", "é", "水", "🦉 astral", "\ufeff", "\uffff");
    echo("echoBinary", bytes(0), bytes(1), bytes('p', 'l'), bytes('p', 'l', 'a'), bytes(256));
    echo("echoColor", Color.RED, Color.GREEN, Color.BLUE, Color.NEGATIVE);
    echo("echoLevel", Level.LOW, Level.MIDDLE, Level.HIGH);
    echo("echoTimestamp", 0L, 1700000000123L, -1L);
    echo("echoUserID", 0, Integer.MIN_VALUE);
    echo("echoBools", List.of(), List.of(true), Collections.nCopies(300, true));
    echo("echoInts", List.of(), List.of(0), List.of(Integer.MIN_VALUE, Integer.MAX_VALUE));
    echo("echoNames", List.of(), List.of(""), List.of("a", "b", "a"));
    echo("echoItems", List.of(), List.of(new Item("a", 1), new Item("", 0).setPrice(0.5)));
    echo("echoMatrix", List.of(), List.of(List.of()), List.of(List.of(), List.of(1), List.of(2, 3), List.of()));
    echo("echoIntSet", Set.of(), Set.of(1), Set.of(3, 1, 2, -5));
    echo("echoStringSet", Set.of(), Set.of(""), Set.of("b", "a", "🦉"));
    echo("echoIntToString", Map.of(), Map.of(0, ""), Map.of(1, "one", -1, "minus", Integer.MAX_VALUE, "max"));
    echo("echoStringToItems", Map.of(), Map.of("", List.of()),
        Map.of("one", List.of(new Item("a", 1)), "two", List.of(new Item("", 0), new Item("b", 2))));
    echo("echoPointToString", Map.of(), Map.of(new Point(1, 2), "a", new Point(2, 1), "b"));
    echo("echoDeep", Map.of(), Map.of("a", Map.of()), Map.of("a", Map.of(1, Set.of(), 2, Set.of("x", "y")), "", Map.of()));
    echo("echoEmpty", new Empty());
    echo("echoItem", new Item("", 0), new Item("a", 1).setPrice(-0.0), new Item().setCount(1));
    echo("echoChoice", Choice.number(0), Choice.text("🦉"), Choice.point(new Point(1, 2)), many(),
        many(Choice.number(1), many(Choice.flag(true))), Choice.flag(false), Choice.nothing(new Empty()));
    echo("echoAll", allTypes());
    check("describeAll", c -> same(c.client().describeAll(allTypes()), Text.of(allTypes())));
    check("describeChoice", c -> same(c.client().describeChoice(many(Choice.number(1), many(Choice.text("")))),
        "Choice{many=[Choice{number=1},Choice{many=[Choice{text=\"\"}]}]}"));
    check("string of 1 MiB", c -> echoes(c, "echoString", "x".repeat(1 << 20)));
    check("binary of 1 MiB", c -> echoes(c, "echoBinary", bytes(1 << 20)));
    check("large list", c -> echoes(c, "echoInts", Collections.nCopies(50000, -1)));
  }

  private static void addStructs() {
    check("declaration order is not id order", c -> {
      Scrambled v = new Scrambled("z", -1, true).setMiddle(0.5);
      echoes(c, "echoScrambled", v);
      same(c.client().describeScrambled(v), "Scrambled{last=\"z\",first=-1,middle=3fe0000000000000,zeroth=true}");
    });
    check("arguments go by declaration", c -> same(c.client().order("a", "b", "c"), "a-b-c"));
    check("words of programming languages as names", c -> same(c.client().select("t", "r", "f"), "t-r-f"));
    check("ids far apart", c -> echoes(c, "echoSparse", new Sparse(1, 17, "x").setMost(true), new Sparse(1, 0, "")));
    check("optional fields absent", c -> {
      same(c.client().describePresence(presence()), Text.of(presence()));
      echoes(c, "echoPresence", presence());
    });
    check("optional fields present though zero", c -> {
      Presence v = presence().setOptionalInt(0).setOptionalString("").setOptionalBool(false).setOptionalDouble(0)
          .setOptionalBinary(bytes(0)).setOptionalList(List.of()).setOptionalSet(Set.of()).setOptionalMap(Map.of())
          .setOptionalPoint(new Point(0, 0)).setOptionalColor(Color.RED);
      same(c.client().describePresence(v), Text.of(v));
      echoes(c, "echoPresence", v);
    });
    check("defaults of both sides", c -> {
      same(c.client().describeDefaults(new Defaults()), DEFAULTS);
      same(Text.of(c.client().newDefaults()), DEFAULTS);
    });
    check("defaults overridden by zero", c -> {
      Defaults v = new Defaults().setABool(false).setAByte((byte) 0).setAnI16((short) 0).setAnI64(0).setADouble(0)
          .setAString("").setABinary(bytes(0)).setColor(Color.RED).setAList(List.of()).setASet(Set.of())
          .setAMap(Map.of()).setNested(Map.of()).setPoint(new Point(0, 0)).setAnswer(0).setGreeting("")
          .setOptionalInt(0).setOptionalString("").setRequiredInt(0).setWhole(0).setTimestamp(0);
      same(c.client().describeDefaults(v), Text.of(v));
      echoes(c, "echoDefaults", v);
    });
    check("defaults filled in by the server", c -> {
      same(c.client().greet(null, 3, null), "world*3@5");
      Defaults v = new Defaults().setAString(null).setABinary((ByteBuffer) null).setAList(null).setASet(null).setAMap(null)
          .setNested(null).setPoint(null).setGreeting(null).setOptionalString(null).setColor(null).setLevel(null);
      v.unsetOptionalInt();
      same(c.client().describeDefaults(v), DEFAULTS);
    });
    check("recursive structs", c -> {
      Tree branch = new Tree("branch").setChildren(List.of(new Tree("leaf"), new Tree()));
      echoes(c, "echoTree", new Tree("root").setChildren(List.of(branch)).setNamed(Map.of("", new Tree("x"), "b", branch)));
      Chain chain = null;
      for (int i = 0; i < 50; i++) {
        chain = chain == null ? new Chain(i) : new Chain(i).setRest(chain);
      }
      echoes(c, "echoChain", chain);
      Company inner = new Company("inner", List.of(new Person("a"), new Person("b").setEmployer(new Company("x", List.of()))));
      echoes(c, "echoPerson", new Person("p").setEmployer(inner));
    });
  }

  private static void addCalls() {
    check("included types and the service extended", c -> {
      Conformance.Client client = c.client();
      same(client.mirror(new Point(1, -2)), new Point(-2, 1));
      client.check(true);
      raises(Unavailable.class, e -> e.reason.equals("not ok") && e.retryAfterMs == 250, () -> client.check(false));
      usable(client);
    });
    check("declared exceptions", c -> {
      Conformance.Client client = c.client();
      same(client.divide(-7, 2), -3);
      raises(DivisionByZero.class, e -> e.dividend == 7, () -> client.divide(7, 0));
      raises(InvalidInput.class, e -> Text.of(e).equals("InvalidInput{field=\"b\",code=-1,hints=[\"b >= 0\",\"try again\"]}"),
          () -> client.divide(7, -2));
      raises(DivisionByZero.class, e -> e.dividend == 7, () -> client.fail("zero"));
      raises(InvalidInput.class, e -> Text.of(e).equals("InvalidInput{field=\"kind\",code=3,hints=[]}"),
          () -> client.fail("invalid"));
      raises(Unavailable.class, e -> Text.of(e).equals("Unavailable{reason=\"closed\"}"), () -> client.fail("unavailable"));
      client.fail("not at all");
      usable(client);
    });
    check("application exception", c -> {
      Conformance.Client client = c.client();
      raises(TApplicationException.class,
          e -> e.getType() == TApplicationException.PROTOCOL_ERROR && "as asked".equals(e.getMessage()),
          () -> client.fail("application"));
      usable(client);
    });
    check("undeclared error", c -> {
      Conformance.Client client = c.client();
      raisesApplication(TApplicationException.INTERNAL_ERROR, () -> client.fail("undeclared"));
      usable(client);
    });
    check("no result", c -> {
      Conformance.Client client = c.client();
      raisesApplication(TApplicationException.MISSING_RESULT, client::absent);
      usable(client);
    });
    check("unknown method", c -> {
      Conformance.Client client = c.client();
      for (int i = 0; i < 3; i++) {
        callUnheardOf(client.getOutputProtocol(), TMessageType.CALL);
        raisesApplication(TApplicationException.UNKNOWN_METHOD, client::recv_absent);
        usable(client);
      }
    });
    check("unknown oneway method", c -> {
      Conformance.Client client = c.client();
      callUnheardOf(client.getOutputProtocol(), TMessageType.ONEWAY);
      usable(client);
    });
    check("unknown fields, and a field of another type", c -> {
      Conformance.Client client = c.client();
      Item got = echoItemOfTomorrow(client.getOutputProtocol());
      same(got.name, "kept");
      same(got.price, 0.25);
      same(got.count, 0);
      usable(client);
    });
    check("oneway", c -> {
      Conformance.Client client = c.client();
      String token = UUID.randomUUID().toString();
      for (int i = 0; i < 10; i++) {
        client.notify(token);
      }
      usable(client);
      for (int i = 0; i < 1000 && client.notified(token) < 10; i++) {
        Thread.sleep(10);
      }
      same(client.notified(token), 10);
    });
    check("many calls on one connection", c -> {
      Conformance.Client client = c.client();
      for (int i = 0; i < 500; i++) {
        int n = i;
        same(client.echoI32(n), n);
        if (n % 10 == 0) {
          raises(DivisionByZero.class, e -> e.dividend == n, () -> client.divide(n, 0));
        }
      }
    });
    check("several clients at once", c -> {
      List<Exception> failures = Collections.synchronizedList(new ArrayList<>());
      List<Thread> threads = new ArrayList<>();
      for (int n = 0; n < 8; n++) {
        String prefix = n + "/";
        Thread t = new Thread(() -> {
          try {
            Conformance.Client client = c.client();
            for (int i = 0; i < 25; i++) {
              same(client.echoString(prefix + i), prefix + i);
            }
          } catch (Exception e) {
            failures.add(e);
          }
        });
        t.start();
        threads.add(t);
      }
      for (Thread t : threads) {
        t.join();
      }
      same(failures.toString(), "[]");
    });
  }

  private static void addMultiplexed() {
    check("another service on the same connection", c -> {
      TProtocol p = c.connect();
      Conformance.Client client = c.client(p);
      Base.Client base = new Base.Client(new TMultiplexedProtocol(p, "Base"));
      for (int i = 0; i < 3; i++) {
        same(base.ping(), "pong");
        usable(client);
      }
    });
  }

  public static void main(String[] args) throws Exception {
    Routes.Certificates certificates = new Routes.Certificates(Path.of(args[1]), "client");
    HttpsURLConnection.setDefaultSSLSocketFactory(certificates.context().getSocketFactory());
    int ok = 0;
    int failed = 0;
    for (String arg : Arrays.asList(args).subList(2, args.length)) {
      int equals = arg.indexOf('=');
      Context c = new Context(new Routes.Route(arg.substring(0, equals)), arg.substring(equals + 1), certificates);
      CHECKS.clear();
      addEchoes();
      addStructs();
      addCalls();
      if (c.route.socket.equals("mux")) {
        addMultiplexed();
      }
      for (Check check : CHECKS) {
        String verdict = "ok";
        String detail = "";
        try {
          check.body.run(c);
          ok++;
        } catch (Exception e) {
          verdict = "FAIL";
          Throwable cause = e.getCause() == null ? e : e.getCause();
          detail = ": " + shorten(cause.toString().replace('\n', ' '));
          failed++;
        }
        c.close();
        System.out.println(c.route + " " + verdict + " " + check.name + detail);
      }
    }
    System.out.println("done " + ok + " ok, " + failed + " failed, 0 skipped");
    Runtime.getRuntime().halt(failed > 0 ? 1 : 0);
  }
}
