import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.protocol.TCompactProtocol;
import org.apache.thrift.protocol.TJSONProtocol;
import org.apache.thrift.protocol.TProtocolFactory;
import org.apache.thrift.transport.TSSLTransportFactory.TSSLTransportParameters;
import org.apache.thrift.transport.TTransportFactory;
import org.apache.thrift.transport.TZlibTransport;
import org.apache.thrift.transport.layered.TFramedTransport;

/** The ways to talk that Apache Thrift's Java library has: neither THeader nor unix sockets. */
final class Routes {
  /** Protocol, transport and socket of a route. */
  static final class Route {
    final String protocol;
    final String transport;
    final String socket; // tcp, tls; mux is tcp, multiplexed

    Route(String name) {
      String[] words = name.split("/");
      protocol = words[0];
      transport = words[1];
      socket = words[2];
    }

    @Override
    public String toString() {
      return protocol + "/" + transport + "/" + socket;
    }

    TProtocolFactory protocols() {
      switch (protocol) {
        case "compact":
          return new TCompactProtocol.Factory();
        case "json":
          return new TJSONProtocol.Factory();
        default:
          return new TBinaryProtocol.Factory();
      }
    }

    /** What goes around a socket, whose streams are buffered. */
    TTransportFactory transports() {
      switch (transport) {
        case "framed":
          return new TFramedTransport.Factory();
        case "zlib":
          return new TZlibTransport.Factory();
        default:
          return new TTransportFactory();
      }
    }
  }

  private Routes() {}

  static List<Route> all() {
    List<Route> routes = new ArrayList<>();
    for (String protocol : List.of("binary", "compact", "json")) {
      for (String transport : List.of("buffered", "framed", "zlib", "http")) {
        for (String socket : List.of("tcp", "tls")) {
          routes.add(new Route(protocol + "/" + transport + "/" + socket));
        }
      }
    }
    routes.add(new Route("binary/buffered/mux"));
    return routes;
  }

  private static final String PASSWORD = "password"; // Java's stores insist on one
  private static final String TYPE = "JKS"; // PKCS12 takes much time for each connection, to hide the key

  /** The certificates of one side, from PEM files. */
  static final class Certificates {
    private final KeyStore own = KeyStore.getInstance(TYPE);
    private final KeyStore trusted = KeyStore.getInstance(TYPE);

    Certificates(Path dir, String name) throws Exception {
      own.load(null, null);
      trusted.load(null, null);
      String pem = Files.readString(dir.resolve(name + ".key")).replaceAll("-----[A-Z ]+-----|\\s", "");
      PKCS8EncodedKeySpec key = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem));
      own.setKeyEntry(name, KeyFactory.getInstance("EC").generatePrivate(key), PASSWORD.toCharArray(),
          new Certificate[] {read(dir.resolve(name + ".pem"))});
      trusted.setCertificateEntry("ca", read(dir.resolve("ca.pem")));
    }

    private static Certificate read(Path file) throws Exception {
      try (InputStream in = Files.newInputStream(file)) {
        return CertificateFactory.getInstance("X.509").generateCertificate(in);
      }
    }

    private static InputStream stream(KeyStore store) throws Exception {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      store.store(out, PASSWORD.toCharArray());
      return new ByteArrayInputStream(out.toByteArray());
    }

    /** For the library's sockets. */
    TSSLTransportParameters parameters() throws Exception {
      TSSLTransportParameters p = new TSSLTransportParameters();
      p.setKeyStore(stream(own), PASSWORD, KeyManagerFactory.getDefaultAlgorithm(), TYPE);
      p.setTrustStore(stream(trusted), PASSWORD, TrustManagerFactory.getDefaultAlgorithm(), TYPE);
      p.requireClientAuth(true);
      return p;
    }

    /** For HTTP. */
    SSLContext context() throws Exception {
      KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      keys.init(own, PASSWORD.toCharArray());
      TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(trusted);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
      return context;
    }
  }
}
