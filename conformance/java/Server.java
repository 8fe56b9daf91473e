import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import conformance.Conformance;
import conformance.Defaults;
import conformance.DivisionByZero;
import conformance.InvalidInput;
import conformance.shared.Base;
import conformance.shared.Level;
import conformance.shared.Point;
import conformance.shared.Unavailable;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import org.apache.thrift.TApplicationException;
import org.apache.thrift.TException;
import org.apache.thrift.TMultiplexedProcessor;
import org.apache.thrift.TProcessor;
import org.apache.thrift.server.TThreadPoolServer;
import org.apache.thrift.transport.TIOStreamTransport;
import org.apache.thrift.transport.TMemoryBuffer;
import org.apache.thrift.transport.TSSLTransportFactory;
import org.apache.thrift.transport.TServerSocket;

/**
 * The conformance service on Apache Thrift's Java library, on every route that the library has.
 *
 * <p>{@code Server --tls DIR --unix DIR} prints "ROUTE protocol/transport/socket ADDRESS" for each route, then
 * "READY", and serves until its standard input closes.
 */
public final class Server {
  private static final Map<String, Integer> TOKENS = new ConcurrentHashMap<>();

  private Server() {}

  /** Answers a call; nearly all methods are an echo. */
  private static Object answer(String method, Object[] args) throws Exception {
    if (method.startsWith("echo")) {
      return args[0];
    }
    if (method.startsWith("describe")) {
      return Text.of(args[0]);
    }
    switch (method) {
      case "ping":
        return "pong";
      case "mirror":
        Point p = (Point) args[0];
        return new Point(p.y, p.x);
      case "check":
        if (!(Boolean) args[0]) {
          throw new Unavailable("not ok").setRetryAfterMs(250);
        }
        return null;
      case "newDefaults":
        return new Defaults();
      case "order":
      case "select":
        return args[0] + "-" + args[1] + "-" + args[2];
      case "greet":
        return args[0] + "*" + args[1] + "@" + ((Level) args[2]).getValue();
      case "divide":
        return divide((Integer) args[0], (Integer) args[1]);
      case "fail":
        fail((String) args[0]);
        return null;
      case "notify":
        TOKENS.merge((String) args[0], 1, Integer::sum);
        return null;
      case "notified":
        return TOKENS.getOrDefault(args[0], 0);
      case "sleep":
        Thread.sleep((Integer) args[0]);
        return null;
      default: // absent
        return null;
    }
  }

  private static int divide(int a, int b) throws TException {
    if (b == 0) {
      throw new DivisionByZero(a);
    }
    if (b < 0) {
      throw new InvalidInput("b", -1, List.of("b >= 0", "try again"));
    }
    return a / b;
  }

  private static void fail(String kind) throws TException {
    switch (kind) {
      case "zero":
        throw new DivisionByZero(7);
      case "invalid":
        throw new InvalidInput("kind", 3, List.of());
      case "unavailable":
        throw new Unavailable("closed");
      case "application":
        throw new TApplicationException(TApplicationException.PROTOCOL_ERROR, "as asked");
      case "undeclared":
        throw new IllegalStateException("undeclared, as asked");
      default:
    }
  }

  /** Starts to serve a route on the library's sockets, and returns the port. */
  private static int serve(Routes.Route route, TProcessor processor, Routes.Certificates certificates) throws Exception {
    InetAddress loopback = InetAddress.getByName("127.0.0.1");
    TServerSocket socket = route.socket.equals("tls")
        ? TSSLTransportFactory.getServerSocket(0, 0, loopback, certificates.parameters())
        : new TServerSocket(new InetSocketAddress(loopback, 0));
    TThreadPoolServer server = new TThreadPoolServer(new TThreadPoolServer.Args(socket)
        .processor(processor)
        .transportFactory(route.transports())
        .protocolFactory(route.protocols()));
    start(server::serve);
    return socket.getServerSocket().getLocalPort();
  }

  private static void start(Runnable r) {
    Thread t = new Thread(r);
    t.setDaemon(true);
    t.start();
  }

  /** Starts to serve a route over HTTP, with the server of the JDK, and returns the port. */
  private static int serveHTTP(Routes.Route route, TProcessor processor, SSLContext context) throws IOException {
    InetSocketAddress address = new InetSocketAddress("127.0.0.1", 0);
    HttpServer server;
    if (route.socket.equals("tls")) {
      HttpsServer secure = HttpsServer.create(address, 0);
      secure.setHttpsConfigurator(new HttpsConfigurator(context) {
        @Override
        public void configure(HttpsParameters parameters) {
          SSLParameters p = context.getDefaultSSLParameters();
          p.setNeedClientAuth(true);
          parameters.setSSLParameters(p);
        }
      });
      server = secure;
    } else {
      server = HttpServer.create(address, 0);
    }
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/thrift", exchange -> answer(exchange, route, processor));
    start(server::start);
    return server.getAddress().getPort();
  }

  private static void answer(HttpExchange exchange, Routes.Route route, TProcessor processor) throws IOException {
    try {
      TMemoryBuffer out = new TMemoryBuffer(1024);
      processor.process(
          route.protocols().getProtocol(new TIOStreamTransport(exchange.getRequestBody())),
          route.protocols().getProtocol(out));
      exchange.getResponseHeaders().set("Content-Type", "application/x-thrift");
      exchange.sendResponseHeaders(200, out.length() == 0 ? -1 : out.length());
      exchange.getResponseBody().write(out.getArray(), 0, out.length());
    } catch (TException e) {
      exchange.sendResponseHeaders(500, -1);
    } finally {
      exchange.close();
    }
  }

  public static void main(String[] args) throws Exception {
    System.setProperty("sun.net.httpserver.nodelay", "true");
    Conformance.Iface handler = (Conformance.Iface) Proxy.newProxyInstance(
        Server.class.getClassLoader(), new Class<?>[] {Conformance.Iface.class},
        (proxy, method, arguments) -> answer(method.getName(), arguments));
    TProcessor plain = new Conformance.Processor<>(handler);
    TMultiplexedProcessor multiplexed = new TMultiplexedProcessor();
    multiplexed.registerProcessor("Conformance", plain);
    multiplexed.registerProcessor("Base", new Base.Processor<>(handler));

    Routes.Certificates certificates = new Routes.Certificates(Path.of(args[1]), "server");
    for (Routes.Route route : Routes.all()) {
      TProcessor processor = route.socket.equals("mux") ? multiplexed : plain;
      int port = route.transport.equals("http")
          ? serveHTTP(route, processor, certificates.context())
          : serve(route, processor, certificates);
      System.out.println("ROUTE " + route + " 127.0.0.1:" + port);
    }
    System.out.println("READY");
    while (System.in.read() >= 0) {}
    Runtime.getRuntime().halt(0);
  }
}
